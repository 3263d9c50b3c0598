import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { ByteRange } from "../../../src/model/byte-range.ts";
import type { ObjectLock } from "../../../src/model/object-lock.ts";
import { newBlobSetId } from "../../../src/model/random-ids.ts";
import { type Manifest, summarizeManifest } from "../../../src/storage/r2/blobs.ts";
import { commitManifest } from "../../../src/storage/r2/commit.ts";
import { entryPlace } from "../../../src/storage/r2/entry-place.ts";
import { Objects } from "../../../src/storage/r2/objects.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import { attributes, bodyOf, newTicket, OWNER, objects, testBucket, textOf } from "../../support/storage.ts";

const MIB = 1024 * 1024;
const CRC = { algorithm: "CRC32", value: "AAAAAA==", type: "FULL_OBJECT" } as const;

function pattern(sizeBytes: number): Uint8Array {
  return Uint8Array.from({ length: sizeBytes }, (_, index) => index % 251);
}

async function read(bucket: ReturnType<typeof testBucket>, key: string, range?: ByteRange) {
  const opened = await objects.open(bucket, { key }, range);
  if (opened === undefined) return undefined;
  if (opened.range === "unsatisfiable") {
    await opened.discard();
    return "unsatisfiable";
  }
  return fingerprint(new Uint8Array(await new Response(await opened.body()).arrayBuffer()));
}

/** Comparing megabytes byte by byte is slow in an assertion. */
function fingerprint(bytes: Uint8Array): string {
  return `${bytes.byteLength} bytes, ${createHash("sha256").update(bytes).digest("hex")}`;
}

