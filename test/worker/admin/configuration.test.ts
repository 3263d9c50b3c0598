import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Env } from "../../../src/env.ts";
import { openServices } from "../../../src/services.ts";
import { NEWEST_MIGRATION } from "../../../src/storage/d1/directory.ts";
import { expectError } from "../../support/errors.ts";
import { send } from "../../support/request.ts";
import { testEnv } from "../../support/s3.ts";
import { handleRequest } from "../../support/worker.ts";

const HEALTH = "http://s3.localhost:8787/-/health";
const REMEDY = "Run `npm run deploy` (or `npm run dev` for local use), which sets what is missing.";

/** The bindings of another deployment, so that no cached services are used. */
function envWith(changes: Partial<Record<keyof Env, unknown>>): Env {
  const DB = new Proxy(env.DB, {
    get: (target, name) => {
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...testEnv, DB, ...changes } as Env;
}

/** A database without the schema. */
function withoutSchema(): D1Database {
  const fail = async () => {
    throw new Error("D1_ERROR: no such table: accounts: SQLITE_ERROR");
  };
  const statement = { bind: () => statement, first: fail, all: fail, run: fail, raw: fail };
  return { prepare: () => statement, batch: fail, exec: fail } as unknown as D1Database;
}

describe("health", () => {
  it("answers 200 to anyone if nothing is missing, and returns nothing else", async () => {
    const response = await handleRequest(new Request(HEALTH), testEnv);
    expect([response.status, await response.json()]).toEqual([200, { status: "ok" }]);
  });

  it("answers 503 with the command to run if the schema is missing", async () => {
    const response = await handleRequest(new Request(HEALTH), envWith({ DB: withoutSchema() }));
    expect([response.status, await response.json()]).toEqual([
      503,
      { status: "unavailable", message: expect.stringMatching(/schema is missing.*npm run deploy/) },
    ]);
  });

  it("answers 503 while the newest migration is missing, and 200 once it is applied", async () => {
    const find = "SELECT * FROM d1_migrations WHERE name = ?";
    const row = await env.DB.prepare(find).bind(NEWEST_MIGRATION).first<{ id: number; name: string }>();
    expect(row?.name).toBe(NEWEST_MIGRATION);
    await env.DB.prepare("DELETE FROM d1_migrations WHERE name = ?").bind(NEWEST_MIGRATION).run();
    const behind = await handleRequest(new Request(HEALTH), testEnv);
    expect([behind.status, await behind.json()]).toEqual([
      503,
      { status: "unavailable", message: expect.stringMatching(/newest migrations.*npm run deploy/) },
    ]);
    await env.DB.prepare("INSERT INTO d1_migrations (id, name) VALUES (?, ?)").bind(row?.id, NEWEST_MIGRATION).run();
    expect((await handleRequest(new Request(HEALTH), testEnv)).status).toBe(200);
  });

  it("answers other methods with NotFound", async () => {
    const response = await handleRequest(new Request(HEALTH, { method: "POST" }), testEnv);
    expect([response.status, await response.json()]).toMatchObject([404, { error: { code: "NotFound" } }]);
  });
});

describe("the addresses that outgoing requests can call", () => {
  it.each([
    [
      "by default, no private address and no domain of the deployment",
      {},
      undefined,
      { allowPrivate: false, ownHosts: ["s3.localhost", "website.localhost"] },
    ],
    [
      "the public origin and the origin of the request belong to the deployment",
      { PUBLIC_ORIGIN: "https://s3.example.com", S3_DOMAINS: "a.example,b.example", WEBSITE_DOMAINS: "c.example" },
      "http://127.0.0.1:8787",
      { allowPrivate: false, ownHosts: ["a.example", "b.example", "c.example", "s3.example.com", "127.0.0.1:8787"] },
    ],
    [
      "a setting allows private addresses",
      { ALLOW_PRIVATE_TARGETS: "true" },
      undefined,
      { allowPrivate: true, ownHosts: ["s3.localhost", "website.localhost"] },
    ],
  ])("are limited: %s", async (_name, changes, origin, policy) => {
    const services = openServices(envWith({ ALLOW_PRIVATE_TARGETS: undefined, ...changes }));
    expect(services.targetPolicy(origin)).toEqual(policy);
  });
});

describe("a Worker that is not configured", () => {
  const faults: [string, Partial<Record<keyof Env, unknown>>, string][] = [
    ["no root key id", { ROOT_ACCESS_KEY_ID: undefined }, `The secret ROOT_ACCESS_KEY_ID is not set. ${REMEDY}`],
    ["no root secret", { ROOT_SECRET_ACCESS_KEY: "" }, `The secret ROOT_SECRET_ACCESS_KEY is not set. ${REMEDY}`],
    ["no seal key", { SEAL_KEY: undefined }, `The secret SEAL_KEY is not set. ${REMEDY}`],
    [
      "a domain in two settings",
      { WEBSITE_DOMAINS: "example.com, S3.localhost" },
      "s3.localhost is in both S3_DOMAINS and WEBSITE_DOMAINS; it can be in only one of them.",
    ],
    ["a short seal key", { SEAL_KEY: "abcd" }, "The secret SEAL_KEY must be 64 hexadecimal digits."],
    [
      "a short root secret",
      { ROOT_SECRET_ACCESS_KEY: "hunter2" },
      "The secret ROOT_SECRET_ACCESS_KEY must be 16 to 128 characters without blanks.",
    ],
    [
      "an invalid lifetime",
      { CONFIG_TTL_SECONDS: "soon" },
      "CONFIG_TTL_SECONDS must be a whole number from 0 to 9999.",
    ],
    [
      "a shorter day of lifecycle rules on Cloudflare",
      { LIFECYCLE_DAY_SECONDS: "10", ONE_ISOLATE: "false" },
      "LIFECYCLE_DAY_SECONDS is for development only.",
    ],
    [
      "customers' keys over HTTP on Cloudflare",
      { CUSTOMER_KEYS_OVER_HTTP: "true", ONE_ISOLATE: "false" },
      "CUSTOMER_KEYS_OVER_HTTP is for development only.",
    ],
    [
      "too few calls for the lifecycle",
      { LIFECYCLE_CALLS: "9" },
      "LIFECYCLE_CALLS must be a whole number from 100 to 9999.",
    ],
    ["no grace period for blobs", { BLOB_GRACE_HOURS: "0" }, "BLOB_GRACE_HOURS must be a whole number from 1 to 9999."],
    [
      "an origin with a path",
      { PUBLIC_ORIGIN: "https://s3.example.com/" },
      "PUBLIC_ORIGIN must be like https://s3.example.com, in lower case and without a path.",
    ],
    ["another invalid flag", { ALLOW_PRIVATE_TARGETS: "1" }, 'ALLOW_PRIVATE_TARGETS must be "true" or "false".'],
    ["an invalid flag", { ENFORCE_REGION: "yes" }, 'ENFORCE_REGION must be "true" or "false".'],
    ["an unknown kind of new buckets", { NEW_BUCKETS: "AWS" }, 'NEW_BUCKETS must be "open" or "aws".'],
    ["an unknown kind of log", { REQUEST_LOG: "none" }, 'REQUEST_LOG must be "all", "errors" or "failures".'],
    ["an unknown kind of reads", { D1_READS: "replica" }, 'D1_READS must be "primary" or "nearest".'],
    ["an unknown kind of edge cache", { EDGE_CACHE: "on" }, 'EDGE_CACHE must be "off" or "public".'],
    ["an invalid switch", { SIGNATURE_V2: "true" }, 'SIGNATURE_V2 must be "on" or "off".'],
  ];

  it.each(faults)("with %s answers S3 requests with ServiceUnavailable", async (_name, changes, message) => {
    const response = await handleRequest(new Request("http://s3.localhost:8787/bucket/k?x=1"), envWith(changes));
    await expectError(response, 503, "ServiceUnavailable", { message });
  });

  it.each(faults)("with %s reports it below /-/", async (_name, changes, message) => {
    for (const path of ["health", "admin/accounts"]) {
      const request = new Request(`http://s3.localhost:8787/-/${path}`);
      const response = await handleRequest(request, envWith(changes));
      expect([response.status, await response.json()]).toEqual([503, { status: "unconfigured", message }]);
    }
  });

  it("never repeats a secret that is malformed", async () => {
    const response = await handleRequest(new Request(HEALTH), envWith({ ROOT_SECRET_ACCESS_KEY: "hunter2" }));
    expect(await response.text()).not.toContain("hunter2");
  });

  it("without bindings reports which are missing", async () => {
    const response = await handleRequest(new Request(HEALTH), envWith({ STORE: undefined }));
    expect(response.status).toBe(503);
    expect(await response.text()).toContain("STORE");
  });

  it("without schema answers S3 requests with ServiceUnavailable and the command to run", async () => {
    const response = await send({ bucket: "bucket", env: envWith({ DB: withoutSchema() }) });
    await expectError(response, 503, "ServiceUnavailable", {
      message: /^The database schema is missing or older than this Worker\. Run `npm run deploy`/,
    });
  });

  it("continues to serve the deployment that is configured", async () => {
    expect((await handleRequest(new Request(HEALTH), envWith({ SEAL_KEY: undefined }))).status).toBe(503);
    expect((await handleRequest(new Request(HEALTH), testEnv)).status).toBe(200);
  });
});
