import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { OpenUploads } from "../../../src/storage/d1/open-uploads.ts";
import { SweepCursors } from "../../../src/storage/d1/sweep-state.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import { blobSetOfUpload } from "../../../src/storage/uploads/upload-id.ts";
import { Uploads } from "../../../src/storage/uploads/uploads.ts";
import { sweepEndedUploads } from "../../../src/sweeps/abandoned.ts";
import { attributes, testBucket } from "../../support/storage.ts";
import { blobSets, bucketDeletion, ids, openUploads, registerBucket, stores, uploads } from "../../support/uploads.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

type Times = "before" | "after";

/** Creates an upload while one call fails, before it takes effect or after. @returns the id of what was to be created */
async function failToCreate(bucket: GrantedBucket, call: "row" | "object", when: Times): Promise<string> {
  let created = "";
  const fail = () => {
    throw new Error("internal error; simulated");
  };
  const failingSets = new BlobSets(env.UPLOADS);
  failingSets.create = async (description) => {
    created = description.uploadId;
    if (call === "object" && when === "before") fail();
    const answer = await blobSets.create(description);
    if (call === "object") fail();
    return answer;
  };
  const failingRows = new OpenUploads(env.DB);
  failingRows.add = async (bucketId, upload) => {
    created = upload.uploadId;
    if (call === "row" && when === "before") fail();
    const isAdded = await openUploads.add(bucketId, upload);
    if (call === "row") fail();
    return isAdded;
  };
  const failing = new Uploads({ stores, blobSets: failingSets, openUploads: failingRows, ids, bucketDeletion });
  await expect(
    failing.create({ bucket, key: "k", attributes: attributes(), checksum: undefined, now: new Date() }),
  ).rejects.toThrow("simulated");
  return created;
}

async function isOpen(uploadId: string): Promise<boolean> {
  return (await blobSets.inspect(blobSetOfUpload(uploadId), { after: 0, limit: 0 })).upload?.state === "open";
}

async function listed(bucket: GrantedBucket): Promise<string[]> {
  return (await openUploads.ofBucket(bucket.id, 1000)).map(({ uploadId }) => uploadId);
}

async function newBucket(): Promise<GrantedBucket> {
  const bucket = testBucket();
  await registerBucket(bucket);
  return bucket;
}

describe("an upload whose creation fails", () => {
  it.each([
    ["row", "before"],
    ["row", "after"],
    ["object", "before"],
    ["object", "after"],
  ] as const)("is open only if a row leads to it: the %s fails, %s it takes effect", async (call, when) => {
    const bucket = await newBucket();
    const uploadId = await failToCreate(bucket, call, when);
    const isListed = (await listed(bucket)).includes(uploadId);
    expect((await isOpen(uploadId)) && !isListed).toBe(false);
    // A row that leads to nothing is removed by the sweep of rows, and an upload by that of abandoned uploads.
    const sweeping = { openUploads, blobSets, cursors: new SweepCursors(env.DB) };
    await sweepEndedUploads(sweeping, new Date(Date.now() + 2 * DAY_MS));
    expect(await listed(bucket)).toEqual((await isOpen(uploadId)) ? [uploadId] : []);
  });
});

describe("the row of an upload that is still being created", () => {
  it("stays when the upload is aborted, since the upload may exist a moment later", async () => {
    const bucket = await newBucket();
    const uploadId = await failToCreate(bucket, "object", "before");
    await expect(uploads.abort({ bucket, key: "k", uploadId })).rejects.toMatchObject({ code: "NoSuchUpload" });
    expect(await listed(bucket)).toEqual([uploadId]);
    expect(await isOpen(uploadId)).toBe(false);
    const later = new Date(Date.now() + DAY_MS);
    await expect(uploads.abort({ bucket, key: "k", uploadId }, later)).rejects.toMatchObject({ code: "NoSuchUpload" });
    expect(await listed(bucket)).toEqual([]);
  });
});
