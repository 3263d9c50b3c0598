/** The number of calls to R2, D1 and Durable Objects that one request makes. */
import { createHash } from "node:crypto";
import { describe, expect, it, vi } from "vitest";
import type { CallCounts } from "../support/counting-env.ts";
import { countingEnv } from "../support/counting-env.ts";
import { bucketWithRules, EVERYTHING, REPLICATE_ALL } from "../support/events.ts";
import { keepObjectsInMemory } from "../support/memory-store.ts";
import { completionDocument, createUpload, type Part, putPart } from "../support/multipart.ts";
import { encode, handDirectly, putObject, type SendOptions, send, urlOf } from "../support/request.ts";
import { createBucket, testEnv } from "../support/s3.ts";
import { sign, signedChunks, unsignedChunks } from "../support/signer.ts";
import { attributes, fillBucket } from "../support/storage.ts";

keepObjectsInMemory();

const MIB = 1024 * 1024;
const NOTHING: CallCounts = { r2: 0, d1: 0, durableObject: 0, queue: 0 };

const LARGE = new Uint8Array(MIB + 1).fill(7);
/**
 * Changes the class of a large object, which makes it a manifest, because the listing cannot distinguish the class from
 * R2's own row.
 */
const AS_MANIFEST = { "x-amz-storage-class": "STANDARD_IA" };

function base64(algorithm: "md5" | "sha256", data: string | Uint8Array): string {
  return createHash(algorithm).update(data).digest("base64");
}

/** An isolate with the root key and the bucket cached, which counts further calls. */
async function warm(bucket: string) {
  const counting = countingEnv(testEnv);
  const known = await send({ method: "HEAD", bucket, env: counting.env });
  if (known.status !== 200) throw new Error(`HeadBucket: ${known.status}`);
  counting.reset();
  return counting;
}

/** The calls of one request in a warm isolate, with its body read to the end. */
async function cost(options: SendOptions & { bucket: string; status?: number }) {
  const { env, counts, log } = await warm(options.bucket);
  const response = await send({ ...options, env });
  const body = await response.text();
  expect(response.status, `${body.slice(0, 300)} ${log.join("; ")}`).toBe(options.status ?? 200);
  return { ...counts };
}

async function bucketWith(key: string, body: string | Uint8Array, headers: Record<string, string> = {}) {
  const bucket = await createBucket();
  await putObject(bucket, key, body, { headers });
  return bucket;
}

describe("a cold isolate", () => {
  it("loads key and bucket in one D1 batch, and nothing for the second request", async () => {
    const bucket = await bucketWith("k", "content");
    const { env, counts, reset } = countingEnv(testEnv);
    await (await send({ bucket, key: "k", env })).text();
    expect(counts).toEqual({ ...NOTHING, r2: 1, d1: 1 });
    reset();
    await (await send({ bucket, key: "k", env })).text();
    expect(counts).toEqual({ ...NOTHING, r2: 1 });
  });

  it("makes one D1 call for an anonymous caller's bucket, and one R2 call for the object's ACL", async () => {
    const bucket = await bucketWith("k", "content");
    const { env, counts } = countingEnv(testEnv);
    expect((await send({ bucket, key: "k", env, as: null })).status).toBe(403);
    expect(counts).toEqual({ ...NOTHING, d1: 1, r2: 1 });
  });
});

describe("keys that derive from the SEAL_KEY", () => {
  it("are derived by the first request that uses them, and once", async () => {
    const bucket = await bucketWith("k", "content");
    await putObject(bucket, "l", "content");
    const { env } = countingEnv(testEnv);
    const derive = vi.spyOn(crypto.subtle, "deriveKey");
    const derived = async (options: SendOptions) => {
      derive.mockClear();
      const response = await send({ bucket, env, ...options });
      await response.text();
      expect(response.status).toBe(200);
      return derive.mock.calls.length;
    };
    expect(await derived({ key: "k" })).toBe(0);
    expect(await derived({ method: "PUT", key: "k", body: "new" })).toBe(0);
    expect(await derived({ query: "list-type=2&max-keys=1" })).toBe(1);
    expect(await derived({ query: "list-type=2&max-keys=1" })).toBe(0);
    derive.mockRestore();
  });
});

