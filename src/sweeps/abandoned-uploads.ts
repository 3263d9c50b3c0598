/**
 * Multipart uploads nobody will finish: those of deleted buckets, and, where ABORT_INCOMPLETE_UPLOADS_DAYS is set, those
 * older than that. And rows of uploads that have ended although their row could not be removed: whoever completed them did
 * not live to do so, and has not come again.
 */
import type { OpenUploads } from "../storage/d1/open-uploads.ts";
import type { BlobSets } from "../storage/uploads/blob-sets.ts";
import { MESSAGE_VERSION } from "../storage/uploads/messages.ts";
import { blobSetOfUpload } from "../storage/uploads/upload-id.ts";

const UPLOADS_PER_RUN = 200;
/** Rows that are looked at in one run to find those of uploads that have ended, one call to a Durable Object each. */
const ROWS_PER_RUN = 100;
const SWEEP = "ended-uploads";
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

/** Removes rows of uploads that are not open any more, going through all that are older than a day. Returns how many. */
export async function sweepEndedUploads(options: {
  readonly db: D1Database;
  readonly openUploads: OpenUploads;
  readonly blobSets: BlobSets;
  readonly now: Date;
}): Promise<number> {
  const { db, openUploads, blobSets, now } = options;
  const row = await db
    .prepare("SELECT after FROM sweep_cursors WHERE sweep = ?1")
    .bind(SWEEP)
    .first<{ after: string }>();
  const rows = await openUploads.between(
    { time: Number(row?.after.split(" ")[0] || 0), uploadId: row?.after.split(" ")[1] ?? "" },
    new Date(now.getTime() - DAY_MS),
    ROWS_PER_RUN,
  );
  let removed = 0;
  for (const { bucketId, key, uploadId } of rows) {
    const answer = await blobSets.of(blobSetOfUpload(uploadId)).listParts(0, 0, MESSAGE_VERSION);
    if (answer.ok || answer.code !== "NoSuchUpload") continue;
    await openUploads.remove(bucketId, key, uploadId);
    removed++;
  }
  const last = rows.length < ROWS_PER_RUN ? undefined : rows.at(-1);
  await db
    .prepare("INSERT OR REPLACE INTO sweep_cursors (sweep, after) VALUES (?1, ?2)")
    .bind(SWEEP, last === undefined ? "" : `${last.initiatedAt} ${last.uploadId}`)
    .run();
  return removed;
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
