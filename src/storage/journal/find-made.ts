/**
 * Which of the changes of an intent have taken effect. What a write leaves shows it: its write id, in the entry or, if the
 * bucket is versioned and another write has replaced the version, in the version's record; for a version that was removed, in
 * the stub at the key of its record. A change that left nothing, or whose trace cannot be found, may have taken effect.
 */
import { makesDeleteMarker, type ObjectEvent } from "../../model/event.ts";
import { NULL_VERSION_ID, timeOf, versionIdOf } from "../../model/version.ts";
import { describeEntry, type Entry, tokenOf } from "../r2/entry.ts";
import { entryKey, type RegionStores } from "../r2/entry-place.ts";
import { coveredRevision } from "../versions/keep.ts";
import { recordKey, recordsOfKey } from "../versions/record-key.ts";
import type { Intent } from "./intents.ts";
import type { MatchedChange } from "./messages.ts";
import { finishChange, type MadeChange } from "./plan-messages.ts";

/** Changes of one intent that are looked for in R2 at a time. */
const PARALLEL = 5;
/** Pages of a key's records, which are newest first. */
const MAX_PAGES = 10;
/** By how much the clocks of two isolates may differ. */
const SKEW_MS = 60_000;

/** An intent's changes that have been made, and those that have begun and will be completed. */
export interface FoundChanges {
  readonly made: readonly MatchedChange[];
  /** Deletions of versions that were interrupted: the next write of the key or a sweep completes them. */
  readonly begun: readonly MatchedChange[];
}

/**
 * One R2 call for each change, a second one if the bucket is versioned. R2's own errors are thrown: no client waits for an
 * answer. Nothing is found if the region has no binding any more.
 */
export async function findMade(intent: Intent, stores: RegionStores): Promise<FoundChanges> {
  const { message } = intent;
  const store = stores.get(message.origin.bucket.region);
  const made: MatchedChange[] = [];
  const begun: MatchedChange[] = [];
  for (let start = 0; store !== undefined && start < message.changes.length; start += PARALLEL) {
    const group = message.changes.slice(start, start + PARALLEL);
    const found = await Promise.all(group.map((change) => findChange(change, intent, store)));
    for (const [index, change] of group.entries()) {
      const outcome = found[index];
      if (outcome === "begun") begun.push(change);
      else if (outcome !== undefined) made.push(outcome);
    }
  }
  return { made, begun };
}

interface Found {
  readonly found: R2Object;
  readonly entry: Entry;
}

async function findChange(
  change: MatchedChange,
  intent: Intent,
  store: R2Bucket,
): Promise<MatchedChange | "begun" | undefined> {
  const { message, createdAt } = intent;
  const current = describe(await store.head(entryKey(message.origin.bucket.id, change.key)));
  if (change.writeId === undefined) {
    // A removal that leaves nothing. It has not taken effect if the entry at the key is older; otherwise it may have, and is
    // reported.
    const isUntouched = current !== undefined && current.found.uploaded.getTime() < createdAt.getTime();
    return isUntouched ? undefined : finishChange(change, { at: createdAt });
  }
  const isVersioned = message.isVersioned === true || current?.entry.record.V !== undefined;
  if (current?.entry.record.w === change.writeId) {
    return finishChange(change, isVersioned ? madeOfVersion(change, current, "at the entry") : madeOf(current));
  }
  if (!isVersioned) return undefined;
  const kept = await findRecord(change, intent, store);
  if (kept === undefined) return undefined;
  if (kept === "unknown") return finishChange(change, { at: createdAt });
  // The stub of a version is put before the version is removed from the entry.
  if (kept.entry.isTombstone && isCurrent(current, kept)) return isVoid(kept, current) ? undefined : "begun";
  return finishChange(change, madeOfVersion(change, kept, "in a record"));
}

function describe(found: R2Object | null): Found | undefined {
  return found === null ? undefined : { found, entry: describeEntry(found) };
}

/** The record, or the stub, that a write has left its id in. */
async function findRecord(
  { key, versionId, event, writeId }: MatchedChange,
  { message, createdAt }: Intent,
  store: R2Bucket,
): Promise<Found | "unknown" | undefined> {
  const bucketId = message.origin.bucket.id;
  const isMeant = ({ entry }: Found) => entry.record.w === writeId;
  if (versionId !== undefined && versionId !== NULL_VERSION_ID) {
    const record = describe(await store.head(recordKey(bucketId, key, versionId)));
    return record !== undefined && isMeant(record) ? record : undefined;
  }
  const prefix = recordsOfKey(bucketId, key);
  let cursor: string | undefined;
  for (let page = 0; page < MAX_PAGES; page++) {
    const listed = await store.list({ prefix, include: ["customMetadata"], ...(cursor !== undefined && { cursor }) });
    for (const object of listed.objects) {
      const record = { found: object, entry: describeEntry(object) };
      if (isMeant(record)) return record;
      const isOlder = timeOf(object.key.slice(prefix.length)).getTime() < createdAt.getTime() - SKEW_MS;
      if (makesVersion(event) && isOlder) return undefined;
    }
    if (!listed.truncated) return undefined;
    ({ cursor } = listed);
  }
  return "unknown";
}

/** Whether the version was changed, as by a lock, before the stub was put that does not cover this change. */
function isVoid(stub: Found, current: Found): boolean {
  return coveredRevision(stub.entry.record) < (current.entry.record.R ?? 0);
}

/** Whether the entry is still the version of a stub. An entry marked as restored counts as removed. */
function isCurrent(current: Found | undefined, stub: Found): current is Found {
  if (current === undefined || current.entry.isTombstone || current.entry.record.U === 1) return false;
  return tokenOf(current.found, current.entry.record) === tokenOf(stub.found, stub.entry.record);
}

function madeOf({ found, entry: { isTombstone, isDeleteMarker, etag, sizeBytes } }: Found): MadeChange {
  return { ...(!isTombstone && !isDeleteMarker && { etag, sizeBytes }), at: found.uploaded };
}

function madeOfVersion({ event }: MatchedChange, place: Found, where: "at the entry" | "in a record"): MadeChange {
  const { found, entry } = place;
  const token = tokenOf(found, entry.record);
  // A record is put when the next version takes its place, and the entry of a restored version when that one is deleted.
  const isPutLater = where === "in a record" || entry.record.U === 1;
  const at = isPutLater && makesVersion(event) ? timeOf(token) : found.uploaded;
  return { ...madeOf(place), versionId: versionIdOf(token), at };
}

function makesVersion(event: ObjectEvent): boolean {
  return event.startsWith("ObjectCreated:") || makesDeleteMarker(event);
}