describe("reading, warm", () => {
  it.each(["GET", "HEAD"])("%s of an inline object is one R2 call", async (method) => {
    for (const body of ["", "content", LARGE]) {
      const bucket = await bucketWith("k", body);
      expect(await cost({ method, bucket, key: "k" })).toEqual({ ...NOTHING, r2: 1 });
    }
  });

  it.each(["GET", "HEAD"])("%s of an absent object is one R2 call", async (method) => {
    expect(await cost({ method, bucket: await createBucket(), key: "k", status: 404 })).toEqual({ ...NOTHING, r2: 1 });
  });

  it("GET of a range of an inline object is one R2 call", async () => {
    const bucket = await bucketWith("k", "0123456789");
    for (const range of ["bytes=0-0", "bytes=3-", "bytes=-3", "bytes=0-99"]) {
      const costs = await cost({ bucket, key: "k", headers: { range }, status: 206 });
      expect([range, costs]).toEqual([range, { ...NOTHING, r2: 1 }]);
    }
  });

  it("conditions need no additional call", async () => {
    const bucket = await bucketWith("k", "content");
    const headers = { "if-none-match": "*" };
    expect(await cost({ bucket, key: "k", headers, status: 304 })).toEqual({ ...NOTHING, r2: 1 });
  });

  it("HEAD of a manifest object is one R2 call", async () => {
    const bucket = await bucketWith("k", LARGE, AS_MANIFEST);
    expect(await cost({ method: "HEAD", bucket, key: "k" })).toEqual({ ...NOTHING, r2: 1 });
  });

  it("GET of a manifest object is one R2 call and one for each blob touched", async () => {
    const bucket = await bucketWith("k", LARGE, AS_MANIFEST);
    expect(await cost({ bucket, key: "k" })).toEqual({ ...NOTHING, r2: 2 });
  });

  it("GET of an object uploaded in parts reads the parts its range touches", async () => {
    const target = { bucket: await createBucket(), key: "k" };
    await uploadInParts(target, 3);
    expect(await cost(target)).toEqual({ ...NOTHING, r2: 1 + 3 });
    const first = await cost({ ...target, headers: { range: "bytes=0-99" }, status: 206 });
    expect(first.r2).toBeLessThanOrEqual(1 + 1 + 1);
    expect({ ...first, r2: 0 }).toEqual(NOTHING);
    expect(await cost({ ...target, method: "HEAD" })).toEqual({ ...NOTHING, r2: 1 });
  });

  it("GetObjectAttributes is one R2 call", async () => {
    const bucket = await bucketWith("k", "content");
    const headers = { "x-amz-object-attributes": "ETag,ObjectSize" };
    expect(await cost({ bucket, key: "k", query: "attributes", headers })).toEqual({ ...NOTHING, r2: 1 });
  });
});