describe("objects", () => {
  it("stores an inline object as one R2 object whose ETag is its MD5", async () => {
    const bucket = testBucket();
    const { etag } = await objects.put(bucket, "a/b", bodyOf("hello"), attributes());
    expect(etag).toBe("5d41402abc4b2a76b9719d911017c592");
    expect(await (await env.STORE.get(`${bucket.id}/a/b`))?.text()).toBe("hello");
    expect(await objects.head(bucket, { key: "a/b" })).toMatchObject({
      key: "a/b",
      sizeBytes: 5,
      etag,
      storageClass: "STANDARD",
    });
  });

  it("puts a large body with a trailing checksum behind a manifest with the same ETag and size", async () => {
    const bucket = testBucket();
    const bytes = pattern(2 * MIB);
    const { etag, checksum } = await objects.put(bucket, "big", bodyOf(bytes, CRC), attributes());
    expect(checksum).toEqual(CRC);
    const head = await objects.head(bucket, { key: "big" });
    expect(head).toMatchObject({ sizeBytes: bytes.byteLength, etag, checksum: CRC });
    expect(await read(bucket, "big")).toBe(fingerprint(bytes));
  });

  const ranges: [string, ByteRange, (size: number) => [number, number] | "unsatisfiable"][] = [
    ["first byte", { kind: "from", first: 0, last: 0 }, () => [0, 1]],
    ["a middle", { kind: "from", first: 1000, last: 1999 }, () => [1000, 2000]],
    ["open end", { kind: "from", first: 1000 }, (size) => [1000, size]],
    ["end beyond", { kind: "from", first: 1000, last: 1e12 }, (size) => [1000, size]],
    ["suffix", { kind: "suffix", length: 17 }, (size) => [size - 17, size]],
    ["suffix beyond", { kind: "suffix", length: 1e12 }, (size) => [0, size]],
    ["start beyond", { kind: "from", first: 1e12 }, () => "unsatisfiable"],
    ["empty suffix", { kind: "suffix", length: 0 }, () => "unsatisfiable"],
  ];
  for (const kind of ["inline", "manifest"] as const) {
    it.each(ranges)(`reads of an ${kind} object: %s`, async (_name, range, expected) => {
      const bucket = testBucket();
      const bytes = kind === "inline" ? pattern(5000) : pattern(MIB + 5000);
      await objects.put(bucket, "k", bodyOf(bytes, kind === "inline" ? undefined : CRC), attributes());
      const slice = expected(bytes.byteLength);
      const found = await read(bucket, "k", range);
      if (slice === "unsatisfiable") expect(found).toBe("unsatisfiable");
      else expect(found).toBe(fingerprint(bytes.slice(...slice)));
    });
  }

  it("takes every range of an empty object except its end for unsatisfiable", async () => {
    const bucket = testBucket();
    await objects.put(bucket, "empty", bodyOf(""), attributes());
    expect(await read(bucket, "empty", { kind: "from", first: 0 })).toBe("unsatisfiable");
    expect(await read(bucket, "empty", { kind: "suffix", length: 0 })).toBe("unsatisfiable");
    expect(await read(bucket, "empty", { kind: "suffix", length: 5 })).toBe(fingerprint(new Uint8Array(0)));
    expect(await read(bucket, "empty")).toBe(fingerprint(new Uint8Array(0)));
  });

  it.each([undefined, CRC])(
    "says that R2 has failed, and not that the body is incomplete (checksum: %j)",
    async (checksum) => {
      const fail = async () => {
        await scheduler.wait(1);
        throw new Error("Network connection lost.");
      };
      const failing = new Proxy(env.STORE, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          return name === "put" ? fail : value.bind(target);
        },
      });
      const store = new Objects(new Map([["us-east-1", failing]]), new BlobSets(env.UPLOADS));
      const body = bodyOf(pattern(2 * MIB), checksum);
      const { content } = body;
      const pieces = { next: async () => pattern(1000), cancel: async () => {} };
      for (const source of [content, pieces]) {
        const write = { bucket: testBucket(), key: "k", attributes: attributes(), ticket: newTicket() };
        await expect(store.put(write, { ...body, content: source })).rejects.toMatchObject({
          code: "ServiceUnavailable",
        });
      }
    },
  );

  it("leaves no R2 object when the body fails, small or large", async () => {
    for (const sizeBytes of [10, 2 * MIB]) {
      const bucket = testBucket();
      const short = { ...bodyOf(pattern(sizeBytes - 1)), sizeBytes };
      await expect(objects.put(bucket, "k", short, attributes())).rejects.toMatchObject({ code: "IncompleteBody" });
      expect((await env.STORE.list({ prefix: bucket.id })).objects).toEqual([]);
    }
  });

  it("rejects a delegated digest that does not match, wherever it is checked", async () => {
    const wrong = {
      algorithm: "sha256",
      hex: "0".repeat(64),
      mismatch: () => Object.assign(new Error("mismatch"), { code: "mismatch" }),
    };
    for (const [sizeBytes, storageClass] of [
      [10, "STANDARD"],
      [10, "REDUCED_REDUNDANCY"],
      [2 * MIB, "STANDARD"],
      [2 * MIB, "STANDARD_IA"],
    ] as const) {
      const bucket = testBucket();
      const body = { ...bodyOf(pattern(sizeBytes)), delegated: wrong as never };
      await expect(objects.put(bucket, "k", body, attributes({ storageClass }))).rejects.toThrow("mismatch");
      expect(await objects.head(bucket, { key: "k" })).toBeUndefined();
    }
  });
});

describe("a manifest too long for the entry's metadata", () => {
  /** An object of one-byte parts, as an upload leaves it. */
  async function putInManyParts(bucket: ReturnType<typeof testBucket>, key: string): Promise<void> {
    const blobSetId = newBlobSetId();
    const names = Array.from({ length: 200 }, (_, index) => `${index + 1}.attempt`);
    await Promise.all(names.map((name, index) => env.STORE.put(`~b/${blobSetId}/${name}`, String(index % 10))));
    const manifest: Manifest = { v: 1, b: blobSetId, p: names.map((name) => [name, 1]) };
    const facts = summarizeManifest(manifest, {
      sizeBytes: names.length,
      etag: `${"0".repeat(32)}-200`,
      isUpload: true,
    });
    expect(facts.p).toBeUndefined();
    const object = {
      attributes: attributes(),
      manifest,
      facts: { checksum: undefined, manifest: facts, ticket: newTicket() },
    };
    await commitManifest(entryPlace(env.STORE, { bucketId: bucket.id, bucketOwnerId: OWNER, key }), object, {});
  }

  /** What a change of tags in another isolate does. */
  async function putAnew(bucket: ReturnType<typeof testBucket>, key: string): Promise<void> {
    const entry = await env.STORE.get(`${bucket.id}/${key}`);
    const manifest = await entry?.json<object>();
    const body = JSON.stringify({ ...manifest, w: newBlobSetId() });
    await env.STORE.put(`${bucket.id}/${key}`, body, { customMetadata: entry?.customMetadata ?? {} });
  }

  it("is found by a reader of a range although tags are changed meanwhile, and not if the object was replaced", async () => {
    const bucket = testBucket();
    await putInManyParts(bucket, "k");
    const range = { kind: "from", first: 3, last: 5 } as const;
    const reader = await objects.open(bucket, { key: "k" }, range);
    await putAnew(bucket, "k");
    expect(await new Response(await reader?.body()).text()).toBe("345");
    await putAnew(bucket, "k");
    const late = await objects.open(bucket, { key: "k" }, range);
    await putInManyParts(bucket, "k");
    await expect(late?.body()).rejects.toMatchObject({ code: "SlowDown" });
  });
});

