/** Removes stubs of deleted versions, and null versions that were replaced. Each run takes some records, in order of the keys. */
import type { SweepCursors } from "../storage/d1/sweep-state.ts";
import type { RegionStores } from "../storage/r2/entry-place.ts";
import { sweepRecords } from "../storage/versions/sweep-records.ts";

/** R2 calls of one run; a page of 1,000 records takes one, and some more if stubs are due. */
const CALLS_PER_RUN = 300;
/** From the end of a pass through all records to the next one, if it took more calls than a run may make each time. */
const PAUSE_MS = 6 * 60 * 60 * 1000;
const CALLS_OF_SHORT_PASS = 5;
/** Of a cursor that says when a pass ended; records begin with `~`. */
const ENDED = "@";

export interface VersionSweep {
  readonly cursors: SweepCursors;
  readonly stores: RegionStores;
  readonly region: string;
  readonly now: Date;
  /** Calls of a pass after which the next one begins at once; 5 unless a test needs another number. */
  readonly callsOfShortPass?: number;
}

/** Returns how many stubs and versions were removed, and how many interrupted deletions were completed. */
export async function sweepVersions(sweep: VersionSweep): Promise<{ removed: number; completed: number }> {
  const { cursors, stores, region, now, callsOfShortPass = CALLS_OF_SHORT_PASS } = sweep;
  const name = `versions/${region}`;
  const position = await cursors.read(name);
  const endedAt = position.startsWith(ENDED) ? Number(position.slice(ENDED.length)) : Number.NEGATIVE_INFINITY;
  if (now.getTime() - endedAt < PAUSE_MS) return { removed: 0, completed: 0 };
  const after = position.startsWith(ENDED) ? "" : position;
  const swept = await sweepRecords(stores, { region, after, now, maxCalls: CALLS_PER_RUN });
  const isShort = after === "" && swept.calls <= callsOfShortPass;
  const next = swept.next !== "" ? swept.next : isShort ? "" : ENDED + now.getTime();
  if (next !== position) await cursors.write(name, next);
  return { removed: swept.removed, completed: swept.completed };
}
