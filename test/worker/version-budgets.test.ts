/** The number of calls to R2, D1, Durable Objects and queues of one request in a bucket that keeps versions. */
import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import { digestOf } from "../support/acl.ts";
import { type CallCounts, countingEnv } from "../support/counting-env.ts";
import { keepObjectsInMemory } from "../support/memory-store.ts";
import { completionDocument, createUpload, putPart } from "../support/multipart.ts";
import { createLockedBucket } from "../support/object-lock.ts";
import { putObject, type SendOptions, send } from "../support/request.ts";
import { createBucket, testEnv } from "../support/s3.ts";
import { createVersionedBucket, putVersion as put, setVersioning } from "../support/versions.ts";

keepObjectsInMemory();

const MIB = 1024 * 1024;
const NOTHING: CallCounts = { r2: 0, d1: 0, durableObject: 0, queue: 0 };
const LARGE = new Uint8Array(MIB + 1).fill(7);

/** The calls of one request in an isolate that has cached the key and the bucket. */
async function cost(options: SendOptions & { bucket: string; status?: number }): Promise<CallCounts> {
  const { env, counts, reset, log } = countingEnv(testEnv);
  await send({ method: "HEAD", bucket: options.bucket, env });
  reset();
  const response = await send({ ...options, env });
  const body = await response.text();
  expect(response.status, `${body.slice(0, 300)} ${log.join("; ")}`).toBe(options.status ?? 200);
  return { ...counts };
}

describe("reads in a versioned bucket", () => {
  it.each(["GET", "HEAD"])("%s is one R2 call for the current version and two for another one", async (method) => {
    const bucket = await createVersionedBucket();
    const old = await put(bucket, "k", "1");
    const current = await put(bucket, "k", "2");
    expect(await cost({ method, bucket, key: "k" })).toEqual({ ...NOTHING, r2: 1 });
    expect(await cost({ method, bucket, key: "k", query: `versionId=${current}` })).toEqual({ ...NOTHING, r2: 1 });
    expect(await cost({ method, bucket, key: "k", query: `versionId=${old}` })).toEqual({ ...NOTHING, r2: 2 });
    await send({ method: "DELETE", bucket, key: "k" });
    expect(await cost({ method, bucket, key: "k", status: 404 })).toEqual({ ...NOTHING, r2: 1 });
  });

  it("GET of a large version adds one call for each blob", async () => {
    const bucket = await createVersionedBucket();
    const old = await put(bucket, "k", LARGE);
    expect(await cost({ bucket, key: "k" })).toEqual({ ...NOTHING, r2: 2 });
    await put(bucket, "k", "2");
    expect(await cost({ bucket, key: "k", query: `versionId=${old}` })).toEqual({ ...NOTHING, r2: 3 });
  });

  it("GET of a version that has become current again is two calls once, and then one", async () => {
    const bucket = await createVersionedBucket();
    await put(bucket, "k", "1");
    const deleted = await put(bucket, "k", "2");
    await send({ method: "DELETE", bucket, key: "k", query: `versionId=${deleted}` });
    // The mark is removed after the answer, which reads and puts the record and the entry, here young ones that are read twice.
    expect((await cost({ bucket, key: "k" })).r2).toBeLessThanOrEqual(5);
    await vi.waitFor(async () => expect(await cost({ bucket, key: "k" })).toEqual({ ...NOTHING, r2: 1 }));
  });
});

describe("writes in a versioned bucket", () => {
  it("PUT of up to 1 MiB is two R2 calls for a new key and three over a version, also under a condition", async () => {
    const bucket = await createVersionedBucket();
    expect(await cost({ method: "PUT", bucket, key: "k", body: "1" })).toEqual({ ...NOTHING, r2: 2 });
    expect(await cost({ method: "PUT", bucket, key: "k", body: "2" })).toEqual({ ...NOTHING, r2: 3 });
    const headers = { "if-match": "*" };
    expect(await cost({ method: "PUT", bucket, key: "k", body: "3", headers })).toEqual({ ...NOTHING, r2: 3 });
    const ifNoneMatch = { "if-none-match": "*" };
    const refused = { method: "PUT", bucket, key: "k", body: "4", headers: ifNoneMatch, status: 412 };
    expect(await cost(refused)).toEqual({ ...NOTHING, r2: 1 });
  });

  it("PUT of a larger object is four R2 calls", async () => {
    const bucket = await createVersionedBucket();
    await put(bucket, "k", LARGE);
    expect(await cost({ method: "PUT", bucket, key: "k", body: LARGE })).toEqual({ ...NOTHING, r2: 4 });
  });

  it("PUT over a large object from before versioning moves its bytes once", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", LARGE);
    await setVersioning(bucket, "Enabled");
    const first = await cost({ method: "PUT", bucket, key: "k", body: "2" });
    // An entry that was put in the last minute is read once more.
    expect(first.r2).toBeLessThanOrEqual(5);
    expect(await cost({ method: "PUT", bucket, key: "k", body: "3" })).toEqual({ ...NOTHING, r2: 3 });
  });

  it("PUT in a suspended bucket is three R2 calls over a version and two over the null version", async () => {
    const bucket = await createVersionedBucket();
    await put(bucket, "k", "1");
    await setVersioning(bucket, "Suspended");
    expect(await cost({ method: "PUT", bucket, key: "k", body: "2" })).toEqual({ ...NOTHING, r2: 3 });
    expect(await cost({ method: "PUT", bucket, key: "k", body: "3" })).toEqual({ ...NOTHING, r2: 2 });
  });

  it("a copy of a large version by reference is one Durable Object call and four R2 calls", async () => {
    const bucket = await createVersionedBucket();
    const old = await put(bucket, "k", LARGE);
    await put(bucket, "k", "2");
    const headers = { "x-amz-copy-source": `${bucket}/k?versionId=${old}` };
    const copied = await cost({ method: "PUT", bucket, key: "k", headers });
    expect(copied.r2).toBeLessThanOrEqual(6);
    expect(copied.durableObject).toBe(1);
  });

  it("CompleteMultipartUpload is at most four R2 calls", async () => {
    const bucket = await createVersionedBucket();
    await put(bucket, "k", "1");
    const target = { bucket, key: "k" };
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "content");
    const completion = { method: "POST", bucket, key: "k", query: `uploadId=${uploadId}` };
    const counts = await cost({ ...completion, body: completionDocument([part]) });
    expect(counts.r2).toBeLessThanOrEqual(4);
  });
});

