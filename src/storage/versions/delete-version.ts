/**
 * Removing one version of a key.
 *
 * First a stub is put at the key of the version's record: from then on no writer can put the record again. Then the entry is
 * read. If it is another version, that is all. If it is the version itself, the newest version that is left takes its place:
 * its record is read and put as the entry, on condition that the entry has not changed.
 *
 * That version may be deleted or changed by another call at the same moment, which does not find it at the entry yet. So its
 * record is read again after the put. If it is a stub by then, the version is removed in the same way; if its tags, ACL or lock
 * have been changed, it is restored once more. In case this call dies before that, the entry is marked as restored (`U`):
 * see `restored.ts`.
 *
 * Where a removal depends on the version's state, as under object lock, the stub is put on condition that this state has not
 * changed, and it covers no later revision: an entry that has been changed since is not removed, and a writer that keeps it
 * replaces the stub by its record.
 */
import { S3Error } from "../../errors.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import type { VersionToken } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { describeEntry, type Entry, tokenOf } from "../r2/entry.ts";
import { markTombstone } from "../r2/entry-options.ts";
import type { EntryPlace } from "../r2/entry-place.ts";
import { type EntryRecord, encodeRecord } from "../r2/entry-record.ts";
import { pause, unchangedSince } from "../r2/unchanged.ts";
import { putBytes } from "../r2/write.ts";
import { pauseAfter, unchanged } from "./commit-version.ts";
import { coveredRevision } from "./keep.ts";
import { recordKey } from "./record-key.ts";
import { findNewest, type KeptVersion, putRestored, readKept } from "./restore.ts";

const MAX_ATTEMPTS = 16;
const MAX_DELAY_MS = 10;

/** A version as it is. */
export interface VersionState {
  readonly found: R2Object;
  readonly entry: Entry;
}

export interface Removal {
  readonly token: VersionToken;
  /** Kept in the stub: it shows that this removal has taken effect. */
  readonly writeId?: string;
  /** Throws if the version must not be removed. It may be called again, with a later state. */
  readonly check?: ((version: VersionState) => void) | undefined;
}

/**
 * Removes a version, which may not exist. Two R2 calls, five for the current version; one more with a check.
 * @throws S3Error whatever `check` throws; `SlowDown` if other writes come first each time
 */
export async function deleteVersion(place: EntryPlace, { token, writeId = "", check }: Removal): Promise<void> {
  if (check === undefined) {
    await putStub(place, token, { writeId });
    await dropFromEntry(place, { token, revision: Number.POSITIVE_INFINITY });
    return;
  }
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    if (await deleteChecked(place, { token, writeId, check })) return;
    await pause(Math.random() * MAX_DELAY_MS * attempt);
  }
  throw new S3Error("SlowDown", { cause: new Error(`other changes of ${place.r2Key} come first`) });
}

/** False if the version has been changed in the meantime. */
async function deleteChecked(place: EntryPlace, removal: Required<Removal>): Promise<boolean> {
  const { token, writeId, check } = removal;
  const record = await headState(place.store, recordKey(place.bucketId, place.key, token));
  if (record !== undefined && !record.entry.isTombstone) {
    const revision = revisionOf(record);
    try {
      check?.(record);
    } catch (error) {
      // The record of a version that is current again is as it was before.
      const current = await headState(place.store, place.r2Key);
      if (current === undefined || !isVersion(current, token) || revisionOf(current) <= revision) throw error;
      return deleteCurrent(place, removal, { record, current });
    }
    if (!(await putStubOver(place, { token, writeId, revision, record }))) return false;
    return dropFromEntry(place, { token, revision });
  }
  const current = await headState(place.store, place.r2Key);
  if (current !== undefined && isVersion(current, token)) return deleteCurrent(place, removal, { record, current });
  // A write may have moved it to its record since.
  const now = await headState(place.store, recordKey(place.bucketId, place.key, token));
  return now === undefined || now.entry.isTombstone;
}

async function deleteCurrent(
  place: EntryPlace,
  { token, writeId, check }: Required<Removal>,
  { record, current }: { readonly record: VersionState | undefined; readonly current: VersionState },
): Promise<boolean> {
  const revision = revisionOf(current);
  const isCovered = record !== undefined && coveredRevision(record.entry.record) >= revision;
  if (!isCovered) {
    check?.(current);
    if (!(await putStubOver(place, { token, writeId, revision, record }))) return false;
  }
  return dropFromEntry(place, { token, revision, current });
}

function revisionOf({ entry }: VersionState): number {
  return entry.record.R ?? 0;
}

export interface Drop {
  readonly token: VersionToken;
  /** The latest revision of the version that is to be removed. */
  readonly revision: number;
  /** The entry, if it has just been read. */
  readonly current?: VersionState;
}

/**
 * Restores the newest version that is left, if the entry is the one to be removed. False if the entry is a later revision
 * of it.
 */
