/**
 * Conditions on the entry at a key, decided atomically with the put of the new one: what a client asks for in S3's terms,
 * what replication asks for, and that nothing has changed since the entry was read.
 */
import { S3Error } from "../../errors.ts";
import { compareStates, findUnmet, findUnmetTime, type ObjectState, type WriteCondition } from "../../model/object.ts";
import { OLDER_CONDITION, type ReplicaState } from "../../model/replication.ts";
import { type VersionToken, versionIdOf } from "../../model/version.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { describeEntry, type Entry, lastModifiedOf, markerHeaders, stateOf } from "./entry.ts";
import type { EntryPlace } from "./entry-place.ts";
import { unchangedSince } from "./unchanged.ts";

/** What replication asks for. */
export type ReplicaCondition =
  /** The object or the delete marker at the key, if there is one, is earlier. */
  | { readonly kind: "if-older"; readonly than: ObjectState }
  /** The same, and it is a replica from the removal's source, or the very entry named. */
  | { readonly kind: "if-replica"; readonly removal: ReplicaState; readonly orWriteId?: string };

/** What the lifecycle and renames ask for: the entry is the one that was listed or read. */
export interface ListedCondition {
  readonly kind: "if-listed";
  readonly writeId: string;
  readonly etag: string;
}

export type EntryCondition = WriteCondition | ReplicaCondition | ListedCondition;

/** What must hold for an entry to be put. */
export interface Guard {
  /** Stored in the entry that is put. */
  readonly writeId: string;
  readonly condition?: EntryCondition | undefined;
  /**
   * The entry that was read when the new one was made, null for none. It must be unchanged, or a change made meanwhile would
   * be undone.
   */
  readonly madeOf?: R2Object | null | undefined;
  /** Proposed for the version, which has it unless it replaces one with a later token. */
  readonly token?: VersionToken | undefined;
  /** Whether the entry is a delete marker. */
  readonly isMarker?: boolean;
  /** Whether the entry stays the same version. */
  readonly isSameVersion?: boolean;
}

/** The condition of a write: a replica's own one takes the place of a client's. */
export function conditionOf(
  ticket: WriteTicket,
  condition: WriteCondition | ListedCondition | undefined,
): EntryCondition | undefined {
  return ticket.replicaOf === undefined ? condition : { kind: "if-older", than: ticket.replicaOf };
}

/** @throws S3Error `PreconditionFailed` or `NoSuchKey` if what was found at the key does not satisfy the condition */
export function requireCondition(seen: R2Object | null, key: string, condition: EntryCondition): void {
  const entry = seen === null ? undefined : describeEntry(seen);
  const isMarker = entry?.isDeleteMarker === true && condition.kind === "if-older";
  const present =
    seen === null || entry === undefined || (entry.isAbsent && !isMarker) ? undefined : { found: seen, entry };
  const isMet = present === undefined ? isMetByNothing(condition) : isMetBy(condition, present);
  if (isMet) return;
  if (present === undefined) throw new S3Error("NoSuchKey", { details: { Key: key }, headers: headersOf(entry) });
  throw new S3Error("PreconditionFailed", { details: nameOf(condition, present) });
}

/** A delete marker counts as no object, and the answer shows that it is the reason. */
function headersOf(entry: Entry | undefined): Record<string, string> {
  const token = entry?.isDeleteMarker === true ? entry.record.V : undefined;
  return token === undefined ? {} : markerHeaders(versionIdOf(token));
}

/**
 * The Worker may have read the bucket before it was versioned, and a version may have been acknowledged since, which a write
 * that keeps nothing would overwrite.
 * @throws S3Error `SlowDown`, after which the client repeats the call
 */
export function requireKnownVersions(seen: R2Object | null, { versioning }: Pick<EntryPlace, "versioning">): void {
  if (versioning !== undefined || seen === null || describeEntry(seen).record.V === undefined) return;
  throw new S3Error("SlowDown", { cause: new Error("the bucket is versioned by now") });
}

/**
 * The R2 condition that holds only while the entry is in the state just seen, which satisfies the guard; undefined if it
 * has changed already.
 * @throws S3Error `PreconditionFailed` or `NoSuchKey` if the state does not satisfy it
 */
