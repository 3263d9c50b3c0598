import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import { blobSetOfUpload } from "../../../src/storage/uploads/upload-id.ts";
import { Uploads } from "../../../src/storage/uploads/uploads.ts";
import { attributes, bodyOf, objects, testBucket, textOf } from "../../support/storage.ts";
import {
  blobKeys,
  blobSets,
  bucketDeletion,
  complete,
  createUpload,
  filled,
  ids,
  MIB,
  openUploads,
  registerBucket,
  stores,
  uploadParts,
  uploads,
} from "../../support/uploads.ts";

const codeOf = (error: { code: string }) => error.code;

function etagOf(parts: readonly Uint8Array[]): string {
  const whole = createHash("md5");
  for (const part of parts) whole.update(createHash("md5").update(part).digest());
  return `${whole.digest("hex")}-${parts.length}`;
}

async function sha256Of(bucket: GrantedBucket, key: string): Promise<string> {
  const opened = await objects.open(bucket, { key }, undefined);
  const bytes = new Uint8Array(await new Response(await opened?.body()).arrayBuffer());
  return createHash("sha256").update(bytes).digest("hex");
}

describe("completing an upload", () => {
  it("joins parts of unequal sizes, uploaded in any order, with S3's ETag", async () => {
    const bucket = testBucket();
    const uploadId = await createUpload(bucket, "k");
    const sizes = [6 * MIB, 5 * MIB, 9 * MIB, 123];
    const bytes = sizes.map((size, index) => filled(size, index + 1));
    const etags = new Map<number, string>();
    await Promise.all(
      [4, 2, 1, 3].map(async (partNumber) => {
        const body = bodyOf(bytes[partNumber - 1] ?? new Uint8Array());
        etags.set(partNumber, (await uploads.putPart({ bucket, key: "k", uploadId }, { partNumber }, body)).etag);
      }),
    );
    const parts = [1, 2, 3, 4].map((partNumber) => ({ partNumber, etag: etags.get(partNumber) ?? "", checksums: [] }));
    const { etag } = await complete(bucket, "k", uploadId, { parts });
    expect(etag).toBe(etagOf(bytes));
    expect(await objects.head(bucket, { key: "k" })).toMatchObject({ etag, sizeBytes: 20 * MIB + 123, partCount: 4 });
    expect(await sha256Of(bucket, "k")).toBe(
      bytes.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex"),
    );
    const border = await objects.open(bucket, { key: "k" }, { kind: "from", first: 6 * MIB - 2, last: 6 * MIB + 1 });
    expect([...new Uint8Array(await new Response(await border?.body()).arrayBuffer())]).toEqual([1, 1, 2, 2]);
    const part = await objects.open(bucket, { key: "k" }, { kind: "part", partNumber: 4 });
    expect(part?.range).toEqual({ offset: 20 * MIB, length: 123 });
    await part?.discard();
    expect((await objects.headPart(bucket, { key: "k" }, 5))?.range).toBe("unsatisfiable");
  });

  it("answers a repetition alike, and one that names other parts with NoSuchUpload", async () => {
    const bucket = testBucket();
    const uploadId = await createUpload(bucket, "k");
    const request = await uploadParts(bucket, "k", uploadId, [5 * MIB, 10]);
    const first = await complete(bucket, "k", uploadId, request);
    await objects.put(bucket, "k", bodyOf("newer"), attributes());
    expect(await complete(bucket, "k", uploadId, request)).toEqual(first);
    expect(await textOf(bucket, "k")).toBe("newer");
    const other = { parts: request.parts.slice(0, 1) };
    await expect(complete(bucket, "k", uploadId, other)).rejects.toMatchObject({
      code: "NoSuchUpload",
    });
  });

  it("lets exactly one of completion and abortion succeed, over many races", async () => {
    for (let round = 0; round < 10; round++) {
      const bucket = testBucket();
      const uploadId = await createUpload(bucket, "k");
      const request = await uploadParts(bucket, "k", uploadId, [10]);
      const finish = () => complete(bucket, "k", uploadId, request).then(() => "completed", codeOf);
      const abort = () => uploads.abort({ bucket, key: "k", uploadId }).then(() => "aborted", codeOf);
      const outcomes = await Promise.all(
        round % 2 === 0 ? [finish(), abort(), finish()] : [abort(), finish(), abort()],
      );
      const completed = outcomes.includes("completed");
      expect(outcomes.includes("aborted")).toBe(!completed);
      expect(await textOf(bucket, "k").then((text) => text !== undefined)).toBe(completed);
    }
  });

  it("records a part before or after a completion, never during it", async () => {
    for (let round = 0; round < 5; round++) {
      const bucket = testBucket();
      const uploadId = await createUpload(bucket, "k");
      const request = await uploadParts(bucket, "k", uploadId, [10]);
      const [completed, part] = await Promise.all([
        complete(bucket, "k", uploadId, request).then(() => "completed", codeOf),
        uploads
          .putPart({ bucket, key: "k", uploadId }, { partNumber: 1 }, bodyOf("another"))
          .then(() => "recorded", codeOf),
      ]);
      // If the other part is recorded first, the request names a replaced one.
      expect([completed, part].join()).toMatch(/^(completed,NoSuchUpload|InvalidPart,recorded)$/);
    }
  });

  it("applies its condition atomically and stays open if it fails", async () => {
    const bucket = testBucket();
    const { etag } = await objects.put(bucket, "k", bodyOf("there"), attributes());
    const uploadId = await createUpload(bucket, "k");
    const request = await uploadParts(bucket, "k", uploadId, [10]);
    const create = complete(bucket, "k", uploadId, request, { kind: "if-none-match-any" });
    await expect(create).rejects.toMatchObject({ code: "PreconditionFailed" });
    expect(await textOf(bucket, "k")).toBe("there");
    await complete(bucket, "k", uploadId, request, { kind: "if-match", etag });
    expect((await objects.head(bucket, { key: "k" }))?.partCount).toBe(1);
  });

  it("leaves no blob of a part that was uploaded again or not named", async () => {
    const bucket = testBucket();
    const before = (await blobKeys()).length;
    const uploadId = await createUpload(bucket, "k");
    const request = await uploadParts(bucket, "k", uploadId, [10, 20, 30]);
    await uploads.putPart({ bucket, key: "k", uploadId }, { partNumber: 3 }, bodyOf("again"));
    expect(await blobKeys()).toHaveLength(before + 3);
    await complete(bucket, "k", uploadId, { parts: request.parts.slice(0, 1) });
    expect(await blobKeys()).toHaveLength(before + 1);
  });

  it("rejects a forged id, another key's id and an aborted one with NoSuchUpload", async () => {
    const bucket = testBucket();
    const uploadId = await createUpload(bucket, "k");
    const forged = `${uploadId.slice(0, -1)}${uploadId.endsWith("A") ? "B" : "A"}`;
    for (const [key, id] of [
      ["k", forged],
      ["other", uploadId],
      ["k", ""],
      ["k", "../x"],
    ] as const) {
      await expect(
        uploads.putPart({ bucket, key, uploadId: id }, { partNumber: 1 }, bodyOf("x")),
      ).rejects.toMatchObject({
        code: "NoSuchUpload",
      });
    }
    const before = await blobKeys();
    await uploads.putPart({ bucket, key: "k", uploadId }, { partNumber: 1 }, bodyOf("x"));
    await uploads.abort({ bucket, key: "k", uploadId });
    await expect(uploads.abort({ bucket, key: "k", uploadId })).rejects.toMatchObject({ code: "NoSuchUpload" });
    await expect(uploads.putPart({ bucket, key: "k", uploadId }, { partNumber: 1 }, bodyOf("x"))).rejects.toMatchObject(
      {
        code: "NoSuchUpload",
      },
    );
    expect(await blobKeys()).toEqual(before);
  });
});

