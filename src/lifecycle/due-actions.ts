/**
 * Does what is due, in groups: one call to the journal for the removals of a group. What has changed since it was listed, or
 * is under object lock, is left, and so is what fails; the next day's pass sees it again.
 */
import type { GrantedBucket } from "../access/authorize.ts";
import { S3Error } from "../errors.ts";
import type { LoggedAction } from "../model/logged-bucket.ts";
import type { LifecycleCounts } from "../storage/d1/lifecycle-passes.ts";
import type { RequestJournal } from "../storage/journal/journal.ts";
import type { TransitionOutcome } from "../storage/r2/lifecycle-objects.ts";
import type { EntryChange } from "../storage/r2/objects.ts";
import type { Removed } from "../storage/r2/removal.ts";

/** A Worker can wait for six answers at a time. */
const PARALLEL = 5;

interface Action {
  readonly key: string;
  /** Of the version; absent: the current one. */
  readonly versionId?: string;
  /** Calls to R2 that it takes. */
  readonly calls: number;
  /** Absent for a delete marker. */
  readonly sizeBytes?: number;
}

export interface DueRemoval extends Action {
  readonly kind: "removal";
  run(change: EntryChange): Promise<Removed>;
}

export interface DueTransition extends Action {
  readonly kind: "transition";
  readonly etag: string;
  readonly sizeBytes: number;
  run(change: EntryChange): Promise<TransitionOutcome>;
}

export type DueAction = DueRemoval | DueTransition;

/** Calls for the events of a group, if the bucket has notifications. */
export const EVENT_CALLS = 3;

export const COUNTED = ["expired", "transitioned", "changed", "locked", "foreignKey", "failed"] as const;
type Counted = (typeof COUNTED)[number];
export type Tally = Pick<LifecycleCounts, Counted>;

/** How many of the actions were done or given up, from the first one on, and what became of them. */
export interface GroupOutcome {
  readonly count: number;
  readonly tally: Tally;
  readonly done: readonly LoggedAction[];
}

export async function doAll(
  actions: readonly DueAction[],
  { bucket, journal }: { readonly bucket: GrantedBucket; readonly journal: RequestJournal },
): Promise<GroupOutcome> {
  const tally = { expired: 0, transitioned: 0, changed: 0, locked: 0, foreignKey: 0, failed: 0 };
  const done: LoggedAction[] = [];
  const removals = actions.filter((action) => action.kind === "removal");
  if (removals.length > 0) await removeAll(removals, { bucket, journal, tally, done });
  for (const [index, action] of actions.entries()) {
    if (action.kind === "removal") continue;
    const outcome = await transition(action, { bucket, journal });
    if (outcome === "unfinished") return { count: index, tally, done };
    tally[outcome]++;
    if (outcome === "transitioned") done.push(describeDone("S3.TRANSITION_SIA.OBJECT", action));
  }
  return { count: actions.length, tally, done };
}

interface Means {
  readonly bucket: GrantedBucket;
  readonly journal: RequestJournal;
}

function describeDone(operation: LoggedAction["operation"], action: DueAction, removed?: Removed): LoggedAction {
  const { key, versionId = removed?.versionId, sizeBytes: objectSizeBytes } = action;
  return { operation, key, versionId, objectSizeBytes };
}

interface Results {
  readonly tally: Record<Counted, number>;
  readonly done: LoggedAction[];
}

/** @throws whatever the journal throws before anything is removed */
async function removeAll(
  removals: readonly DueRemoval[],
  { bucket, journal, tally, done }: Means & Results,
): Promise<void> {
  let unclear: unknown;
  let hasBegun = false;
  const remove = async (removal: DueRemoval, ticket: EntryChange["ticket"]): Promise<Removed | undefined> => {
    try {
      const removed = await removal.run({ ...removal, bucket, ticket });
      tally.expired++;
      const makesMarker = removal.versionId === undefined && removed.isMarker;
      done.push(describeDone(makesMarker ? "S3.CREATE.DELETEMARKER" : "S3.EXPIRE.OBJECT", removal, removed));
      return removed;
    } catch (error) {
      const kind = kindOf(error, "locked");
      tally[kind]++;
      if (kind === "failed") unclear ??= error;
      return undefined;
    }
  };
  const intended = removals.map(({ key, versionId }) => ({
    key,
    ...(versionId !== undefined && { versionId }),
    isExpiration: true,
  }));
  try {
    await journal.removeEach(bucket, intended, {
      commit: async (tickets) => {
        hasBegun = true;
        const outcomes: (Removed | undefined)[] = [];
        for (let start = 0; start < removals.length; start += PARALLEL) {
          const group = removals.slice(start, start + PARALLEL);
          outcomes.push(
            ...(await Promise.all(
              group.map((removal, index) => {
                const ticket = tickets[start + index];
                return ticket === undefined ? undefined : remove(removal, ticket);
              }),
            )),
          );
        }
        // A removal without a clear answer may have been made: the sweep of the journal finds out, and reports it. After a
        // refusal it would not look.
        if (unclear !== undefined) throw new S3Error("ServiceUnavailable", { cause: unclear });
        return outcomes;
      },
      describe: (removed) => removed && { at: removed.at, versionId: removed.versionId },
    });
  } catch (error) {
    if (!hasBegun || isOutOfCalls(error)) throw error;
    log(removals[0]?.key, error);
  }
}

async function transition(action: DueTransition, { bucket, journal }: Means): Promise<Counted | "unfinished"> {
  const { key, versionId, etag, sizeBytes } = action;
  const named = versionId === undefined ? {} : { versionId };
  try {
    const outcome = await journal.write(
      bucket,
      { key, ...named, event: "LifecycleTransition" },
      {
        adds: undefined,
        commit: (ticket) => action.run({ bucket, key, ...named, ticket }),
        describe: (done) => (done === "done" ? { etag, sizeBytes, ...named, at: new Date() } : undefined),
      },
    );
    return outcome === "done" ? "transitioned" : outcome === "unfinished" ? "unfinished" : "changed";
  } catch (error) {
    if (isOutOfCalls(error)) throw error;
    const kind = kindOf(error, "foreignKey");
    if (kind === "failed") log(key, error);
    return kind;
  }
}

const CHANGED = new Set([
  "PreconditionFailed",
  "ConditionalRequestConflict",
  "NoSuchKey",
  "NoSuchVersion",
  "MethodNotAllowed",
]);

/** @param denied what AccessDenied means */
function kindOf(error: unknown, denied: "locked" | "foreignKey"): "changed" | "locked" | "foreignKey" | "failed" {
  if (!(error instanceof S3Error)) return "failed";
  if (CHANGED.has(error.code)) return "changed";
  return error.code === "AccessDenied" ? denied : "failed";
}

/** The platform refuses every further call of this run ("Too many subrequests"). */
function isOutOfCalls(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return /too many (subrequests|api requests)/i.test(error.message) || isOutOfCalls(error.cause);
}

function log(key: string | undefined, error: unknown): void {
  const cause = error instanceof S3Error && error.cause !== undefined ? error.cause : error;
  console.error(JSON.stringify({ sweep: "lifecycle", key, cause: String(cause) }));
}
