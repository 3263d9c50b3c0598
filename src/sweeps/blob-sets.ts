/**
 * Removes blob sets that no entry names any more: of objects overwritten or deleted, uploads aborted, writes interrupted.
 * Each run takes some sets, in the order they were made; each set's Durable Object decides whether to remove it.
 */
import { blobSetTime } from "../model/random-ids.ts";
import type { SweepCursors } from "../storage/d1/sweep-state.ts";
import type { RegionStores } from "../storage/r2/entry-place.ts";
import { listBlobSets } from "../storage/r2/sweeping.ts";
import type { BlobSets } from "../storage/uploads/blob-sets.ts";
import type { SweepOutcome } from "../storage/uploads/messages.ts";

/** Sets checked in one run, with one call to a Durable Object each. */
export const SETS_PER_RUN = 400;
const PARALLEL = 5;

export interface BlobSweep {
  readonly cursors: SweepCursors;
  readonly stores: RegionStores;
  readonly region: string;
  readonly blobSets: BlobSets;
  readonly now: Date;
  readonly graceMs: number;
}

/** Returns the number of sets for each outcome. */
export async function sweepBlobSets(sweep: BlobSweep): Promise<Record<SweepOutcome, number>> {
  const { cursors, stores, region, blobSets, graceMs } = sweep;
  const now = sweep.now.getTime();
  const name = `blob-sets/${region}`;
  const { ids, next } = await listBlobSets(stores, {
    region,
    after: await cursors.read(name),
    limit: SETS_PER_RUN,
  });
  // Sets are in order of time, so all sets after a young one are younger.
  const youngest = ids.findIndex((id) => now - blobSetTime(id).getTime() < graceMs);
  const due = youngest === -1 ? ids : ids.slice(0, youngest);
  const outcomes = { alive: 0, waiting: 0, removed: 0 };
  for (let start = 0; start < due.length; start += PARALLEL) {
    const group = due.slice(start, start + PARALLEL);
    const results = await Promise.all(
      group.map((blobSetId) => blobSets.sweep({ blobSetId, region, now, graceMs }).catch(logFailure)),
    );
    for (const result of results) outcomes[result]++;
  }
  await cursors.write(name, youngest === -1 ? next : "");
  return outcomes;
}

/** A failure of one set must not stop the others. */
function logFailure(error: unknown): SweepOutcome {
  console.error(JSON.stringify({ sweep: "blob-sets", cause: String(error) }));
  return "alive";
}