describe("conditional writes", () => {
  const anyone = { kind: "if-none-match-any" } as const;

  it.each([10, 2 * MIB])("creates only once: If-None-Match * with %i bytes", async (sizeBytes) => {
    const bucket = testBucket();
    const attempts = Array.from({ length: 6 }, () =>
      objects.put(bucket, "k", bodyOf(pattern(sizeBytes)), attributes(), anyone).then(
        () => "won",
        (error: { code: string }) => error.code,
      ),
    );
    const outcomes = await Promise.all(attempts);
    expect(outcomes.filter((outcome) => outcome === "won")).toHaveLength(1);
    for (const outcome of outcomes)
      expect(["won", "PreconditionFailed", "ConditionalRequestConflict"]).toContain(outcome);
  });

  it.each([10, 2 * MIB])("If-Match replaces only the object with the ETag, %i bytes", async (sizeBytes) => {
    const bucket = testBucket();
    const put = (etag: string) =>
      objects.put(bucket, "k", bodyOf(pattern(sizeBytes)), attributes(), { kind: "if-match", etag });
    await expect(put("0".repeat(32))).rejects.toMatchObject({ code: "NoSuchKey" });
    await expect(put("*")).rejects.toMatchObject({ code: "NoSuchKey" });
    const first = await objects.put(bucket, "k", bodyOf("first"), attributes());
    await expect(put("0".repeat(32))).rejects.toMatchObject({ code: "PreconditionFailed" });
    const second = await put(first.etag);
    expect((await put("*")).etag).toBe(second.etag);
  });

  it("If-Match compares the ETag of a manifest object", async () => {
    const bucket = testBucket();
    const first = await objects.put(bucket, "k", bodyOf(pattern(2 * MIB), CRC), attributes());
    await objects.put(bucket, "k", bodyOf("second"), attributes(), { kind: "if-match", etag: first.etag });
    expect(await textOf(bucket, "k")).toBe("second");
  });

  it("keeps no blob of a manifest whose condition failed", async () => {
    const bucket = testBucket();
    await objects.put(bucket, "k", bodyOf("there"), attributes());
    const before = (await env.STORE.list({ prefix: "~b/" })).objects.length;
    const late = objects.put(bucket, "k", bodyOf(pattern(2 * MIB), CRC), attributes(), anyone);
    await expect(late).rejects.toMatchObject({ code: "PreconditionFailed" });
    expect((await env.STORE.list({ prefix: "~b/" })).objects).toHaveLength(before);
  });
});

describe("conditional deletion", () => {
  it("removes only the object with the ETag", async () => {
    const bucket = testBucket();
    await expect(objects.deleteIf(bucket, "k", "x")).rejects.toMatchObject({ code: "NoSuchKey" });
    const { etag } = await objects.put(bucket, "k", bodyOf("v1"), attributes());
    await expect(objects.deleteIf(bucket, "k", "0".repeat(32))).rejects.toMatchObject({ code: "PreconditionFailed" });
    await objects.deleteIf(bucket, "k", etag);
    expect(await objects.head(bucket, { key: "k" })).toBeUndefined();
    expect(await textOf(bucket, "k")).toBeUndefined();
    expect(await objects.isEmpty(bucket)).toBe(true);
    expect((await objects.list(bucket, { prefix: "", delimiter: "", after: "", maxKeys: 10 })).objects).toEqual([]);
  });

  it("lets a new object be created at the key of a removed one", async () => {
    const bucket = testBucket();
    for (const sizeBytes of [10, 2 * MIB]) {
      const { etag } = await objects.put(bucket, "k", bodyOf("v1"), attributes());
      await objects.deleteIf(bucket, "k", etag);
      await objects.put(bucket, "k", bodyOf(pattern(sizeBytes)), attributes(), { kind: "if-none-match-any" });
      expect((await objects.head(bucket, { key: "k" }))?.sizeBytes).toBe(sizeBytes);
    }
  });

  it("never removes a newer write in a race", async () => {
    for (let round = 0; round < 10; round++) {
      const bucket = testBucket();
      const { etag } = await objects.put(bucket, "k", bodyOf("old"), attributes());
      const removal = objects.deleteIf(bucket, "k", etag).catch(() => {});
      await Promise.all([removal, objects.put(bucket, "k", bodyOf("new"), attributes())]);
      expect(await textOf(bucket, "k")).toBe("new");
    }
  });
});

