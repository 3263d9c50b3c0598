/** Worker and Durable Object during a deployment, when the code of one is older than that of the other. */
import { runInDurableObject } from "cloudflare:test";
import { describe, expect, it } from "vitest";
import { BlobSetRecords } from "../../../src/storage/uploads/blob-set-records.ts";
import type { UploadDescription } from "../../../src/storage/uploads/messages.ts";
import { MESSAGE_VERSION } from "../../../src/storage/uploads/messages.ts";
import { blobSetOfUpload } from "../../../src/storage/uploads/upload-id.ts";
import { attributes, bodyOf, objects, testBucket, textOf } from "../../support/storage.ts";
import { blobKeys, blobSets, complete, createUpload, sweepFully, uploadParts, uploads } from "../../support/uploads.ts";

const codeOf = (error: { code: string }) => error.code;

describe("a Durable Object whose code is older than the Worker", () => {
  it("does nothing with a message that it does not know yet, so that the client retries", async () => {
    const bucket = testBucket();
    const uploadId = await createUpload(bucket, "k");
    const { parts } = await uploadParts(bucket, "k", uploadId, [10]);
    const set = blobSets.of(blobSetOfUpload(uploadId));
    const later = MESSAGE_VERSION + 1;
    const refusal = { ok: false, code: "ServiceUnavailable" };
    expect(await set.abort(later)).toMatchObject(refusal);
    expect(await set.listParts(0, 10, later)).toMatchObject(refusal);
    await complete(bucket, "k", uploadId, { parts });
    expect(await textOf(bucket, "k")).toHaveLength(10);
  });
});

describe("a Worker whose code is older than the Durable Object", () => {
  it("sends no version", async () => {
    const bucket = testBucket();
    const uploadId = await createUpload(bucket, "k");
    await uploadParts(bucket, "k", uploadId, [10]);
    const set = blobSets.of(blobSetOfUpload(uploadId));
    expect(await set.listParts(0, 10)).toMatchObject({ ok: true });
    expect(await set.abort()).toEqual({ ok: true, value: undefined });
  });
});

describe("an upload that an earlier release created", () => {
  /** As such a release has written it down. */
  async function createOld(key: string) {
    const bucket = testBucket();
    const uploadId = await createUpload(bucket, key);
    await runInDurableObject(blobSets.of(blobSetOfUpload(uploadId)), (_instance, state) => {
      const { isFullyRecorded: _, before: __, ...known } = new BlobSetRecords(state.storage).description() ?? {};
      const old: Partial<UploadDescription> = known;
      state.storage.sql.exec("UPDATE upload SET description = ?", JSON.stringify(old));
    });
    const request = await uploadParts(bucket, key, uploadId, [10]);
    return { bucket, uploadId, request };
  }

  it("checks its condition only on completion, since the object at its creation is not recorded", async () => {
    const { bucket, uploadId, request } = await createOld("k");
    const { etag } = await objects.put(bucket, "k", bodyOf("there"), attributes());
    await complete(bucket, "k", uploadId, request, { kind: "if-match", etag });
    expect((await objects.head(bucket, { key: "k" }))?.partCount).toBe(1);
  });

  // A completion that took effect may not be recorded, so an entry may name its blobs.
  it("keeps its blobs when it is aborted, until the sweep has read the entries", async () => {
    const before = (await blobKeys()).length;
    const { bucket, uploadId } = await createOld("k");
    await uploads.putPart({ bucket, key: "k", uploadId }, { partNumber: 1 }, bodyOf("again"));
    await uploads.abort({ bucket, key: "k", uploadId });
    expect(await uploads.abort({ bucket, key: "k", uploadId }).catch(codeOf)).toBe("NoSuchUpload");
    expect(await blobKeys()).toHaveLength(before + 2);
    await sweepFully();
    expect(await blobKeys().then((keys) => keys.filter((key) => key.includes(blobSetOfUpload(uploadId))))).toEqual([]);
  });
});