describe("writing to a bucket with rules, warm", () => {
  const RULES = { notification: [EVERYTHING], replication: [REPLICATE_ALL] };
  const MORE = { d1: 1, queue: 1 };

  it("needs one more D1 call and one queue call for every change", async () => {
    const bucket = await bucketWithRules(RULES);
    const target = { bucket, key: "k" };
    const body = "<Delete><Object><Key>k</Key></Object><Object><Key>l</Key></Object></Delete>";
    const headers = { "content-md5": base64("md5", body) };
    const deletes = { method: "POST", bucket, query: "delete", body, headers };
    expect(await cost({ method: "PUT", ...target, body: "x" })).toEqual({ ...NOTHING, ...MORE, r2: 1 });
    expect(await cost({ method: "PUT", ...target, body: LARGE })).toEqual({ ...NOTHING, ...MORE, r2: 1 });
    expect(await cost({ method: "DELETE", ...target, status: 204 })).toEqual({ ...NOTHING, ...MORE, r2: 1 });
    expect(await cost(deletes)).toEqual({ ...NOTHING, ...MORE, r2: 1 });
    const uploadId = await createUpload(target);
    const part = await putPart(target, uploadId, 1, "content");
    const complete = { method: "POST", ...target, query: `uploadId=${uploadId}`, body: completionDocument([part]) };
    expect(await cost(complete)).toEqual({ ...NOTHING, d1: 2, queue: 1, durableObject: 1 });
  });

  it("needs no more calls for changes that no rule covers, for reads and for lists", async () => {
    const bucket = await bucketWithRules({ notification: [{ ...EVERYTHING, prefix: "in/" }] });
    const target = { bucket, key: "k" };
    expect(await cost({ method: "PUT", ...target, body: "x" })).toEqual({ ...NOTHING, r2: 1 });
    expect(await cost({ method: "HEAD", ...target })).toEqual({ ...NOTHING, r2: 1 });
    expect(await cost(target)).toEqual({ ...NOTHING, r2: 1 });
    expect(await cost({ bucket, query: "list-type=2" })).toEqual({ ...NOTHING, r2: 1 });
    expect(await cost({ method: "DELETE", ...target, status: 204 })).toEqual({ ...NOTHING, r2: 1 });
  });
});

describe("writing, warm", () => {
  const put = (bucket: string, body: string | Uint8Array, headers: Record<string, string> = {}) =>
    cost({ method: "PUT", bucket, key: "k", body, headers });

  it("PUT of up to 1 MiB is one R2 call, with any headers", async () => {
    const bucket = await createBucket();
    const body = new Uint8Array(MIB).fill(1);
    for (const headers of [
      {},
      { "content-md5": base64("md5", body) },
      { "x-amz-checksum-sha256": base64("sha256", body) },
      { "x-amz-storage-class": "STANDARD_IA", "x-amz-meta-a": "1" },
    ]) {
      expect([headers, await put(bucket, body, headers as Record<string, string>)]).toEqual([
        headers,
        { ...NOTHING, r2: 1 },
      ]);
    }
    expect(await put(bucket, "")).toEqual({ ...NOTHING, r2: 1 });
  });

  it("PUT of a large body with its checksums in headers is one R2 call", async () => {
    const bucket = await createBucket();
    const headers = { "x-amz-checksum-sha256": base64("sha256", LARGE), "content-md5": base64("md5", LARGE) };
    expect(await put(bucket, LARGE)).toEqual({ ...NOTHING, r2: 1 });
    expect(await put(bucket, LARGE, headers)).toEqual({ ...NOTHING, r2: 1 });
  });

  it("PUT of a large body in signed chunks without a trailer is one R2 call", async () => {
    expect(await putChunked(LARGE, "STREAMING-AWS4-HMAC-SHA256-PAYLOAD")).toEqual({ ...NOTHING, r2: 1 });
  });

  it.each(["STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER", "STREAMING-UNSIGNED-PAYLOAD-TRAILER"])(
    "PUT with a trailing checksum is one R2 call up to 1 MiB and two above: %s",
    async (mode) => {
      expect(await putChunked(new Uint8Array(MIB), mode)).toEqual({ ...NOTHING, r2: 1 });
      expect(await putChunked(LARGE, mode)).toEqual({ ...NOTHING, r2: 2 });
    },
  );

  it("PUT that creates or replaces under a condition is one R2 call for a small body", async () => {
    const bucket = await createBucket();
    expect(await put(bucket, "a", { "if-none-match": "*" })).toEqual({ ...NOTHING, r2: 1 });
    const headers = { "if-match": createHash("md5").update("a").digest("hex") };
    expect(await put(bucket, "b", headers)).toEqual({ ...NOTHING, r2: 1 });
  });

  it("a change of tags or ACL reads the entry and puts it; a small one that was just written is read again", async () => {
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    const tagging = {
      method: "PUT",
      key: "k",
      query: "tagging",
      body,
      headers: { "content-md5": base64("md5", body) },
    };
    const acl = { method: "PUT", key: "k", query: "acl", headers: { "x-amz-acl": "public-read" } };
    for (const request of [tagging, acl]) {
      const small = await bucketWith("k", "content");
      expect(await cost({ ...request, bucket: small })).toEqual({ ...NOTHING, r2: 3 });
      const manifest = await bucketWith("k", LARGE, AS_MANIFEST);
      expect(await cost({ ...request, bucket: manifest })).toEqual({ ...NOTHING, r2: 2 });
    }
  });

  it("a refused PUT makes no R2 call", async () => {
    const bucket = await createBucket();
    const refused = { method: "PUT", bucket, key: "k", body: "x" };
    expect(await cost({ ...refused, as: null, status: 403 })).toEqual(NOTHING);
    expect(await cost({ ...refused, headers: { "x-amz-object-lock-event-hold": "ON" }, status: 501 })).toEqual(NOTHING);
    const headers = { "x-amz-checksum-crc32": "AAAAAA==" };
    expect(await cost({ ...refused, headers, status: 400 })).toEqual(NOTHING);
  });

  async function putChunked(bytes: Uint8Array, mode: string): Promise<CallCounts> {
    const bucket = await createBucket();
    const { env, counts } = await warm(bucket);
    const url = urlOf({ bucket, key: "k" });
    const trailing = mode.endsWith("TRAILER");
    const signed = sign({
      method: "PUT",
      url,
      headers: {
        "content-encoding": "aws-chunked",
        "x-amz-decoded-content-length": String(bytes.byteLength),
        ...(trailing && { "x-amz-trailer": "x-amz-checksum-sha256" }),
      },
      payloadHash: mode,
    });
    const options = trailing ? { trailer: ["x-amz-checksum-sha256", base64("sha256", bytes)] as const } : {};
    const body = mode.includes("UNSIGNED") ? unsignedChunks(bytes, options) : signedChunks(bytes, signed, options);
    const response = await handDirectly(new Request(url, { method: "PUT", headers: signed.headers, body }), env);
    expect(response.status, await response.text()).toBe(200);
    return { ...counts };
  }
});