describe("an isolate that has an older row of the bucket", () => {
  it("takes a delete marker as absent", async () => {
    const before = testBucket();
    await objects.put(before, "k", bodyOf("content"), attributes());
    await objects.remove(testBucket({ id: before.id, versioning: "Enabled" }), "k");
    expect(await objects.head(before, { key: "k" })).toBeUndefined();
    expect(await objects.open(before, { key: "k" }, undefined)).toBeUndefined();
    expect((await objects.list(before, { prefix: "", delimiter: "", after: "", maxKeys: 10 })).objects).toEqual([]);
  });

  it.each(["a write", "a deletion"])(
    "where versioning was suspended: %s replaces no version that is locked by now",
    async (name) => {
      const [before, deleted] = [testBucket({ versioning: "Suspended" }), name === "a deletion"];
      const bucket = testBucket({ id: before.id, versioning: "Enabled" });
      const put = (as: typeof bucket, key: string, lock?: ObjectLock) =>
        objects.put(as, key, bodyOf("content"), { ...attributes(), ...(lock && { lock }) });
      const until = Date.now() + 86_400_000;
      const locks: [key: string, lock: ObjectLock, isKept: boolean][] = [
        ["retained", { retention: { mode: "GOVERNANCE", until } }, true],
        ["held", { hasLegalHold: true }, true],
        ["ended", { retention: { mode: "COMPLIANCE", until: Date.now() - 1 }, hasLegalHold: false }, false],
      ];
      for (const [key, lock, isKept] of locks) {
        const first = await put(before, key, lock);
        const late = deleted ? objects.remove(before, key) : put(before, key);
        if (isKept) await expect(late).rejects.toMatchObject({ code: "SlowDown" });
        else await late;
        if (isKept) expect((await objects.head(bucket, { key, versionId: "null" }))?.lock).toEqual(lock);
        expect((await put(bucket, key)).versionId).not.toBe(first.versionId);
        if (isKept) expect((await objects.head(bucket, { key, versionId: "null" }))?.lock).toEqual(lock);
      }
    },
  );

  it("replaces no version that it has read, and changes it as a version", async () => {
    const before = testBucket();
    const bucket = testBucket({ id: before.id, versioning: "Enabled" });
    const { versionId = "", etag } = await objects.put(bucket, "k", bodyOf(pattern(MIB + 1)), attributes());
    const slowDown = expect.objectContaining({ code: "SlowDown" });
    const replace = objects.put(before, "k", bodyOf("later"), attributes(), { kind: "if-match", etag });
    await expect(replace).rejects.toEqual(slowDown);
    await expect(objects.deleteIf(before, "k", etag)).rejects.toEqual(slowDown);
    const source = await objects.open(before, { key: "k" }, undefined);
    if (source === undefined) throw new Error("there is no object");
    await expect(objects.copy(source, { bucket: before, key: "k" }, attributes())).rejects.toEqual(slowDown);
    const tags = [{ key: "a", value: "b" }];
    await objects.setTags(before, "k", tags);
    expect(await objects.head(bucket, { key: "k", versionId })).toMatchObject({ versionId, etag, tags });

    await objects.remove(bucket, "k");
    const create = objects.put(before, "k", bodyOf("later"), attributes(), { kind: "if-none-match-any" });
    await expect(create).rejects.toEqual(slowDown);
  });
});
