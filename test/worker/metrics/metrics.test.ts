/** Data points of Workers Analytics Engine: what is in them, what never is, and that they cost and break nothing. */
import { createMessageBatch } from "cloudflare:test";
import { beforeAll, describe, expect, it, vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { Metrics } from "../../../src/metrics/metrics.ts";
import { runSchedule } from "../../../src/sweeps/run-schedule.ts";
import { EVERY_MINUTE } from "../../../src/sweeps/schedules.ts";
import { createAccount, rootAccount, type TestAccount } from "../../support/accounts.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { call } from "../../support/iam.ts";
import { putObject, type SendOptions, send } from "../../support/request.ts";
import { createBucket, ROOT, s3, testEnv } from "../../support/s3.ts";
import { handleQueue, handleRequest } from "../../support/worker.ts";

/** As docs/metrics.md lists them. */
const BLOBS = [
  "kind",
  "service",
  "operation",
  "outcome",
  "errorCode",
  "bucket",
  "bucketOwner",
  "region",
  "callerKind",
  "callerAccount",
  "callerKey",
  "callerArn",
  "method",
] as const;
const DOUBLES = ["milliseconds", "receivedBytes", "sentBytes", "messages"] as const;

type Point = Readonly<Record<(typeof BLOBS)[number], string> & Record<(typeof DOUBLES)[number], number>> & {
  readonly index: string;
};

const points: Point[] = [];
const METRICS: NonNullable<Env["METRICS"]> = {
  writeDataPoint({ blobs = [], doubles = [], indexes = [] } = {}) {
    expect([blobs.length, doubles.length, indexes.length]).toEqual([BLOBS.length, DOUBLES.length, 1]);
    const bytes = (values: readonly unknown[]) => new TextEncoder().encode(values.join("")).byteLength;
    expect(bytes(blobs)).toBeLessThanOrEqual(16 * 1024);
    expect(bytes(indexes)).toBeLessThanOrEqual(96);
    for (const value of doubles) expect(Number.isFinite(value)).toBe(true);
    points.push({
      index: String(indexes[0]),
      ...Object.fromEntries(BLOBS.map((name, position) => [name, blobs[position]])),
      ...Object.fromEntries(DOUBLES.map((name, position) => [name, doubles[position]])),
    } as Point);
  },
};
// A queue of its own, so that it is not taken for the bindings of the Worker itself.
const EVENTS = { send: async () => {}, sendBatch: async () => {} } as unknown as Env["EVENTS"];
const env: Env = { ...testEnv, EVENTS, METRICS };

let bucket: string;
let accountId: string;
let tenant: TestAccount;

beforeAll(async () => {
  bucket = await createBucket();
  await putObject(bucket, "secret-key", "content");
  ({ accountId } = await rootAccount());
  tenant = await createAccount();
  points.length = 0;
});

async function pointsOf(options: SendOptions): Promise<Point[]> {
  await (await send({ env, ...options })).text();
  return points.splice(0);
}

const REQUEST = { kind: "request", messages: 0 };

describe("a request is one point", () => {
  it("with operation, status, bucket, caller and bytes, by the bucket's name", async () => {
    const found = await pointsOf({ bucket, key: "secret-key" });
    expect(found).toEqual([
      {
        ...REQUEST,
        index: bucket,
        service: "s3",
        operation: "GetObject",
        outcome: "200",
        errorCode: "",
        bucket,
        bucketOwner: accountId,
        region: "us-east-1",
        callerKind: "root",
        callerAccount: accountId,
        callerKey: ROOT.accessKeyId,
        callerArn: `arn:aws:iam::${accountId}:root`,
        method: "GET",
        milliseconds: expect.any(Number),
        receivedBytes: 0,
        sentBytes: 7,
      },
    ]);
  });

  it("also of a text, a HEAD and an upload", async () => {
    const listed = await send({ bucket, query: "list-type=2", env });
    const { byteLength } = await listed.arrayBuffer();
    expect(points.splice(0)).toMatchObject([{ operation: "ListObjectsV2", sentBytes: byteLength }]);
    expect(await pointsOf({ method: "HEAD", bucket, key: "secret-key" })).toMatchObject([
      { operation: "HeadObject", method: "HEAD", sentBytes: 0 },
    ]);
    expect(await pointsOf({ method: "PUT", bucket, key: "k", body: "12345" })).toMatchObject([
      { operation: "PutObject", receivedBytes: 5 },
    ]);
  });

  it("of refusals: the code, and who was refused", async () => {
    expect(await pointsOf({ bucket, key: "secret-key", as: tenant })).toMatchObject([
      { outcome: "403", errorCode: "AccessDenied", callerAccount: tenant.accountId, bucket },
    ]);
    expect(await pointsOf({ bucket, key: "secret-key", as: { ...ROOT, secretAccessKey: "x" } })).toMatchObject([
      { outcome: "403", errorCode: "SignatureDoesNotMatch", callerKind: "unknown", callerKey: ROOT.accessKeyId },
    ]);
  });

  it("about no bucket: by the account, and a name that is no bucket is not written", async () => {
    const absent = `${bucket}-none`;
    expect(await pointsOf({ bucket: absent, as: null })).toMatchObject([
      { ...REQUEST, index: "anonymous", bucket: "", errorCode: "NoSuchBucket" },
    ]);
    expect(await pointsOf({ as: tenant })).toMatchObject([{ index: tenant.accountId, operation: "ListBuckets" }]);
  });

  it("on every surface", async () => {
    await call("iam", "ListUsers", {}, { env });
    await s3("/-/admin/accounts", { env });
    await s3("/-/health", { key: null, env });
    await handleRequest(new Request(`http://${bucket}.website.localhost:8787/x`), env);
    expect(points.splice(0).map(({ service, operation, outcome }) => [service, operation, outcome])).toEqual([
      ["iam", "ListUsers", "200"],
      ["admin", "GET /-/admin/accounts", "200"],
      ["admin", "Admin", "200"],
      ["website", "GET", "404"],
    ]);
  });

  it("without keys of objects, queries, signatures or secrets", async () => {
    await pointsOf({ bucket, key: "secret-key", query: "versionId=secret-version" });
    const found = [
      ...(await pointsOf({ bucket, key: "secret-key", headers: { "user-agent": "secret-agent" } })),
      ...(await pointsOf({ bucket, key: "k", as: { accessKeyId: "secret-as-an-id", secretAccessKey: "x" } })),
    ];
    expect(found.length).toBeGreaterThan(0);
    expect(JSON.stringify(found)).not.toMatch(/secret|Signature=/);
  });
});

describe("messages and schedules", () => {
  it("each kind of messages in a batch is a point, with their number", async () => {
    const setting = { accountId, bucket: `${bucket}-none`, prefix: "" };
    const body = { kind: "audit", id: "1", setting, time: 0, text: "" };
    const batch = createMessageBatch("any", [
      { id: "1", timestamp: new Date(), attempts: 1, body },
      { id: "2", timestamp: new Date(), attempts: 1, body },
    ]);
    await handleQueue(batch, env);
    expect(points.splice(0)).toMatchObject([
      { index: "queue", kind: "queue", operation: "audit", outcome: "done", messages: 2 },
    ]);
  });

  it("work that fails is a point, and fails", async () => {
    const failing = async () => {
      throw new Error("no database");
    };
    const measured = new Metrics(METRICS).measure("queue", { name: "changes", messages: 3 }, failing);
    await expect(measured).rejects.toThrow("no database");
    expect(points.splice(0)).toMatchObject([{ kind: "queue", operation: "changes", outcome: "failed", messages: 3 }]);
  });

  it("each run of a schedule is a point", async () => {
    await runSchedule(EVERY_MINUTE, env, new Date());
    expect(points.splice(0)).toMatchObject([
      { index: "schedule", kind: "schedule", operation: "events", outcome: "done" },
    ]);
  });
});

describe("the binding", () => {
  it("that fails breaks no request, and is reported", async () => {
    const failing = {
      writeDataPoint() {
        throw new TypeError("no such dataset");
      },
    };
    const report = vi.spyOn(console, "error").mockImplementation(() => {});
    const own = { ...env, EVENTS: { ...EVENTS } as Env["EVENTS"], METRICS: failing };
    const response = await send({ bucket, key: "secret-key", env: own });
    expect([response.status, await response.text()]).toEqual([200, "content"]);
    expect(report.mock.calls.map(([line]) => JSON.parse(String(line)))).toEqual([
      { metrics: "lost", cause: "TypeError: no such dataset" },
    ]);
    report.mockRestore();
  });

  it("costs no call that is counted, and its absence nothing", async () => {
    const counting = countingEnv(testEnv);
    const measured: Env = { ...counting.env, METRICS };
    await (await send({ bucket, key: "secret-key", env: measured })).text();
    counting.reset();
    await (await send({ bucket, key: "secret-key", env: measured })).text();
    expect(counting.counts).toEqual({ r2: 1, d1: 0, durableObject: 0, queue: 0 });
    expect(points.splice(0)).toHaveLength(2);
    await (await send({ bucket, key: "secret-key" })).text();
    expect(points).toEqual([]);
  });
});