export async function dropFromEntry(place: EntryPlace, drop: Drop): Promise<boolean> {
  const { store, bucketId, key, r2Key } = place;
  let { token, revision, current } = drop;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const state = current ?? (await headState(store, r2Key));
    current = undefined;
    if (state === undefined || !isVersion(state, token)) return true;
    if (revisionOf(state) > revision) return false;
    const readAt = Date.now();
    const next = await findNewest(place, state.entry.record);
    if (!(await replaceEntry(place, { state, next, readAt }))) {
      await pause(Math.random() * MAX_DELAY_MS * attempt);
      continue;
    }
    if (next === undefined) return true;
    const record = await headState(store, recordKey(bucketId, key, next.token));
    if (record === undefined) return true;
    if (!record.entry.isTombstone) {
      const isSame = revisionOf(record) <= (next.record.R ?? 0);
      return isSame || (await refreshRestored(place, next.token));
    }
    // It was deleted while it was being restored.
    token = next.token;
    revision = coveredRevision(record.entry.record);
  }
  throw new S3Error("SlowDown", { cause: new Error(`other writes of ${r2Key} come first`) });
}

/** Restores a version again whose record was changed while it was restored. Always true. */
export async function refreshRestored(place: EntryPlace, token: VersionToken): Promise<true> {
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const state = await headState(place.store, place.r2Key);
    if (state === undefined || !isVersion(state, token)) return true;
    const readAt = Date.now();
    const next = await readKept(place.store, recordKey(place.bucketId, place.key, token));
    if (next === undefined) return true;
    if ((next.record.R ?? 0) <= revisionOf(state)) {
      await next.found.body.cancel();
      return true;
    }
    if (await replaceEntry(place, { state, next, readAt })) continue;
    await pause(Math.random() * MAX_DELAY_MS * attempt);
  }
  throw new S3Error("SlowDown", { cause: new Error(`other changes of ${place.r2Key} come first`) });
}

/** Puts a kept version, or a tombstone if none is left, as the entry. False if the entry has changed. */
async function replaceEntry(
  place: EntryPlace,
  {
    state,
    next,
    readAt,
  }: { readonly state: VersionState; readonly next: KeptVersion | undefined; readonly readAt: number },
): Promise<boolean> {
  const { found, entry } = state;
  const onlyIf = await unchanged(place.store, { found, entry });
  await pauseAfter(readAt, found);
  if (onlyIf === undefined) {
    await next?.found.body.cancel();
    return false;
  }
  if (next !== undefined) return (await putRestored(place, next, { onlyIf, replaced: entry.record })) !== null;
  // The next version has a later token than the one that was deleted.
  const record = { w: entry.record.w, V: tokenOf(found, entry.record) };
  return (await putTombstone(place, record, { onlyIf })) !== null;
}

function isVersion({ found, entry }: VersionState, token: VersionToken): boolean {
  return !entry.isTombstone && tokenOf(found, entry.record) === token;
}

async function headState(store: R2Bucket, r2Key: string): Promise<VersionState | undefined> {
  const found = await callR2(store.head(r2Key));
  return found === null ? undefined : { found, entry: describeEntry(found) };
}

/** Marks a version as deleted, on condition that its record has not changed. False if it has. */
async function putStubOver(
  place: EntryPlace,
  {
    token,
    writeId,
    revision,
    record,
  }: {
    readonly token: VersionToken;
    readonly writeId: string;
    readonly revision: number;
    readonly record: VersionState | undefined;
  },
): Promise<boolean> {
  const onlyIf = record === undefined ? { etagDoesNotMatch: "*" } : await unchangedSince(place.store, record.found);
  return onlyIf !== undefined && (await putStub(place, token, { writeId, onlyIf, revision })) !== null;
}

/** Marks a version as deleted. One R2 call. @param options.revision the latest that it covers; absent: all */
export function putStub(
  { store, bucketId, key }: EntryPlace,
  token: VersionToken,
  {
    writeId = "",
    onlyIf,
    revision,
  }: { readonly writeId?: string; readonly onlyIf?: R2Conditional; readonly revision?: number },
): Promise<R2Object | null> {
  const at = { store, r2Key: recordKey(bucketId, key, token), key };
  const record = { w: writeId, V: token, S: Date.now(), ...(revision !== undefined && { R: revision }) };
  return putTombstone(at, record, onlyIf === undefined ? {} : { onlyIf });
}

function putTombstone(
  { store, r2Key, key }: { readonly store: R2Bucket; readonly r2Key: string; readonly key: string },
  record: EntryRecord,
  options: R2PutOptions,
): Promise<R2Object | null> {
  const bytes = new TextEncoder().encode(newBlobSetId());
  const customMetadata = encodeRecord({ ...record, t: 1, k: key });
  return putBytes({ store, r2Key }, { bytes }, { ...markTombstone(bytes), customMetadata, ...options });
}