describe("an aborted upload", () => {
  it("leaves nothing in its Durable Object, even if a part is recorded late", async () => {
    const bucket = testBucket();
    const uploadId = await createUpload(bucket, "k");
    await uploads.putPart({ bucket, key: "k", uploadId }, { partNumber: 1 }, bodyOf("x"));
    await uploads.abort({ bucket, key: "k", uploadId });
    await expect(
      uploads.putPart({ bucket, key: "k", uploadId }, { partNumber: 2 }, bodyOf("late")),
    ).rejects.toMatchObject({
      code: "NoSuchUpload",
    });
    await expect(uploads.abort({ bucket, key: "k", uploadId })).rejects.toMatchObject({ code: "NoSuchUpload" });
    const set = blobSets.of(blobSetOfUpload(uploadId));
    const tables = await runInDurableObject(set, (_instance, state) =>
      state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'upload'").toArray(),
    );
    expect(tables).toEqual([]);
  });
});

describe("an abort that its Durable Object does not answer", () => {
  it.each(["SlowDown", "ServiceUnavailable", "InternalError"] as const)(
    "leaves the upload listed after %s, so that a sweep can abort it",
    async (code) => {
      const bucket = testBucket();
      const uploadId = await createUpload(bucket, "k");
      const refusing = new BlobSets(env.UPLOADS);
      refusing.abort = async () => ({ ok: false, code });
      const failing = new Uploads({ stores, blobSets: refusing, openUploads, ids, bucketDeletion });
      await expect(failing.abort({ bucket, key: "k", uploadId })).rejects.toMatchObject({ code });
      const listed = () => openUploads.ofBucket(bucket.id, 10);
      expect(await listed()).toEqual([{ bucketId: bucket.id, key: "k", uploadId }]);
      await uploads.abort({ bucket, key: "k", uploadId });
      expect(await listed()).toEqual([]);
    },
  );
});

