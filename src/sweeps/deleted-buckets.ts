/**
 * What is left under the ids of deleted buckets: tombstones, unfinished uploads, and writes that were under way when the
 * bucket went. No request can reach them, since the id is never used again.
 */

import type { OpenUploads } from "../storage/d1/open-uploads.ts";
import type { BlobSets } from "../storage/uploads/blob-sets.ts";
import { abortAll } from "./abandoned-uploads.ts";

/** An isolate may still believe in a bucket for CONFIG_TTL_SECONDS, and an upload may take long: wait well beyond both. */
const FORGET_AFTER_MS = 7 * 24 * 60 * 60 * 1000;
const BUCKETS_PER_RUN = 20;
const PAGES_PER_BUCKET = 50;
const UPLOADS_PER_BUCKET = 100;

/** Returns the number of entries removed. What one run leaves, the next continues. */
export async function sweepDeletedBuckets(options: {
  readonly db: D1Database;
  readonly stores: ReadonlyMap<string, R2Bucket>;
  readonly openUploads: OpenUploads;
  readonly blobSets: BlobSets;
  readonly now: Date;
}): Promise<number> {
  const { db, stores, openUploads, blobSets, now } = options;
  const { results } = await db
    .prepare("SELECT id, region, deleted_at FROM deleted_buckets ORDER BY swept_at LIMIT ?1")
    .bind(BUCKETS_PER_RUN)
    .all<{ id: string; region: string; deleted_at: number }>();
  let removed = 0;
  for (const bucket of results) {
    // The ones waiting longest come first in the next run.
    await db.prepare("UPDATE deleted_buckets SET swept_at = ?2 WHERE id = ?1").bind(bucket.id, now.getTime()).run();
    await abortAll(await openUploads.ofBucket(bucket.id, UPLOADS_PER_BUCKET), openUploads, blobSets);
    const store = stores.get(bucket.region);
    if (store === undefined) continue;
    const { count, isEmpty } = await removeEntries(store, `${bucket.id}/`);
    removed += count;
    if (isEmpty && bucket.deleted_at + FORGET_AFTER_MS < now.getTime()) {
      await db.prepare("DELETE FROM deleted_buckets WHERE id = ?1").bind(bucket.id).run();
    }
  }
  return removed;
}

async function removeEntries(store: R2Bucket, prefix: string): Promise<{ count: number; isEmpty: boolean }> {
  let count = 0;
  for (let page = 0; page < PAGES_PER_BUCKET; page++) {
    const { objects, truncated } = await store.list({ prefix });
    if (objects.length > 0) await store.delete(objects.map((object) => object.key));
    count += objects.length;
    if (!truncated) return { count, isEmpty: true };
  }
  return { count, isEmpty: false };
}