export async function exactCondition(
  place: EntryPlace,
  { condition, madeOf, isSameVersion }: Guard,
  seen: R2Object | null,
): Promise<R2Conditional | undefined> {
  const { store, key } = place;
  if (isSameVersion !== true) requireKnownVersions(seen, place);
  if (condition !== undefined) requireCondition(seen, key, condition);
  if (seen === null) return { etagDoesNotMatch: "*" };
  if (madeOf !== undefined || isAboutTheEntry(condition)) return unchangedSince(store, seen);
  return { etagMatches: seen.etag };
}

/** Whether the condition is about the entry itself, and not only about its bytes or its existence. */
function isAboutTheEntry(condition: EntryCondition | undefined): boolean {
  switch (condition?.kind) {
    case undefined:
    case "if-none-match-any":
      return false;
    case "if-match":
      // The same bytes may be written again at another time.
      return condition.lastModified !== undefined;
    case "if-dated":
    case "if-older":
    case "if-replica":
    case "if-listed":
      return true;
    default:
      return condition satisfies never;
  }
}

function isMetByNothing(condition: EntryCondition): boolean {
  switch (condition.kind) {
    case "if-none-match-any":
    case "if-older":
      return true;
    case "if-dated":
      return findUnmetTime(condition, undefined) === undefined;
    case "if-match":
    case "if-replica":
    case "if-listed":
      return false;
    default:
      return condition satisfies never;
  }
}

interface PresentEntry {
  readonly found: R2Object;
  readonly entry: Entry;
}

function isMetBy(condition: EntryCondition, present: PresentEntry): boolean {
  const { found, entry } = present;
  switch (condition.kind) {
    case "if-none-match-any":
      return false;
    case "if-match":
      return findUnmet(condition, describe(present)) === undefined;
    case "if-dated":
      return findUnmetTime(condition, describe(present).lastModified) === undefined;
    case "if-older":
      return compareStates(stateOf(found, entry), condition.than) < 0;
    case "if-replica": {
      const { removal, orWriteId } = condition;
      const { p: mark, i: source, w, u: writeId = w } = entry.record;
      const isMeant = (mark === "R" && source === removal.source) || writeId === orWriteId;
      return isMeant && compareStates(stateOf(found, entry), removal) < 0;
    }
    case "if-listed":
      return condition.writeId === entry.record.w && condition.etag === entry.etag;
    default:
      return condition satisfies never;
  }
}

function describe({ found, entry }: PresentEntry) {
  return { etag: entry.etag, sizeBytes: entry.sizeBytes, lastModified: lastModifiedOf(found, entry.record) };
}

/** The header that a condition came in, for the error; of several the one that `present` does not meet. */
export function nameOf(condition: EntryCondition | undefined, present?: PresentEntry): Record<string, string> {
  switch (condition?.kind) {
    case undefined:
    case "if-listed":
      return {};
    case "if-none-match-any":
      return { Condition: "If-None-Match" };
    case "if-match":
      return { Condition: (present && findUnmet(condition, describe(present))) ?? "If-Match" };
    case "if-dated":
      return { Condition: findUnmetTime(condition, present && describe(present).lastModified) ?? "If-Modified-Since" };
    case "if-older":
    case "if-replica":
      return { Condition: OLDER_CONDITION };
    default:
      return condition satisfies never;
  }
}

/** What R2 can decide by itself in the common case; undefined if the entry must be seen first. */
export function blindCondition(condition: EntryCondition): R2Conditional | undefined {
  switch (condition.kind) {
    case "if-none-match-any":
      return { etagDoesNotMatch: "*" };
    case "if-match":
      if (condition.sizeBytes !== undefined || condition.lastModified !== undefined) return undefined;
      // An inline object's ETag is R2's. Bodies of manifests and tombstones hold random ids: no client can name their MD5.
      return /^[0-9a-f]{32}$/.test(condition.etag) ? { etagMatches: condition.etag } : undefined;
    case "if-dated":
    case "if-older":
    case "if-replica":
    case "if-listed":
      return undefined;
    default:
      return condition satisfies never;
  }
}
