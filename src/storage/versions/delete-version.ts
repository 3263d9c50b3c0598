/**
 * Removing one version of a key.
 *
 * First a stub is put at the key of the version's record: from then on no writer can put the record again. Then the entry is
 * read. If it is another version, that is all. If it is the version itself, the newest version that is left takes its place:
 * its record is read and put as the entry, on condition that the entry has not changed.
 *
 * That version may be deleted by another call at the same moment, which does not find it at the entry yet. So its record is
 * read again after the put, and if it is a stub by then, it is removed in the same way. In case this call dies before that, the
 * entry is marked as restored (`U`): a reader of a marked entry reads the record, and takes a version with a stub as absent.
 */
import { S3Error } from "../../errors.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import { isNullToken, type VersionToken } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import { markForListing, markTombstone, r2StorageClass } from "../r2/commit.ts";
import { describeEntry, type Entry } from "../r2/entry.ts";
import { type EntryRecord, encodeRecord } from "../r2/entry-record.ts";
import { pause } from "../r2/unchanged.ts";
import { putBytes } from "../r2/write.ts";
import { pauseAfter, unchanged } from "./commit-version.ts";
import { tokenOf, type VersionedPlace } from "./keep.ts";
import { recordKey, recordsOfKey } from "./record-key.ts";

const MAX_ATTEMPTS = 16;
const MAX_DELAY_MS = 10;
/** Records of one key that are looked through for one that was not deleted; each page is one R2 call. */
const MAX_PAGES = 40;

/**
 * Removes a version, which may not exist. Two R2 calls, five for the current version.
 * @throws S3Error `SlowDown` if other writes come first each time
 */
export async function deleteVersion(place: VersionedPlace, token: VersionToken): Promise<void> {
  await putStub(place, token);
  await dropFromEntry(place, token);
}

/** Restores the newest version that is left, if the entry is the one with this token. */
async function dropFromEntry(place: VersionedPlace, token: VersionToken): Promise<void> {
  const { store, r2Key } = place;
  let deleted = token;
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
    const found = await callR2(store.head(r2Key));
    if (found === null) return;
    const entry = describeEntry(found);
    if (entry.isTombstone || tokenOf(found, entry.record) !== deleted) return;
    const readAt = Date.now();
    const next = await findNewest(place, entry);
    const onlyIf = await unchanged(store, { found, entry });
    await pauseAfter(readAt, found);
    const stored = onlyIf === undefined ? null : await restore(place, { next, onlyIf, entry });
    if (stored === null) {
      await pause(Math.random() * MAX_DELAY_MS * attempt);
      continue;
    }
    if (next === undefined || !(await isStub(place, next.token))) return;
    deleted = next.token;
  }
  throw new S3Error("SlowDown", { cause: new Error(`other writes of ${r2Key} come first`) });
}

interface KeptVersion {
  readonly token: VersionToken;
  readonly found: R2ObjectBody;
  readonly record: EntryRecord;
}

/** The newest version of a key besides the current one. One R2 call; more if versions in between were deleted. */
async function findNewest({ store, bucketId, key }: VersionedPlace, entry: Entry): Promise<KeptVersion | undefined> {
  const { P: previous } = entry.record;
  if (previous === undefined) return undefined;
  const direct = await readKept(store, recordKey(bucketId, key, previous));
  if (direct !== undefined) return direct;
  const prefix = recordsOfKey(bucketId, key);
  let startAfter = prefix + previous;
  for (let page = 0; page < MAX_PAGES; page++) {
    const { objects, truncated } = await callR2(store.list({ prefix, startAfter, include: ["customMetadata"] }));
    for (const object of objects) {
      if (describeEntry(object).isTombstone) continue;
      const kept = await readKept(store, object.key);
      if (kept !== undefined) return kept;
    }
    const last = objects.at(-1);
    if (!truncated || last === undefined) return undefined;
    startAfter = last.key;
  }
  throw new S3Error("SlowDown", { cause: new Error(`too many deleted versions of ${prefix}`) });
}

/** Undefined if there is no record, or a stub. */
async function readKept(store: R2Bucket, r2Key: string): Promise<KeptVersion | undefined> {
  const found = await callR2(store.get(r2Key));
  if (found === null) return undefined;
  const { record, isTombstone } = describeEntry(found);
  if (!isTombstone) return { token: tokenOf(found, record), found, record };
  await found.body.cancel();
  return undefined;
}

/** Puts a kept version, or a tombstone if there is none, as the entry. Null if the entry has changed. */
async function restore(
  place: VersionedPlace,
  {
    next,
    onlyIf,
    entry,
  }: { readonly next: KeptVersion | undefined; readonly onlyIf: R2Conditional; readonly entry: Entry },
): Promise<R2Object | null> {
  if (next === undefined) {
    const { w, V: deleted } = entry.record;
    return putTombstone(place, { w, ...(deleted !== undefined && { V: deleted }) }, { onlyIf });
  }
  const { found, record } = next;
  const { S: _since, N: _nullThen, ...kept } = record;
  const bytes = new Uint8Array(await callR2(found.arrayBuffer()));
  const isBlob = record.f !== undefined;
  return putBytes(
    place,
    { bytes },
    {
      ...(found.httpMetadata !== undefined && { httpMetadata: found.httpMetadata }),
      ...(!isBlob && r2StorageClass({ storageClass: record.s ?? "STANDARD" })),
      ...(record.D === 1 ? markTombstone(bytes) : markForListing(bytes)),
      customMetadata: encodeRecord({ ...kept, ...nullBelow(entry, next.token), U: 1 }),
      onlyIf,
    },
  );
}

/** The null version below the restored one. A null version that was replaced or deleted hides all earlier ones. */
function nullBelow({ record: { V: deleted, N: token } }: Entry, restored: VersionToken): Pick<EntryRecord, "N"> {
  const isHidden = deleted === undefined || isNullToken(deleted) || token === undefined || token === restored;
  return isHidden ? {} : { N: token };
}

/** Marks a version as deleted. One R2 call. */
export function putStub({ store, bucketId, key }: VersionedPlace, token: VersionToken): Promise<R2Object | null> {
  const at = { store, r2Key: recordKey(bucketId, key, token), key };
  return putTombstone(at, { w: "", V: token, S: Date.now() }, {});
}

async function isStub({ store, bucketId, key }: VersionedPlace, token: VersionToken): Promise<boolean> {
  const found = await callR2(store.head(recordKey(bucketId, key, token)));
  return found !== null && describeEntry(found).isTombstone;
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
