/**
 * Removes blob sets that no version names any more: of objects overwritten or deleted, uploads aborted, writes interrupted.
 *
 * A pass goes through the sets in the order they were made, in as many runs as it takes. Most sets are in use, and one or two
 * reads show it; only for the others their Durable Object is asked, which decides whether to remove them.
 */
import { blobSetTime } from "../model/random-ids.ts";
import type { SweepCursors } from "../storage/d1/sweep-state.ts";
import type { RegionStores } from "../storage/r2/entry-place.ts";
import type { BlobSets } from "../storage/uploads/blob-sets.ts";
import { isPlainlyInUse, type ListedBlobSet, listBlobSets } from "../storage/uploads/list-blob-sets.ts";
import type { SweepOutcome } from "../storage/uploads/messages.ts";

/** Calls to R2, D1 and Durable Objects in one run, for all regions; an invocation may make 10,000 on the Paid plan. */
export const CALLS_PER_RUN = 8000;
/** The next run begins after ten minutes. */
const RUN_MS = 5 * 60 * 1000;
/**
 * Listed at a time; then the position is recorded. On the Free plan, where an invocation may make 1,000 calls, a run gets
 * through some of these pages before it is stopped.
 */
const BLOBS_PER_PAGE = 100;
/** An invocation may wait for six answers at a time. */
const PARALLEL = 6;
/** A pass begins at the earliest when this share of the grace period has gone by since the last one began. */
export const PASSES_PER_GRACE_PERIOD = 4;

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
  const { cursors, stores, region, graceMs } = sweep;
  const now = sweep.now.getTime();
  const name = `blob-sets/${region}`;
  const outcomes = { alive: 0, waiting: 0, removed: 0 };
  const position = parsePosition(await cursors.read(name));
  let { after } = position;
  if (after === "" && now - position.passBegan < graceMs / PASSES_PER_GRACE_PERIOD) return outcomes;
  const passBegan = after === "" ? now : position.passBegan;
  const meter = { calls: 0 };
  const began = Date.now();
  do {
    const { sets, next } = await listBlobSets(stores, { region, after, limit: BLOBS_PER_PAGE });
    // Sets are in order of time, so all sets after a young one are younger.
    const young = sets.findIndex(({ id }) => now - blobSetTime(id).getTime() < graceMs);
    const due = young === -1 ? sets : sets.slice(0, young);
    if (!(await sweepAll(due, { ...sweep, outcomes, meter }))) break;
    after = young === -1 ? next : "";
    await cursors.write(name, `${passBegan} ${after}`);
    meter.calls += 2;
  } while (after !== "" && meter.calls < CALLS_PER_RUN / stores.size && Date.now() - began < RUN_MS);
  return outcomes;
}

interface Run extends BlobSweep {
  readonly outcomes: Record<SweepOutcome, number>;
  readonly meter: { calls: number };
}

/** False if the invocation may make no more calls. */
async function sweepAll(sets: readonly ListedBlobSet[], run: Run): Promise<boolean> {
  const waiting = [...sets];
  let isStopped = false;
  const lane = async () => {
    for (let set = waiting.shift(); set !== undefined && !isStopped; set = waiting.shift()) {
      try {
        run.outcomes[await sweepOne(set, run)]++;
      } catch (error) {
        const cause = error instanceof Error ? error.cause : undefined;
        isStopped ||= /too many subrequests/i.test(`${error} ${cause}`);
        // A failure of one set must not stop the others.
        console.error(JSON.stringify({ sweep: "blob-sets", cause: String(error) }));
        run.outcomes.alive++;
      }
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  return !isStopped;
}

async function sweepOne(set: ListedBlobSet, run: Run): Promise<SweepOutcome> {
  const { stores, region, blobSets, graceMs, now } = run;
  const [isInUse, calls] = await isPlainlyInUse(stores, region, set);
  run.meter.calls += calls;
  if (isInUse) return "alive";
  run.meter.calls++;
  return blobSets.sweep({ blobSetId: set.id, region, now: now.getTime(), graceMs });
}

/** When the pass began, and what it has seen. A position of an earlier release does not say when. */
function parsePosition(text: string): { readonly passBegan: number; readonly after: string } {
  const [, passBegan = "0", after = ""] = /^(?:(\d+) )?(.*)$/.exec(text) ?? [];
  return { passBegan: Number(passBegan), after };
}
