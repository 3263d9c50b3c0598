/** Removes what no request will finish or reach any more: uploads, rows of uploads, and contents of deleted buckets. */
import type { OpenUploads } from "../storage/d1/open-uploads.ts";
import type { DeletedBuckets, SweepCursors } from "../storage/d1/sweep-state.ts";
import type { RegionStores } from "../storage/r2/entry-place.ts";
import { removeEntries } from "../storage/r2/sweeping.ts";
import type { BlobSets } from "../storage/uploads/blob-sets.ts";
import { blobSetOfUpload, isGone } from "../storage/uploads/upload-id.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const UPLOADS_PER_RUN = 200;
/** Rows checked in one run for uploads that have ended, with one call to a Durable Object each. */
const ROWS_PER_RUN = 100;
const ENDED_UPLOADS = "ended-uploads";

/** An isolate may act on a cached row of the bucket for CONFIG_TTL_SECONDS, and an upload may take long. */
export const FORGET_BUCKET_AFTER_MS = 7 * DAY_MS;
const BUCKETS_PER_RUN = 20;
const PAGES_PER_BUCKET = 50;
const UPLOADS_PER_BUCKET = 100;

interface AbandonedUpload {
  readonly bucketId: string;
  readonly key: string;
  readonly uploadId: string;
}

interface UploadStores {
  readonly openUploads: OpenUploads;
  readonly blobSets: BlobSets;
}

/** Aborts uploads older than ABORT_INCOMPLETE_UPLOADS_DAYS. Returns how many. */
export async function sweepAbandonedUploads(
  stores: UploadStores,
  /** `abortAfterDays` 0: never. */
  { now, abortAfterDays }: { readonly now: Date; readonly abortAfterDays: number },
): Promise<number> {
  if (abortAfterDays === 0) return 0;
  const before = new Date(now.getTime() - abortAfterDays * DAY_MS);
  return abortAll(await stores.openUploads.olderThan(before, UPLOADS_PER_RUN), stores, now);
}

/**
 * Removes rows of uploads that have ended although their row could not be removed, because the Worker that completed them
 * died first and the client has not repeated the call. Goes through all rows older than a day. Returns how many.
 */
export async function sweepEndedUploads(
  { openUploads, blobSets, cursors }: UploadStores & { readonly cursors: SweepCursors },
  now: Date,
): Promise<number> {
  const [time, uploadId = ""] = (await cursors.read(ENDED_UPLOADS)).split(" ");
  const rows = await openUploads.between(
    { time: new Date(Number(time || 0)), uploadId },
    new Date(now.getTime() - DAY_MS),
    ROWS_PER_RUN,
  );
  let removed = 0;
  for (const row of rows) {
    const answer = await blobSets.listParts(blobSetOfUpload(row.uploadId), { after: 0, limit: 0 });
    if (answer.ok || answer.code !== "NoSuchUpload") continue;
    await openUploads.remove(row.bucketId, row.key, row.uploadId);
    removed++;
  }
  const last = rows.length < ROWS_PER_RUN ? undefined : rows.at(-1);
  await cursors.write(ENDED_UPLOADS, last === undefined ? "" : `${last.initiatedAt.getTime()} ${last.uploadId}`);
  return removed;
}

/**
 * Removes what is left under the ids of deleted buckets: tombstones, unfinished uploads, and writes that were under way
 * when the bucket was deleted. No request can reach them, since the id is never used again. Returns the number of entries
 * removed. What one run leaves, the next continues.
 */
export async function sweepDeletedBuckets(
  stores: UploadStores & { readonly deletedBuckets: DeletedBuckets; readonly regions: RegionStores },
  now: Date,
): Promise<number> {
  const { deletedBuckets, regions, openUploads } = stores;
  let removed = 0;
  for (const bucket of await deletedBuckets.next(BUCKETS_PER_RUN)) {
    // The next run begins with the buckets that have waited longest.
    await deletedBuckets.markSwept(bucket.id, now);
    await abortAll(await openUploads.ofBucket(bucket.id, UPLOADS_PER_BUCKET), stores, now);
    const entries = await removeEntries(regions, bucket, PAGES_PER_BUCKET);
    if (entries === undefined) continue;
    removed += entries.count;
    if (entries.isEmpty && bucket.deletedAt.getTime() + FORGET_BUCKET_AFTER_MS < now.getTime()) {
      await deletedBuckets.forget(bucket.id);
    }
  }
  return removed;
}

/** Returns how many were aborted. */
async function abortAll(
  uploads: readonly AbandonedUpload[],
  { openUploads, blobSets }: UploadStores,
  now: Date,
): Promise<number> {
  let aborted = 0;
  for (const { bucketId, key, uploadId } of uploads) {
    const answer = await blobSets.abort(blobSetOfUpload(uploadId));
    // After any other refusal the row stays for the next run.
    if (!answer.ok && !isGone(answer, uploadId, now)) continue;
    await openUploads.remove(bucketId, key, uploadId);
    aborted++;
  }
  return aborted;
}
