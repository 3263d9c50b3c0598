/**
 * Puts the markers of buckets that lack one, and corrects those that differ from their rows: of buckets that are older than
 * markers, and where R2 failed or the Worker died. A request puts the marker itself and leaves the row due, so most that are
 * looked at are right, and one read shows it.
 */
import type { DueMarker, DueMarkers } from "../storage/d1/due-markers.ts";
import { correctMarker, type MarkerOutcome } from "../storage/r2/bucket-markers.ts";
import type { RegionStores } from "../storage/r2/entry-place.ts";

/** Rows of one run, with at most two R2 calls for each. */
export const MARKERS_PER_RUN = 200;
/** An invocation may wait for six answers at a time. */
const PARALLEL = 6;

export interface MarkerSweep {
  readonly dueMarkers: DueMarkers;
  readonly stores: RegionStores;
  readonly now: Date;
}

export async function sweepBucketMarkers({ dueMarkers, stores, now }: MarkerSweep): Promise<MarkerCounts> {
  const due = await dueMarkers.next(now, MARKERS_PER_RUN);
  const outcomes = { right: [] as DueMarker[], later: [] as DueMarker[] };
  const counts = { put: 0, right: 0, later: 0 };
  const waiting = [...due];
  const lane = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const outcome = await settle(next, stores, now);
      counts[outcome]++;
      outcomes[outcome === "later" ? "later" : "right"].push(next);
    }
  };
  await Promise.all(Array.from({ length: PARALLEL }, lane));
  await dueMarkers.settle(outcomes, now);
  return counts;
}

export type MarkerCounts = Readonly<Record<MarkerOutcome, number>>;

async function settle({ marker, due }: DueMarker, stores: RegionStores, now: Date): Promise<MarkerOutcome> {
  try {
    return await correctMarker(stores, marker, { isMissing: due === 0, now });
  } catch (error) {
    // A failure of one bucket must not stop the others.
    console.error(JSON.stringify({ sweep: "bucket-markers", cause: String(error) }));
    return "later";
  }
}
