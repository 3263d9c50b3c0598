/** `D1_READS = "nearest"`: what a replica of D1 that lags behind may and may not decide. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Grant } from "../../../src/access/authorize.ts";
import type { Env } from "../../../src/env.ts";
import { BucketDeletion } from "../../../src/storage/d1/bucket-deletion.ts";
import { MAX_REPLICA_AGE_MS, ReplicaClock } from "../../../src/storage/d1/replica-reads.ts";
import { createKey, createUser, iam } from "../../support/iam.ts";
import { openDirectory } from "../../support/isolate.ts";
import { LaggingD1, PRIMARY_MS, REPLICA_MS } from "../../support/lagging-replica.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, errorOf, ROOT, testEnv } from "../../support/s3.ts";
import { bucketOf, configureWebsite, makePublic, visit } from "../../support/website.ts";
import { resumeEvents } from "../../support/worker.ts";

const TTL_MS = 5_000;
const ALLOW = [{ Effect: "Allow", Action: "*", Resource: "*" }];
// In the Worker only the authorizer makes grants; here the table is tested without it.
const grant = {} as unknown as Grant;

let d1: LaggingD1;

beforeEach(async () => {
  vi.useFakeTimers({ toFake: ["Date"] });
  // Times of other tests are not those of this one.
  await testEnv.DB.prepare("DELETE FROM replica_clock").run();
  await new ReplicaClock(testEnv.DB).tick();
  d1 = await LaggingD1.open();
});
afterEach(() => {
  vi.useRealTimers();
});

const passMs = (ms: number) => vi.setSystemTime(Date.now() + ms);
const farIsolate = () => openDirectory({ db: d1.binding, ttlMs: TTL_MS, mayReadReplicas: true });
/** A Worker far from the primary. Requests to the one near it, in between, leave it with nothing cached. */
const farWorker = (): Env => ({ ...testEnv, DB: d1.binding, D1_READS: "nearest", CONFIG_TTL_SECONDS: "5" });