describe("deleting, warm", () => {
  it("DELETE is one R2 call, and two under a condition", async () => {
    const bucket = await bucketWith("k", "content");
    const request = { method: "DELETE", bucket, key: "k", status: 204 };
    const headers = { "if-match": createHash("md5").update("content").digest("hex") };
    expect(await cost({ ...request, headers })).toEqual({ ...NOTHING, r2: 2 });
    await putObject(bucket, "k", "content");
    expect(await cost({ ...request, headers: { "if-match": "*" } })).toEqual({ ...NOTHING, r2: 2 });
    expect(await cost(request)).toEqual({ ...NOTHING, r2: 1 });
    const manifest = await bucketWith("k", LARGE, AS_MANIFEST);
    const large = { "if-match": createHash("md5").update(LARGE).digest("hex") };
    expect(await cost({ ...request, bucket: manifest, headers: large })).toEqual({ ...NOTHING, r2: 2 });
  });

  it("DeleteObjects of 1,000 keys is one R2 call", async () => {
    const bucket = await createBucket();
    const keys = Array.from({ length: 1000 }, (_, index) => `<Object><Key>key-${index}</Key></Object>`);
    const body = `<Delete>${keys.join("")}</Delete>`;
    const headers = { "content-md5": base64("md5", body) };
    expect(await cost({ method: "POST", bucket, query: "delete", body, headers })).toEqual({ ...NOTHING, r2: 1 });
  });
});

