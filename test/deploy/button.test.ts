/**
 * What Cloudflare's button does with the repository, as its documentation describes it ("Deploy to Cloudflare buttons"): it fills in
 * a form, creates the resources, writes their names and ids into the configuration, creates the Worker with the secrets that the
 * example names, and runs the deploy script without a terminal.
 */
import { execFile } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { beforeEach, describe, expect, it } from "vitest";
import { appliedMigrations, clone, cloud, keysIn, migrations, type Outcome, useClone } from "../support/deployment.ts";
import { ACCOUNT_ID } from "../support/fake-cloudflare.ts";

useClone();

const SETUP_CODE = "a code of a test 123";
const QUEUES = ["events", "deliveries", "retries", "replication", "access-logs", "dead-letters"];
let original: string;

beforeEach(() => {
  original ??= readFileSync(join(clone, "wrangler.toml"), "utf8");
});

interface Form {
  readonly worker: string;
  readonly bucket: string;
  readonly database: string;
}

/** Everything before the build. */
function fillIn({ worker, bucket, database }: Form, change = (toml: string) => toml): void {
  cloud.buckets.add(bucket);
  const { uuid } = cloud.addDatabase(database);
  for (const name of QUEUES) cloud.addQueue(`workers-s3-${name}`);
  const asked = Object.keys(parseEnv(readFileSync(join(clone, ".dev.vars.example"), "utf8")));
  cloud.workers.set(worker, {
    bindings: asked.map((name) => ({ type: "secret_text", name, text: SETUP_CODE })),
    files: [],
    subdomain: { enabled: false, previews_enabled: false },
    schedules: [],
  });
  const toml = original
    .replace('name = "workers-s3"', `name = "${worker}"`)
    .replace('bucket_name = "workers-s3-store"', `bucket_name = "${bucket}"`)
    .replace('database_name = "workers-s3"', `database_name = "${database}"\ndatabase_id = "${uuid}"`);
  writeFileSync(join(clone, "wrangler.toml"), change(toml));
}

/** The command of package.json in Workers Builds. */
function build(worker: string, args: readonly string[] = []): Promise<Outcome> {
  const env = {
    PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH}`,
    HOME: clone,
    CI: "true",
    WORKERS_CI: "1",
    WORKERS_CI_BRANCH: "main",
    CLOUDFLARE_ACCOUNT_ID: ACCOUNT_ID,
    CLOUDFLARE_API_TOKEN: "x",
    CLOUDFLARE_API_BASE_URL: cloud.base,
    WRANGLER_CI_MATCH_TAG: worker,
    WRANGLER_CI_OVERRIDE_NAME: worker,
    WRANGLER_SEND_METRICS: "false",
  };
  return new Promise((resolve) => {
    const child = execFile("npm", ["run", "deploy", "--", ...args], { env, cwd: clone }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), text: `${stdout}${stderr}` });
    });
    child.stdin?.end();
  });
}

describe("the button", () => {
  const form = { worker: "my-s3", bucket: "my-objects", database: "my-accounts" };

  it("ends in a Worker on the chosen resources that waits for its set-up, and shows no keys", async () => {
    fillIn(form);
    const { code, text } = await build(form.worker);
    expect(code, text).toBe(0);
    expect([...cloud.workers.keys()]).toEqual(["my-s3"]);
    expect([...cloud.buckets]).toEqual(["my-objects"]);
    expect([...cloud.databases.values()].map(({ name }) => name)).toEqual(["my-accounts"]);
    expect(appliedMigrations()).toEqual(migrations);
    const worker = cloud.workers.get("my-s3");
    expect(cloud.secretsOf("my-s3")).toEqual({ SETUP_CODE });
    expect(worker?.bindings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: "STORE", bucket_name: "my-objects" }),
        expect.objectContaining({ name: "DB", id: [...cloud.databases.keys()][0] }),
        expect.objectContaining({ name: "UPLOADS", type: "durable_object_namespace" }),
        ...["EVENTS", "DELIVERIES", "RETRIES", "REPLICATION", "ACCESS_LOGS", "DEAD_LETTERS"].map((name) =>
          expect.objectContaining({ name, type: "queue" }),
        ),
      ]),
    );
    expect(worker?.subdomain.enabled).toBe(true);
    expect(worker?.schedules).toHaveLength(4);
    expect(cloud.queues.size).toBe(6);
    for (const { consumers } of cloud.queues.values()) expect(consumers).toHaveLength(1);
    expect(text).toContain("https://my-s3.example.workers.dev/-/setup");
    expect(keysIn(text)).toEqual({
      ROOT_ACCESS_KEY_ID: undefined,
      ROOT_SECRET_ACCESS_KEY: undefined,
      SEAL_KEY: undefined,
    });
    expect(text).not.toContain(SETUP_CODE);

    const pushed = await build(form.worker);
    expect(pushed.code, pushed.text).toBe(0);
    expect(cloud.secretsOf("my-s3")).toEqual({ SETUP_CODE });
    expect(cloud.workers.get("my-s3")?.subdomain.enabled).toBe(true);
  });

  it.each([
    [
      "a queue that was renamed in one place only",
      (toml: string) => toml.replace('"workers-s3-events"', '"my-events"'),
      "the queue my-events of EVENTS needs a consumer",
    ],
    [
      "a queue of dead letters with another name",
      (toml: string) => toml.replaceAll("workers-s3-dead-letters", "my-failures"),
      "the name of the queue DEAD_LETTERS, my-failures, must end in dead-letters",
    ],
    [
      "dead letters that go to another queue",
      (toml: string) => toml.replace('dead_letter_queue = "workers-s3-dead-letters"', 'dead_letter_queue = "other"'),
      'the consumer of workers-s3-events must have dead_letter_queue = "workers-s3-dead-letters"',
    ],
    [
      "queues without names",
      (toml: string) => toml.replaceAll(/^queue = .*$/gm, ""),
      'should have a string "queue" field',
    ],
    [
      "a database_id that names nothing",
      (toml: string) => toml.replace(/database_id = .*/, 'database_id = "00000000-0000-4000-8000-000000000000"'),
      "The account has no D1 database with the database_id",
    ],
  ])("says what to correct, and changes nothing: %s", async (_case, change, message) => {
    fillIn(form, change);
    const { code, text } = await build(form.worker);
    expect(code).not.toBe(0);
    expect(text).toContain(message);
    expect(cloud.changes).toEqual([]);
  });
});
