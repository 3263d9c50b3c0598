/**
 * Multipart uploads nobody will finish: those of deleted buckets, and, where ABORT_INCOMPLETE_UPLOADS_DAYS is set, those
 * older than that. Also takes away rows of uploads that ended while their row could not be removed.
 */
import type { OpenUploads } from "../storage/d1/open-uploads.ts";
import type { BlobSets } from "../storage/uploads/blob-sets.ts";
import { MESSAGE_VERSION } from "../storage/uploads/messages.ts";
import { blobSetOfUpload } from "../storage/uploads/upload-id.ts";

const UPLOADS_PER_RUN = 200;
const DAY_MS = 24 * 60 * 60 * 1000;

interface AbandonedUpload {
  readonly bucketId: string;
  readonly key: string;
  readonly uploadId: string;
}

export async function sweepAbandonedUploads(options: {
  readonly openUploads: OpenUploads;
  readonly blobSets: BlobSets;
  readonly now: Date;
  /** 0: never. */
  readonly abortAfterDays: number;
}): Promise<number> {
  const { openUploads, blobSets, now, abortAfterDays } = options;
  if (abortAfterDays === 0) return 0;
  const due = await openUploads.olderThan(new Date(now.getTime() - abortAfterDays * DAY_MS), UPLOADS_PER_RUN);
  return abortAll(due, openUploads, blobSets);
}

/** Returns how many were aborted. */
export async function abortAll(
  uploads: readonly AbandonedUpload[],
  openUploads: OpenUploads,
  blobSets: BlobSets,
): Promise<number> {
  let aborted = 0;
  for (const { bucketId, key, uploadId } of uploads) {
    const answer = await blobSets.of(blobSetOfUpload(uploadId)).abort(MESSAGE_VERSION);
    // An upload that is not there is not open either; after any other refusal the row stays for the next run.
    if (!answer.ok && answer.code !== "NoSuchUpload") continue;
    await openUploads.remove(bucketId, key, uploadId);
    aborted++;
  }
  return aborted;
}
