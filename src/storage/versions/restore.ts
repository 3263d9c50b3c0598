/** The newest version that is left of a key, and putting it as the entry again. */
import { S3Error } from "../../errors.ts";
import { newBlobSetId, newWriteId } from "../../model/random-ids.ts";
import { isNullToken, type VersionToken } from "../../model/version.ts";
import { bytesOf } from "../platform/reading.ts";
import { callR2 } from "../platform-errors.ts";
import { decodeManifest, encodeManifest } from "../r2/blobs.ts";
import { describeEntry, tokenOf } from "../r2/entry.ts";
import { markForListing, markTombstone, r2StorageClass } from "../r2/entry-options.ts";
import type { EntryPlace } from "../r2/entry-place.ts";
import { type EntryRecord, encodeRecord } from "../r2/entry-record.ts";
import { putBytes } from "../r2/write.ts";
import { recordKey, recordsOfKey } from "./record-key.ts";

/** Pages of up to 1,000 records of one key that are looked through for one that was not deleted; each is one R2 call. */
const MAX_PAGES = 200;

export interface KeptVersion {
  readonly token: VersionToken;
  readonly found: R2ObjectBody;
  readonly record: EntryRecord;
}

/** The newest version of a key besides the current one. One R2 call; more if versions in between were deleted. */
export async function findNewest(
  { store, bucketId, key }: EntryPlace,
  { V: current, P: previous, N: nullToken }: EntryRecord,
): Promise<KeptVersion | undefined> {
  if (previous === undefined) return undefined;
  // An earlier null version was replaced by the null version that the key has now, or had.
  const isDead = (token: VersionToken) =>
    isNullToken(token) && (token !== nullToken || (current !== undefined && isNullToken(current)));
  const direct = isDead(previous) ? undefined : await readKept(store, recordKey(bucketId, key, previous));
  if (direct !== undefined) return direct;
  const prefix = recordsOfKey(bucketId, key);
  let startAfter = prefix + previous;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { objects, truncated } = await callR2(store.list({ prefix, startAfter }));
    for (const object of objects) {
      if (isStub(object) || isDead(object.key.slice(prefix.length))) continue;
      const kept = await readKept(store, object.key);
      if (kept !== undefined) return kept;
    }
    const last = objects.at(-1);
    if (!truncated || last === undefined) return undefined;
    startAfter = last.key;
  }
  throw new S3Error("SlowDown", { cause: new Error(`too many deleted versions of ${prefix}`) });
}

/** Whether a record that R2 lists is a stub. R2 lists 1,000 records at once without metadata, and far fewer with it. */
export function isStub({ checksums }: R2Object): boolean {
  return checksums.sha384 !== undefined;
}

/** Undefined if there is no record, or a stub. */
export async function readKept(store: R2Bucket, r2Key: string): Promise<KeptVersion | undefined> {
  const found = await callR2(store.get(r2Key));
  if (found === null) return undefined;
  const { record, isTombstone } = describeEntry(found);
  if (!isTombstone) return { token: tokenOf(found, record), found, record };
  await found.body.cancel();
  return undefined;
}

/**
 * Puts a kept version as the entry, marked as restored. Null if the entry has changed.
 * @param replaced the record of the entry that it takes the place of
 */
export async function putRestored(
  place: EntryPlace,
  { token, found, record }: KeptVersion,
  { onlyIf, replaced }: { readonly onlyIf: R2Conditional; readonly replaced: EntryRecord },
): Promise<R2Object | null> {
  const { S: _since, N: _nullThen, ...kept } = record;
  return putAgain(place, found, { onlyIf, record: { ...kept, ...nullBelow(replaced, token), U: 1 } });
}

/** Puts the version that was read as the entry, with another record. Null if the entry has changed. */
export async function putAgain(
  place: EntryPlace,
  found: R2ObjectBody,
  { onlyIf, record }: { readonly onlyIf: R2Conditional; readonly record: EntryRecord },
): Promise<R2Object | null> {
  const bytes = bodyAgain(record, await bytesOf(place.store, found));
  const isBlob = record.f !== undefined;
  return putBytes(
    place,
    { bytes },
    {
      ...(found.httpMetadata !== undefined && { httpMetadata: found.httpMetadata }),
      ...(!isBlob && r2StorageClass({ storageClass: record.s ?? "STANDARD" })),
      ...(record.D === 1 ? markTombstone(bytes) : markForListing(bytes)),
      customMetadata: encodeRecord(record),
      onlyIf,
    },
  );
}

/** Puts a record again as it is. Null if it has changed. */
export async function renewKept(
  store: R2Bucket,
  { found, record }: KeptVersion,
  onlyIf: R2Conditional,
): Promise<R2Object | null> {
  const bytes = bodyAgain(record, await bytesOf(store, found));
  const http = found.httpMetadata === undefined ? {} : { httpMetadata: found.httpMetadata };
  const storageClass = record.f === undefined ? r2StorageClass({ storageClass: record.s ?? "STANDARD" }) : {};
  const options = { ...http, ...storageClass, customMetadata: encodeRecord(record), onlyIf };
  return putBytes({ store, r2Key: found.key }, { bytes }, options);
}

/** Bodies of manifests and markers are new with every put, so that R2's ETag identifies it. */
function bodyAgain(record: EntryRecord, bytes: Uint8Array): Uint8Array {
  if (record.D === 1) return new TextEncoder().encode(newBlobSetId());
  if (record.f === undefined) return bytes;
  return encodeManifest(decodeManifest(new TextDecoder().decode(bytes)), newWriteId());
}

/** The null version below the restored one. A null version that was replaced or deleted hides all earlier ones. */
function nullBelow({ V: deleted, N: token }: EntryRecord, restored: VersionToken): Pick<EntryRecord, "N"> {
  const isHidden = deleted === undefined || isNullToken(deleted) || token === undefined || token === restored;
  return isHidden ? {} : { N: token };
}
