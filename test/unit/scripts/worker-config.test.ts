import { join } from "node:path";
import { expect, it } from "vitest";
import { parseWorkerConfig, readWorkerConfig } from "../../../scripts/worker-config.ts";

it("reads the project's own file", () => {
  const config = readWorkerConfig(join(import.meta.dirname, "../../../wrangler.toml"));
  expect(config).toMatchObject({
    name: "workers-s3",
    compatibilityDate: expect.stringMatching(/^\d{4}-\d\d-\d\d$/),
    vars: { REGION: "us-east-1", CONFIG_TTL_SECONDS: "5" },
    database: { binding: "DB", id: "DB", migrationsFolder: join(import.meta.dirname, "../../../migrations") },
    objects: { UPLOADS: "MultipartUpload" },
    producers: { EVENTS: "workers-s3-events", DEAD_LETTERS: "workers-s3-dead-letters" },
    crons: ["*/10 * * * *", "*/2 * * * *", "1-59/2 * * * *", "* * * * *"],
  });
  expect(config.buckets.map(({ binding }) => binding)).toContain("STORE");
  expect(config.consumers.find(({ queue }) => queue === "workers-s3-events")).toEqual({
    queue: "workers-s3-events",
    maxBatchSize: 100,
    maxBatchTimeout: 1,
    maxRetries: 100,
    retryDelay: 10,
    deadLetterQueue: "workers-s3-dead-letters",
  });
});

it("takes every setting as text, and bindings of other regions and queues", () => {
  const config = parseWorkerConfig(
    `
    vars = { ANY = 5, OTHER = true }
    r2_buckets = [{ binding = "STORE", bucket_name = "named" }, { binding = "STORE_EU_WEST_1" }]
    d1_databases = [{ binding = "DB", database_id = "remote-id" }]
    queues = { producers = [{ binding = "QUEUE_JOBS", queue = "jobs" }] }`,
    "/project",
  );
  expect(config).toMatchObject({
    vars: { ANY: "5", OTHER: "true" },
    buckets: [
      { binding: "STORE", bucketName: "named" },
      { binding: "STORE_EU_WEST_1", bucketName: undefined },
    ],
    database: { binding: "DB", id: "remote-id", migrationsFolder: "/project/migrations" },
    producers: { QUEUE_JOBS: "jobs" },
    consumers: [],
  });
});

it("takes an environment's own bindings and settings", () => {
  const toml = `
    name = "a"
    compatibility_date = "2026-11-01"
    vars = { REGION = "top" }
    triggers = { crons = ["* * * * *"] }
    [env.other]
    d1_databases = [{ binding = "DB" }]`;
  expect(parseWorkerConfig(toml, "/", "other")).toMatchObject({
    name: "a-other",
    compatibilityDate: "2026-11-01",
    vars: {},
    crons: ["* * * * *"],
  });
});

it.each([
  ["", "wrangler.toml binds no D1 database."],
  ["d1_databases = [{}]", 'wrangler.toml: a binding lacks "binding".'],
])("says what is missing in %j", (toml, message) => {
  expect(() => parseWorkerConfig(toml, "/")).toThrow(message);
});