describe("removals in a versioned bucket", () => {
  it("DELETE is three R2 calls, two for an absent key", async () => {
    const bucket = await createVersionedBucket();
    await put(bucket, "k", "1");
    expect(await cost({ method: "DELETE", bucket, key: "k", status: 204 })).toEqual({ ...NOTHING, r2: 3 });
    expect(await cost({ method: "DELETE", bucket, key: "other", status: 204 })).toEqual({ ...NOTHING, r2: 2 });
  });

  it("DELETE of a version is two R2 calls, and five for the current one", async () => {
    const bucket = await createVersionedBucket();
    const versions = [await put(bucket, "k", "1"), await put(bucket, "k", "2"), await put(bucket, "k", LARGE)];
    const remove = (version: string | undefined) =>
      cost({ method: "DELETE", bucket, key: "k", query: `versionId=${version}`, status: 204 });
    expect(await remove(versions[0])).toEqual({ ...NOTHING, r2: 2 });
    expect(await remove(versions[2])).toEqual({ ...NOTHING, r2: 5 });
    // It has no version below it: its stub, the entry, the record that is a stub, the list of records, the tombstone.
    expect((await remove(versions[1])).r2).toBeLessThanOrEqual(5);
  });

  it("DeleteObjects is at most three R2 calls a key", async () => {
    const bucket = await createVersionedBucket();
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}`);
    for (const key of keys) await put(bucket, key, "1");
    const body = `<Delete>${keys.map((key) => `<Object><Key>${key}</Key></Object>`).join("")}</Delete>`;
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    const counts = await cost({ method: "POST", bucket, query: "delete", body, headers });
    expect(counts).toEqual({ ...NOTHING, r2: 60 });
  });

  it("DeleteObjects of all versions of a key is two R2 calls a version, and five for the current one", async () => {
    const bucket = await createVersionedBucket();
    const objects: string[] = [];
    for (const key of ["a", "b"]) {
      for (let count = 0; count < 10; count++) {
        objects.unshift(`<Object><Key>${key}</Key><VersionId>${await put(bucket, key, "1")}</VersionId></Object>`);
      }
    }
    const body = `<Delete>${objects.join("")}</Delete>`;
    const headers = { "content-md5": createHash("md5").update(body).digest("base64") };
    const counts = await cost({ method: "POST", bucket, query: "delete", body, headers });
    expect(counts).toEqual({ ...NOTHING, r2: 2 * (9 * 2 + 5) });
    expect(await (await send({ bucket, query: "versions" })).text()).not.toContain("<Key>");
  });
});

// `test/unit/storage/version-listing.test.ts` counts the calls for thousands of versions.
describe("listings in a versioned bucket", () => {
  it("ListObjects costs what it costs without versions, and ListObjectVersions two list calls", async () => {
    const bucket = await createVersionedBucket();
    for (const key of ["a", "b", "c/1"]) for (const body of ["1", "2", "3"]) await put(bucket, key, body);
    await send({ method: "DELETE", bucket, key: "b" });
    expect(await cost({ bucket, query: "list-type=2" })).toEqual({ ...NOTHING, r2: 1 });
    expect(await cost({ bucket, query: "versions" })).toEqual({ ...NOTHING, r2: 2 });
    // One more call finds out below which common prefixes there are objects.
    expect(await cost({ bucket, query: "list-type=2&delimiter=/" })).toEqual({ ...NOTHING, r2: 2 });
    expect(await cost({ bucket, query: "versions&delimiter=/" })).toEqual({ ...NOTHING, r2: 3 });
  });
});

describe("in a bucket with object lock", () => {
  it("a lock costs what tags cost, and the removal of a version reads it first", async () => {
    const bucket = await createLockedBucket();
    const [old, current] = [await put(bucket, "k", "1"), await put(bucket, "k", "2")];
    const body = "<LegalHold><Status>OFF</Status></LegalHold>";
    const r2 = async (method: string, query: string, more: Partial<SendOptions & { status: number }> = {}) => {
      const { r2: calls, ...others } = await cost({ method, bucket, key: "k", query, ...more });
      expect(others).toEqual({ d1: 0, durableObject: 0, queue: 0 });
      return calls;
    };
    const hold = { body, headers: await digestOf(body) };
    // An entry or a record of the last minute is read once more before it is put.
    expect(await r2("PUT", "legal-hold", hold)).toBe(3);
    expect(await r2("PUT", `legal-hold&versionId=${old}`, hold)).toBe(5);
    expect(await r2("GET", "legal-hold")).toBe(1);
    expect(await r2("GET", `legal-hold&versionId=${old}`)).toBe(2);
    expect(await r2("DELETE", `versionId=${old}`, { status: 204 })).toBe(4);
    expect(await r2("DELETE", `versionId=${current}`, { status: 204 })).toBe(6);
  });
});