/** Waits until reads that no request awaits have ended. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 4; turn++) await testEnv.DB.prepare("SELECT 1").first();
}

async function waitedFor<Result>(work: () => Promise<Result> | Result): Promise<[Result, number]> {
  const before = Date.now();
  const result = await work();
  return [result, Date.now() - before];
}

describe("a request for an object in an isolate with nothing cached", () => {
  it("waits for one call to the nearest replica, and the primary is read after the answer", async () => {
    const bucketName = await createBucket();
    await d1.catchUp();
    const directory = farIsolate();
    const wanted = { accessKeyId: ROOT.accessKeyId, bucketName, mayBeOutdated: true };
    const [rows, waitedMs] = await waitedFor(() => directory.load(wanted));
    expect(rows).toMatchObject({ credential: { accessKeyId: ROOT.accessKeyId }, isFromReplica: true });
    expect(rows.buckets.has(bucketName)).toBe(true);
    expect(waitedMs).toBe(REPLICA_MS);
    await settled();
    expect(d1.trips).toEqual({ primary: 1, replica: 1 });
    expect(directory.load(wanted)).not.toBeInstanceOf(Promise);
    expect(directory.load({ ...wanted, mayBeOutdated: false })).not.toBeInstanceOf(Promise);
  });

  it("is one of many that need one read of the primary", async () => {
    const bucketName = await createBucket();
    await d1.catchUp();
    const directory = farIsolate();
    await Promise.all(Array.from({ length: 20 }, () => directory.load({ bucketName, mayBeOutdated: true })));
    await settled();
    expect(d1.trips).toEqual({ primary: 1, replica: 20 });
  });

  it.each(["GET", "HEAD"])("is answered by %s with one call before the answer", async (method) => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    await d1.catchUp();
    const response = await send({ method, bucket, key: "k", env: farWorker() });
    expect(response.status).toBe(200);
    await response.body?.cancel();
    await settled();
    expect(d1.trips).toEqual({ primary: 1, replica: 1 });
  });

  it("waits for the primary if it is another kind of request", async () => {
    const bucket = await createBucket();
    await d1.catchUp();
    for (const request of [
      { method: "PUT", key: "k", body: "x" },
      { method: "GET", query: "list-type=2" },
      { method: "HEAD" },
      { method: "GET", query: "location" },
      { method: "DELETE", key: "k" },
    ]) {
      d1.reset();
      const response = await send({ ...request, bucket, env: farWorker() });
      expect(response.status).toBeLessThan(300);
      await response.body?.cancel();
      expect(d1.trips).toEqual({ primary: 1, replica: 0 });
    }
  });

  it("waits for the primary with D1_READS = primary, which is the default", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    await d1.catchUp();
    for (const mode of [undefined, "primary"]) {
      d1.reset();
      const { D1_READS: _, ...rest } = farWorker();
      const response = await send({
        bucket,
        key: "k",
        env: { ...rest, ...(mode !== undefined && { D1_READS: mode }) },
      });
      expect(await response.text()).toBe("content");
      expect(d1.trips).toEqual({ primary: 1, replica: 0 });
    }
  });
});

describe("a change in one isolate, seen in another through a replica that does not have it yet", () => {
  it("is seen if it is a new bucket and its first object", async () => {
    const bucket = await createBucket();
    expect(await errorOf(await send({ bucket, key: "k", env: farWorker() }))).toMatchObject({ code: "NoSuchKey" });
    await putObject(bucket, "k", "content");
    expect(await (await send({ bucket, key: "k", env: farWorker() })).text()).toBe("content");
  });

  it("is seen if it is a bucket that was deleted and created again", async () => {
    const bucket = await createBucket();
    await d1.catchUp();
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
    expect((await send({ method: "PUT", bucket })).status).toBe(200);
    await putObject(bucket, "k", "new");
    expect(await (await send({ bucket, key: "k", env: farWorker() })).text()).toBe("new");
  });

  it("is seen if it is a new key, or one that was activated again", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    const { name: UserName } = await createUser(ALLOW);
    const key = await createKey(UserName);
    const status = async () => (await send({ bucket, key: "k", as: key, env: farWorker() })).status;
    expect(await status()).toBe(200);
    await iam("UpdateAccessKey", { UserName, AccessKeyId: key.accessKeyId, Status: "Inactive" });
    await d1.catchUp();
    expect(await status()).toBe(403);
    await iam("UpdateAccessKey", { UserName, AccessKeyId: key.accessKeyId, Status: "Active" });
    expect(await status()).toBe(200);
  });

  it("is seen if it is a policy that allows more, and in the settings", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    await d1.catchUp();
    const policy = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: `arn:aws:s3:::${bucket}/*` }],
    });
    expect((await send({ method: "PUT", bucket, query: "policy", body: policy })).status).toBe(204);
    expect(await (await send({ bucket, query: "policy", env: farWorker() })).text()).toBe(policy);
    expect((await send({ bucket, key: "k", as: null, env: farWorker() })).status).toBe(200);
  });

  it("is seen if it makes a website public, which would answer with a redirect or a page", async () => {
    const bucket = await bucketOf("index.html", "page.html", "folder/index.html");
    const ON_403 = "<Condition><HttpErrorCodeReturnedEquals>403</HttpErrorCodeReturnedEquals></Condition>";
    for (const rules of [[], [`${ON_403}<Redirect><HostName>a.example</HostName></Redirect>`]]) {
      await send({ method: "DELETE", bucket, query: "policy" });
      await configureWebsite(bucket, { rules });
      await d1.catchUp();
      await makePublic(bucket, "s3:GetObject");
      for (const path of ["", "page.html", "folder/"]) {
        const site = await visit(bucket, `/${path}`, { env: farWorker() });
        expect([path, site.status]).toEqual([path, 200]);
        const hosted = await send({ bucket, ...(path !== "" && { key: path }), as: null, env: farWorker() });
        expect([path, hosted.status]).toEqual([path, 200]);
      }
    }
  });

  it("costs a page of a website that is still missing one call more", async () => {
    const bucket = await bucketOf("index.html");
    await makePublic(bucket, "s3:GetObject", "s3:ListBucket");
    await configureWebsite(bucket, { error: "absent.html" });
    await d1.catchUp();
    for (const ask of [
      (env: Env) => visit(bucket, "/missing", { env }),
      (env: Env) => send({ bucket, key: "missing", as: null, env }),
    ]) {
      d1.reset();
      expect((await ask(farWorker())).status).toBe(404);
      await settled();
      expect(d1.trips).toMatchObject({ replica: 1 });
      expect(d1.trips.primary).toBeLessThanOrEqual(2);
    }
  });
});

describe("a change by the isolate itself", () => {
  it("is seen at once, and by later reads of replicas", async () => {
    const directory = farIsolate();
    const bucketName = await createBucket();
    directory.forgetBucket(bucketName);
    const rows = await directory.load({ bucketName, mayBeOutdated: true });
    expect([rows.buckets.size, rows.isFromReplica]).toEqual([1, false]);
    // The bookmark of that read keeps replicas from showing the time before.
    passMs(TTL_MS);
    d1.reset();
    expect((await directory.load({ bucketName, mayBeOutdated: true })).buckets.size).toBe(1);
    expect(d1.trips.replica).toBe(1);
  });

  it("stays seen if it was a revocation that a replica does not have yet", async () => {
    const { name: UserName, key } = await createUser(ALLOW);
    const { accessKeyId } = key;
    await d1.catchUp();
    await iam("DeleteAccessKey", { UserName, AccessKeyId: accessKeyId });
    const directory = farIsolate();
    expect((await directory.load({ accessKeyId })).credential).toBeUndefined();
    passMs(TTL_MS);
    expect((await directory.load({ accessKeyId, mayBeOutdated: true })).credential).toBeUndefined();
  });
});

describe("a revoked key, with a replica that never learns of it", () => {
  async function revoked() {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    const { name: UserName, key } = await createUser(ALLOW);
    await new ReplicaClock(testEnv.DB).tick();
    await d1.catchUp();
    await iam("DeleteAccessKey", { UserName, AccessKeyId: key.accessKeyId });
    const status = async (request: { readonly method?: string; readonly body?: string }) =>
      (await send({ ...request, bucket, key: "k", as: key, env: farWorker() })).status;
    return { key, bucket, status, replicatedAt: Date.now() };
  }

  it("reads no object later than the greatest age of a replica, and changes nothing at any time", async () => {
    const { status, replicatedAt } = await revoked();
    expect(await status({ method: "PUT", body: "x" })).toBe(403);
    expect(await status({ method: "DELETE" })).toBe(403);
    vi.setSystemTime(replicatedAt + MAX_REPLICA_AGE_MS);
    expect(await status({})).toBe(200);
    vi.setSystemTime(replicatedAt + MAX_REPLICA_AGE_MS + 1);
    expect(await status({})).toBe(403);
  });

  it("reads nothing more in an isolate whose first request has been answered", async () => {
    const { key } = await revoked();
    const directory = farIsolate();
    const wanted = { accessKeyId: key.accessKeyId, mayBeOutdated: true };
    expect((await directory.load(wanted)).credential).toBeDefined();
    await settled();
    expect((await directory.load(wanted)).credential).toBeUndefined();
  });
});

describe("a replica whose clock has stopped", () => {
  it("costs one more call once, and then the primary is asked at once for a while", async () => {
    const bucketNames = await Promise.all(Array.from({ length: 4 }, () => createBucket()));
    await d1.catchUp();
    passMs(MAX_REPLICA_AGE_MS + 1);
    const directory = farIsolate();
    const load = (index: number) => directory.load({ bucketName: bucketNames[index], mayBeOutdated: true });
    expect((await waitedFor(() => load(0)))[1]).toBe(REPLICA_MS + PRIMARY_MS);
    expect((await waitedFor(() => load(1)))[1]).toBe(PRIMARY_MS);
    passMs(30_000);
    expect((await waitedFor(() => load(2)))[1]).toBe(REPLICA_MS + PRIMARY_MS);
    await resumeEvents(farWorker(), new Date());
    await d1.catchUp();
    passMs(30_000);
    expect((await waitedFor(() => load(3)))[1]).toBe(REPLICA_MS);
  });

  it("is set back after a machine whose clock was ahead", async () => {
    const clock = new ReplicaClock(testEnv.DB);
    const at = () => testEnv.DB.prepare("SELECT at FROM replica_clock").first<number>("at");
    await clock.tick();
    const right = (await at()) ?? 0;
    passMs(60_000);
    await clock.tick();
    expect(await at()).toBe(right + 60_000);
    passMs(-60_000);
    await clock.tick();
    expect(await at()).toBe(right);
  });
});

describe("refusals that the primary is asked to confirm", () => {
  it("are not failures of the store, which would be asked twice", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    await d1.catchUp();
    let calls = 0;
    const STORE = new Proxy(testEnv.STORE, {
      get(target, name) {
        if (name === "get") calls++;
        if (name === "get") return () => Promise.reject(new Error("get: We encountered an internal error. (10001)"));
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const response = await send({ bucket, key: "k", env: { ...farWorker(), STORE } });
    expect(response.status).toBeGreaterThanOrEqual(500);
    await settled();
    expect([calls, d1.trips]).toEqual([1, { primary: 1, replica: 1 }]);
  });

  it("are limited in each second, so that requests for what does not exist cannot flood it", async () => {
    const directory = farIsolate();
    for (let request = 0; request < 100; request++) {
      const wanted = { bucketName: `absent-${request}`, mayBeOutdated: true };
      const at = Date.now();
      const rows = await directory.load(wanted);
      await directory.confirm(wanted, rows);
      await settled();
      // All within one second.
      vi.setSystemTime(at);
    }
    expect(d1.trips).toEqual({ primary: 20, replica: 100 });
  });
});

describe("a bucket that is deleted while a replica still shows it", () => {
  it("takes no write that is acknowledged", async () => {
    const [here, elsewhere] = [openDirectory({ db: testEnv.DB, ttlMs: TTL_MS }), farIsolate()];
    const options = { bucketTtlMs: TTL_MS, isOnlyIsolate: true };
    const deletion = new BucketDeletion({ db: testEnv.DB, directory: here, ...options });
    const elsewhereDeletion = new BucketDeletion({ db: d1.binding, directory: elsewhere, ...options });
    const bucketName = await createBucket();
    await d1.catchUp();
    passMs(TTL_MS * 4);
    const shown = (await elsewhere.load({ bucketName, mayBeOutdated: true })).buckets.get(bucketName);
    if (shown === undefined) throw new Error("no bucket");
    await settled();
    const bucket = (await here.load({ bucketName })).buckets.get(bucketName);
    if (bucket === undefined) throw new Error("no bucket");
    const mark = await deletion.begin(grant, bucket);
    passMs(TTL_MS);
    expect(await deletion.finish(grant, bucket, mark)).toBe(true);
    // A request that changes something does not use what the replica shows. If it did, it would ask before its answer.
    expect((await elsewhere.load({ bucketName })).buckets.size).toBe(0);
    expect(Date.now() - shown.readAt.getTime()).toBeGreaterThan(TTL_MS * 4);
    await expect(elsewhereDeletion.confirm(shown, "adds")).rejects.toMatchObject({ code: "NoSuchBucket" });
  });
});