// Each bucket needs a thousand writes to fill.
describe("listing, warm", { timeout: 60_000 }, () => {
  it("a page of 1,000 inline objects is one R2 call, in every form of listing", async () => {
    const bucket = await createBucket();
    await fillBucket(bucket, 1001);
    for (const query of [
      "list-type=2",
      "",
      "versions",
      "list-type=2&delimiter=/&prefix=key-",
      "list-type=2&max-keys=7",
    ]) {
      expect([query, await cost({ bucket, query })]).toEqual([query, { ...NOTHING, r2: 1 }]);
    }
  });

  it("a page of 1,000 marked objects is the page and ten pages with metadata", async () => {
    const bucket = await createBucket();
    await fillBucket(bucket, 1000, attributes({ storageClass: "STANDARD_IA" }));
    // The simulator, like R2, returns at most 100 rows a page with metadata.
    expect(await cost({ bucket, query: "list-type=2" })).toEqual({ ...NOTHING, r2: 11 });
  });

  it("a page with few marked objects reads the metadata of those only", async () => {
    const bucket = await createBucket();
    await fillBucket(bucket, 50);
    await putObject(bucket, "marked-1", "x", { headers: AS_MANIFEST });
    await putObject(bucket, "marked-2", "x", { headers: AS_MANIFEST });
    expect(await cost({ bucket, query: "list-type=2" })).toEqual({ ...NOTHING, r2: 3 });
  });
});

describe("uploads in parts, warm", { timeout: 30_000 }, () => {
  it("UploadPart is one R2 call and one Durable Object call", async () => {
    const target = { bucket: await createBucket(), key: "k" };
    const uploadId = await createUpload(target);
    const query = `partNumber=1&uploadId=${encode(uploadId)}`;
    const costs = await cost({ ...target, method: "PUT", query, body: LARGE });
    expect(costs).toEqual({ ...NOTHING, r2: 1, durableObject: 1 });
  });

  it("CreateMultipartUpload is one R2 call, one D1 call and one Durable Object call", async () => {
    const bucket = await createBucket();
    const costs = await cost({ method: "POST", bucket, key: "k", query: "uploads" });
    expect(costs).toEqual({ ...NOTHING, r2: 1, d1: 1, durableObject: 1 });
  });

  it("CompleteMultipartUpload is at most two R2 calls, one D1 call and one Durable Object call", async () => {
    const target = { bucket: await createBucket(), key: "k" };
    const uploadId = await createUpload(target);
    const parts = [await putPart(target, uploadId, 1, "only part")];
    const costs = await cost({
      ...target,
      method: "POST",
      query: `uploadId=${encode(uploadId)}`,
      body: completionDocument(parts),
    });
    expect(costs.r2).toBeLessThanOrEqual(2);
    expect({ ...costs, r2: 0 }).toEqual({ ...NOTHING, d1: 1, durableObject: 1 });
  });

  it("CopyObject of a manifest object is at most three R2 calls and one Durable Object call", async () => {
    const target = { bucket: await createBucket(), key: "k" };
    await uploadInParts(target, 2);
    const headers = { "x-amz-copy-source": `/${target.bucket}/k` };
    const costs = await cost({ method: "PUT", bucket: target.bucket, key: "copy", headers });
    expect(costs.r2).toBeLessThanOrEqual(3);
    expect({ ...costs, r2: 0 }).toEqual({ ...NOTHING, durableObject: 1 });
  });
});

/** Parts of S3's minimum size. */
async function uploadInParts(target: { bucket: string; key: string }, count: number): Promise<void> {
  const uploadId = await createUpload(target);
  const parts: Part[] = [];
  for (let number = 1; number <= count; number++) {
    parts.push(await putPart(target, uploadId, number, new Uint8Array(5 * MIB).fill(number)));
  }
  const query = `uploadId=${encode(uploadId)}`;
  const response = await send({ ...target, method: "POST", query, body: completionDocument(parts) });
  if (response.status !== 200) throw new Error(`complete: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
}
