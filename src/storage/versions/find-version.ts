/**
 * Finding the version that a request names: at the entry, else in a record.
 *
 * The entry is read first. A version has its record before the next one takes its place at the entry, and a record that
 * becomes the entry again stays, so a version that is not at the entry when the entry is read is found in its record.
 */
import { S3Error } from "../../errors.ts";
import type { ObjectVersion } from "../../model/object.ts";
import { isNullToken, NULL_VERSION_ID, type VersionToken, versionIdOf } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { describeEntry, type Entry, lastModifiedOf, markerHeaders, tokenOf } from "../r2/entry.ts";
import type { EntryPlace } from "../r2/entry-place.ts";
import { recordKey } from "./record-key.ts";
import { settleRestored } from "./restored.ts";

/** A version that is neither a delete marker nor deleted. */
export interface FoundVersion<Found extends R2Object> {
  readonly found: Found;
  readonly entry: Entry;
}

/** Null versions that are read again because the key's null version is being replaced. */
const MAX_ATTEMPTS = 4;

/**
 * Undefined if the key has no current version. One R2 call for the current version, two for another one.
 * @param read reads an R2 object, with or without its body
 * @throws S3Error `NoSuchVersion`; for a delete marker `NoSuchKey`, or `MethodNotAllowed` if it is named by its id
 */
export async function findVersion<Found extends R2Object>(
  place: EntryPlace,
  versionId: ObjectVersion["versionId"],
  read: (r2Key: string) => Promise<Found | null>,
): Promise<FoundVersion<Found> | undefined> {
  if (place.versioning === undefined) return findUnversioned(place, versionId, read);
  for (let attempt = 1; ; attempt++) {
    const current = await readCurrent(place, read);
    if (versionId === undefined) return current && requireObject(current, place, "current");
    const token = current && tokenOf(current.found, current.entry.record);
    if (token !== undefined && versionIdOf(token) === versionId) return requireObject(current, place, "named");
    if (current !== undefined) await discard(current.found);
    const wanted = versionId === NULL_VERSION_ID ? current?.entry.record.N : versionId;
    const kept = wanted === undefined ? undefined : await readRecord(place, wanted, read);
    if (kept !== undefined) return requireObject(kept, place, "named");
    // The null version that the entry pointed to may have been replaced since by another one.
    if (versionId !== NULL_VERSION_ID || wanted === undefined || attempt === MAX_ATTEMPTS) {
      throw noSuchVersion(place.key, versionId);
    }
  }
}

/** The key's null version, with its entry if it is current; undefined if it has none. One R2 call. */
export async function findNullVersion(
  place: EntryPlace,
): Promise<{ readonly token: VersionToken; readonly entry?: Entry } | undefined> {
  const found = await callR2(place.store.head(place.r2Key));
  if (found === null) return undefined;
  const entry = describeEntry(found);
  const token = tokenOf(found, entry.record);
  if (!entry.isTombstone && isNullToken(token)) return { token, entry };
  return entry.record.N === undefined ? undefined : { token: entry.record.N };
}

export function noSuchVersion(key: string, versionId: string): S3Error {
  return new S3Error("NoSuchVersion", { details: { Key: key, VersionId: versionId } });
}

/**
 * The object is the null version of a bucket that was never versioned. An isolate that has an older row of the bucket may find
 * a delete marker.
 */
async function findUnversioned<Found extends R2Object>(
  { key, r2Key }: EntryPlace,
  versionId: string | undefined,
  read: (r2Key: string) => Promise<Found | null>,
): Promise<FoundVersion<Found> | undefined> {
  if (versionId !== undefined && versionId !== NULL_VERSION_ID) throw noSuchVersion(key, versionId);
  const found = await read(r2Key);
  const entry = found === null ? undefined : describeEntry(found);
  if (found !== null && entry !== undefined && !entry.isAbsent) return { found, entry };
  if (found !== null) await discard(found);
  if (versionId !== undefined) throw noSuchVersion(key, versionId);
  return undefined;
}

/** The entry, with a delete marker. Undefined if the key has no version. */
async function readCurrent<Found extends R2Object>(
  place: EntryPlace,
  read: (r2Key: string) => Promise<Found | null>,
): Promise<FoundVersion<Found> | undefined> {
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const found = await read(place.r2Key);
    if (found === null) return undefined;
    const entry = describeEntry(found);
    if (entry.isTombstone) {
      await discard(found);
      return undefined;
    }
    if (entry.record.U !== 1 || (await settleRestored(place, { ...entry.record, V: tokenOf(found, entry.record) })))
      return { found, entry };
    await discard(found);
  }
  throw new S3Error("SlowDown", { cause: new Error(`deletions of versions of ${place.r2Key} keep coming first`) });
}

async function readRecord<Found extends R2Object>(
  { bucketId, key }: EntryPlace,
  token: VersionToken,
  read: (r2Key: string) => Promise<Found | null>,
): Promise<FoundVersion<Found> | undefined> {
  const found = await read(recordKey(bucketId, key, token));
  if (found === null) return undefined;
  const entry = describeEntry(found);
  if (!entry.isTombstone) return { found, entry };
  await discard(found);
  return undefined;
}

/** @throws S3Error for a delete marker */
async function requireObject<Found extends R2Object>(
  version: FoundVersion<Found> | undefined,
  { key }: EntryPlace,
  asked: "current" | "named",
): Promise<FoundVersion<Found> | undefined> {
  if (version === undefined || !version.entry.isDeleteMarker) return version;
  const { found, entry } = version;
  await discard(found);
  const headers = markerHeaders(versionIdOf(tokenOf(found, entry.record)));
  if (asked === "current") throw new S3Error("NoSuchKey", { details: { Key: key }, headers });
  throw new S3Error("MethodNotAllowed", {
    details: { Method: "GET", ResourceType: "DeleteMarker" },
    headers: { ...headers, allow: "DELETE", "last-modified": lastModifiedOf(found, entry.record).toUTCString() },
  });
}

/** Frees the body of an answer that is not read. */
async function discard(found: R2Object): Promise<void> {
  if ("body" in found && found.body instanceof ReadableStream) await found.body.cancel();
}