describe("the storage class of an upload", () => {
  // The simulator does not store classes, so the options of the puts are checked.
  it.each([
    ["STANDARD", undefined],
    ["REDUCED_REDUNDANCY", undefined],
    ["STANDARD_IA", "InfrequentAccess"],
  ] as const)(
    "%s is the class its parts are put in, uploaded or copied, small or large",
    async (storageClass, expected) => {
      const asked: (string | undefined)[] = [];
      const store = new Proxy(env.STORE, {
        get(target, name) {
          const value: unknown = Reflect.get(target, name);
          if (typeof value !== "function") return value;
          return (...parameters: unknown[]) => {
            const options = parameters[2] as R2PutOptions | undefined;
            if (name === "put") asked.push(options?.storageClass);
            return Reflect.apply(value, target, parameters);
          };
        },
      });
      const watched = new Uploads({
        stores: new Map([["us-east-1", store]]),
        blobSets,
        openUploads,
        ids,
        bucketDeletion,
      });
      const bucket = testBucket();
      await objects.put(bucket, "source", bodyOf("source"), attributes());
      const checksum = { algorithm: "CRC32", type: "FULL_OBJECT" } as const;
      await registerBucket(bucket);
      const uploadId = await watched.create({
        bucket,
        key: "k",
        attributes: attributes({ storageClass }),
        checksum,
        now: new Date(),
      });
      const upload = { bucket, key: "k", uploadId };
      await watched.putPart(upload, { partNumber: 1 }, bodyOf("small"));
      await watched.putPart(upload, { partNumber: 2 }, bodyOf(filled(2 * MIB, 2)));
      const source = await objects.open(bucket, { key: "source" }, undefined);
      if (source === undefined) throw new Error("no source");
      const { checksum: computed } = await watched.copyPart(upload, { partNumber: 3 }, source);
      expect(asked).toEqual([expected, expected, expected]);
      expect(computed?.algorithm).toBe("CRC32");
    },
  );
});
