/**
 * The put of an entry in a bucket that is or was versioned: read the entry, keep the version at the key, put the new one
 * on condition that the entry has not changed. If another write came first, all of it is repeated, so no version is lost and
 * none is kept twice.
 *
 * The condition for an inline entry is its time of upload (`r2/unchanged.ts`). Here no second read is needed to make it exact:
 * every writer of such a bucket puts at least `PAUSE_MS` after it has read the entry that it replaces, so two versions of a
 * key never have the same time. Only an entry from before versioning, put in the last minute, is read again.
 */
import { S3Error } from "../../errors.ts";
import { isProtected } from "../../model/object-lock.ts";
import { isNullToken, newVersionToken, tokenAfter, type Versioning, type VersionToken } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { type Guard, requireCondition } from "../r2/conditions.ts";
import { describeEntry, type Entry, tokenOf } from "../r2/entry.ts";
import type { EntryPlace } from "../r2/entry-place.ts";
import { decodeLock, type VersionLinks } from "../r2/entry-record.ts";
import { PAUSE_MS, pause, SETTLED_AGE_MS, unchangedSince } from "../r2/unchanged.ts";
import { keepVersion } from "./keep.ts";
import { recordKey } from "./record-key.ts";

/** Puts the entry with these links; null if R2 declined because the condition does not hold. */
export type PutVersion = (commit: {
  readonly onlyIf: R2Conditional;
  readonly links: VersionLinks;
}) => Promise<R2Object | null>;

/** A version that has been put. */
export interface CommittedVersion {
  readonly object: R2Object;
  readonly token: VersionToken;
}

/** Writers of one key at the same time; one of them wins each time. */
const MAX_ATTEMPTS = 16;
const MAX_DELAY_MS = 10;

/**
 * Three R2 calls; two if there is nothing to keep. In an enabled bucket the write makes a new version; in a suspended one it
 * makes the null version, which takes the place of an earlier one.
 * @throws S3Error `PreconditionFailed`, `NoSuchKey` by the condition; `ConditionalRequestConflict` if the entry has changed
 *   that the write was made of; `SlowDown` if other writes come first each time, or for a null version under object lock
 */
export async function commitVersion(place: EntryPlace, guard: Guard, put: PutVersion): Promise<CommittedVersion> {
  const { condition, madeOf, writeId, token, isMarker = false } = guard;
  const { versioning = "Enabled" } = place;
  let declined: VersionToken | undefined;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const found = await callR2(place.store.get(place.r2Key));
    const readAt = Date.now();
    const present = found === null ? undefined : { found, entry: describeEntry(found) };
    try {
      // If the platform has repeated the put, the second one finds what the first one made: at the entry, or below it.
      if (present?.entry.record.w === writeId)
        return { object: present.found, token: tokenOf(present.found, present.entry.record) };
      if (declined !== undefined && present?.entry.record.P === declined) {
        const kept = await callR2(place.store.head(recordKey(place.bucketId, place.key, declined)));
        if (kept !== null && describeEntry(kept).record.w === writeId) return { object: kept, token: declined };
      }
      if (condition !== undefined) requireCondition(found, place.key, condition);
      if (madeOf !== undefined && !isSame(found, madeOf)) {
        throw new S3Error("ConditionalRequestConflict", { details: { Key: place.key } });
      }
      const onlyIf = await unchanged(place.store, present);
      if (onlyIf !== undefined) {
        const links = linksOf(present, { versioning, isMarker, token });
        if (present !== undefined && isKept(present, versioning)) await keepVersion(place, present, new Date());
        else if (present !== undefined) refuseLocked(present.entry);
        await pauseAfter(readAt, present?.found);
        const object = await put({ onlyIf, links });
        if (object !== null) return { object, token: links.V };
        declined = links.V;
      }
    } finally {
      if (found !== null && !found.bodyUsed) await found.body.cancel();
    }
    // Writes that repeat in step would collide again.
    await pause(Math.random() * MAX_DELAY_MS * attempt);
  }
  throw new S3Error("SlowDown", { cause: new Error(`other writes of ${place.r2Key} come first`) });
}

export interface PresentVersion {
  readonly found: R2ObjectBody;
  readonly entry: Entry;
}

/** A token for a version that is still to be written; undefined in a bucket that was never versioned. */
export function proposeToken({ versioning }: Pick<EntryPlace, "versioning">): VersionToken | undefined {
  if (versioning === undefined) return undefined;
  return newVersionToken(
    { isNull: versioning === "Suspended", isMarker: false },
    { now: new Date(), replaced: undefined },
  );
}

/** Nothing is kept of a tombstone, which is no version, and of a null version that is replaced by the next one. */
function isKept({ found, entry }: PresentVersion, versioning: Versioning): boolean {
  if (entry.isTombstone) return false;
  return versioning === "Enabled" || !isNullToken(tokenOf(found, entry.record));
}

/**
 * A bucket with object lock is never suspended. But a request that began before it had the lock may end when its null version
 * has been locked.
 * @throws S3Error `SlowDown`: repeated, the request makes a new version
 */
function refuseLocked({ record, isTombstone }: Entry): void {
  const lock = isTombstone ? undefined : decodeLock(record);
  if (lock === undefined || !isProtected(lock, new Date(), false)) return;
  throw new S3Error("SlowDown", { cause: new Error("the null version is locked by now") });
}

/** The links of the version that takes the place of the one at the key. */
export function linksOf(
  present: PresentVersion | undefined,
  write: { readonly versioning: Versioning; readonly isMarker: boolean; readonly token?: VersionToken | undefined },
): VersionLinks {
  const { versioning, isMarker } = write;
  const now = new Date();
  const kind = { isNull: versioning === "Suspended", isMarker };
  const { token = newVersionToken(kind, { now, replaced: undefined }) } = write;
  if (present === undefined) return { V: token };
  const { found, entry } = present;
  const { P: before, N: nullBefore } = entry.record;
  const replaced = entry.isTombstone ? entry.record.V : tokenOf(found, entry.record);
  const V = tokenAfter(token, { now, replaced });
  const isKeptBelow = isKept(present, versioning);
  const previous = isKeptBelow ? replaced : before;
  // The newest null version counts; the token of an earlier one is not needed any more.
  const nullToken = kind.isNull
    ? undefined
    : isKeptBelow && replaced !== undefined && isNullToken(replaced)
      ? replaced
      : nullBefore;
  return { V, ...(previous !== undefined && { P: previous }), ...(nullToken !== undefined && { N: nullToken }) };
}

export async function unchanged(
  store: R2Bucket,
  present: { readonly found: R2Object; readonly entry: Entry } | undefined,
): Promise<R2Conditional | undefined> {
  if (present === undefined) return { etagDoesNotMatch: "*" };
  const { found, entry } = present;
  if (entry.isManifest || entry.isAbsent || entry.record.V === undefined) return unchangedSince(store, found);
  const time = found.uploaded.getTime();
  return { uploadedAfter: new Date(time - 1), uploadedBefore: new Date(time + 1) };
}

/** Waits until the time of upload of a put cannot be that of the entry it replaces. */
export async function pauseAfter(readAt: number, found: R2Object | undefined): Promise<void> {
  if (found === undefined || readAt - found.uploaded.getTime() > SETTLED_AGE_MS) return;
  const left = readAt + PAUSE_MS - Date.now();
  if (left > 0) await pause(left);
}

function isSame(found: R2Object | null, madeOf: R2Object | null): boolean {
  if (found === null || madeOf === null) return found === madeOf;
  return found.version === madeOf.version;
}
