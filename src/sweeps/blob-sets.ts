/**
 * Blob sets no entry names any more: of objects overwritten or deleted, of uploads aborted, of writes cut short. Goes
 * through the sets in the order they were made, a stretch a run; each set's Durable Object judges and removes it.
 */
import { blobSetTime } from "../model/random-ids.ts";
import { BLOB_PREFIX } from "../storage/r2/blobs.ts";
import type { BlobSets } from "../storage/uploads/blob-sets.ts";
import type { SweepOutcome } from "../storage/uploads/messages.ts";

/** Sets judged in one run, one call to a Durable Object each. */
const SETS_PER_RUN = 400;
const PARALLEL = 5;

export interface BlobSweep {
  readonly db: D1Database;
  readonly region: string;
  readonly store: R2Bucket;
  readonly blobSets: BlobSets;
  readonly now: Date;
  readonly graceMs: number;
}

/** How many sets were found in which condition. */
export async function sweepBlobSets(sweep: BlobSweep): Promise<Record<SweepOutcome, number>> {
  const { db, region, store, blobSets, graceMs } = sweep;
  const now = sweep.now.getTime();
  const name = `blob-sets/${region}`;
  const row = await db
    .prepare("SELECT after FROM sweep_cursors WHERE sweep = ?1")
    .bind(name)
    .first<{ after: string }>();
  const startAfter = row === null || row.after === "" ? {} : { startAfter: `${row.after}\u{10FFFF}` };
  const page = await store.list({ prefix: BLOB_PREFIX, delimiter: "/", limit: SETS_PER_RUN, ...startAfter });
  const prefixes = page.delimitedPrefixes.filter((prefix) => prefix !== row?.after);
  const ids = prefixes.map((prefix) => prefix.slice(BLOB_PREFIX.length, -1));
  // Sets are in order of time: what comes after a young one is younger still.
  const youngest = ids.findIndex((id) => now - blobSetTime(id) < graceMs);
  const due = youngest === -1 ? ids : ids.slice(0, youngest);
  const outcomes = { alive: 0, waiting: 0, removed: 0 };
  for (let start = 0; start < due.length; start += PARALLEL) {
    const group = due.slice(start, start + PARALLEL);
    const results = await Promise.all(
      group.map((blobSetId) => blobSets.sweep({ blobSetId, region, now, graceMs }).catch(logFailure)),
    );
    for (const result of results) outcomes[result]++;
  }
  const isEnd = youngest !== -1 || !page.truncated;
  await db
    .prepare("INSERT OR REPLACE INTO sweep_cursors (sweep, after) VALUES (?1, ?2)")
    .bind(name, isEnd ? "" : (prefixes.at(-1) ?? ""))
    .run();
  return outcomes;
}

/** One set that cannot be judged now must not keep the others from it. */
function logFailure(error: unknown): SweepOutcome {
  console.error(JSON.stringify({ sweep: "blob-sets", cause: String(error) }));
  return "alive";
}
