import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { newBlobSetId } from "../../../src/model/random-ids.ts";
import { SweepCursors } from "../../../src/storage/d1/sweep-state.ts";
import { blobSetOfUpload } from "../../../src/storage/uploads/upload-id.ts";
import { sweepEndedUploads } from "../../../src/sweeps/abandoned.ts";
import { newTicket, testBucket, textOf } from "../../support/storage.ts";
import { blobSets, createUpload, openUploads, registerBucket, uploadParts } from "../../support/uploads.ts";

const DAY_MS = 24 * 60 * 60 * 1000;

function sweep(afterMs: number): Promise<number> {
  return sweepEndedUploads(
    { openUploads, blobSets, cursors: new SweepCursors(env.DB) },
    new Date(Date.now() + afterMs),
  );
}

async function listed(bucketId: string): Promise<string[]> {
  return (await openUploads.ofBucket(bucketId, 1000)).map(({ uploadId }) => uploadId);
}

describe("the row of an upload", () => {
  it("is removed a day later if the upload has ended and its row was not removed; that of an open one stays", async () => {
    const bucket = testBucket();
    const open = await createUpload(bucket, "open");
    const ended = await createUpload(bucket, "k");
    const request = await uploadParts(bucket, "k", ended, [10]);
    // Only the Durable Object's part of a completion.
    const set = blobSets.of(blobSetOfUpload(ended));
    expect(await set.complete({ request, ticket: newTicket() })).toMatchObject({ ok: true });
    expect(await sweep(0)).toBe(0);
    expect((await listed(bucket.id)).toSorted()).toEqual([open, ended].toSorted());
    expect(await sweep(2 * DAY_MS)).toBe(1);
    expect(await listed(bucket.id)).toEqual([open]);
    expect(await textOf(bucket, "k")).toHaveLength(10);
  });

  it("is removed, some in each run, however many there are of one time", async () => {
    const bucket = testBucket();
    await registerBucket(bucket);
    const initiatedAt = new Date();
    const blobSetId = newBlobSetId(new Date(0));
    for (let number = 0; number < 150; number++) {
      const uploadId = `${blobSetId}A${number}`;
      await openUploads.add(bucket.id, { key: "k", uploadId, initiatedAt, ownerId: "", storageClass: "STANDARD" });
    }
    const removed = [await sweep(2 * DAY_MS), await sweep(2 * DAY_MS), await sweep(2 * DAY_MS)];
    expect(removed.reduce((sum, count) => sum + count)).toBe(150);
    expect(await listed(bucket.id)).toEqual([]);
  });
});
