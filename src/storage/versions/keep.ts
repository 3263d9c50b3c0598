/**
 * Keeping the version that a write is about to replace: its record, before the entry is put. So whatever was acknowledged
 * has a record when it is replaced.
 *
 * A record is put only if there is none: a repeated or late call never brings back an earlier state of the version, nor a
 * version that was deleted, which leaves a stub at the record's key. A record of a lower revision is replaced: tags, ACL or
 * locks have been changed since a write that then lost the race put it. So is a stub that covers only lower revisions.
 */
import { S3Error } from "../../errors.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import { bytesOf, storedPieces } from "../platform/reading.ts";
import { callR2 } from "../platform-errors.ts";
import { blobKey, encodeManifest, type NamingKey, ownedBy, summarizeManifest } from "../r2/blobs.ts";
import { describeEntry, type Entry, lastModifiedOf, tokenOf } from "../r2/entry.ts";
import { r2StorageClass } from "../r2/entry-options.ts";
import type { EntryPlace, R2Location } from "../r2/entry-place.ts";
import { type EntryRecord, encodeRecord } from "../r2/entry-record.ts";
import { storedBody } from "../r2/stored-body.ts";
import { unchangedSince } from "../r2/unchanged.ts";
import { BUFFERED_BYTES, putBytes, requireStored, streamBody } from "../r2/write.ts";
import { headOfKey, recordKey } from "./record-key.ts";

/** Attempts to replace a record of a lower revision while other writers do the same. */
const MAX_ATTEMPTS = 4;

/** The version that is at a key, to be kept. */
export interface ReplacedVersion {
  readonly found: R2ObjectBody;
  readonly entry: Entry;
}

/**
 * Puts the record of a version. One R2 call; more if there is a record already, and for a large object from before
 * versioning, whose bytes are moved into a blob.
 */
export async function keepVersion(
  { store, r2Key, bucketId, key }: EntryPlace,
  { found, entry }: ReplacedVersion,
  since: Date,
): Promise<void> {
  const version = tokenOf(found, entry.record);
  const at = { store, r2Key: recordKey(bucketId, key, version), owner: { entry: r2Key, version } };
  const record = await describeRecord(at, { found, entry }, since);
  if ((await record.put({ etagDoesNotMatch: "*" })) !== null) return;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const present = await callR2(store.head(at.r2Key));
    if (present !== null && coveredRevision(describeEntry(present).record) >= (entry.record.R ?? 0)) return;
    const onlyIf = present === null ? { etagDoesNotMatch: "*" } : await unchangedSince(store, present);
    if (onlyIf !== undefined && (await record.put(onlyIf)) !== null) return;
  }
  throw new S3Error("SlowDown", { cause: new Error(`the record ${at.r2Key} keeps changing`) });
}

/** The latest revision of its version that a record shows, or that a stub removes: all, unless the stub says which. */
export function coveredRevision({ t: isStub, R: revision }: EntryRecord): number {
  return revision ?? (isStub === 1 ? Number.POSITIVE_INFINITY : 0);
}

interface NewRecord {
  put(onlyIf: R2Conditional): Promise<R2Object | null>;
}

/** Where the record is put, and the version that it is of. */
interface RecordPlace extends R2Location {
  readonly owner: NamingKey;
}

async function describeRecord(at: RecordPlace, { found, entry }: ReplacedVersion, since: Date): Promise<NewRecord> {
  const record: EntryRecord = {
    ...entry.record,
    V: tokenOf(found, entry.record),
    l: lastModifiedOf(found, entry.record).getTime(),
    ...(headOfKey(entry.key) !== undefined && { k: entry.key }),
    S: since.getTime(),
  };
  const http = found.httpMetadata === undefined ? {} : { httpMetadata: found.httpMetadata };
  if (entry.isManifest || found.size <= BUFFERED_BYTES) {
    const bytes = await bytesOf(at.store, found);
    const storageClass = entry.isManifest ? {} : r2StorageClass({ storageClass: record.s ?? "STANDARD" });
    const options = { ...http, ...storageClass, customMetadata: encodeRecord(record) };
    return { put: (onlyIf) => putBytes(at, { bytes }, { ...options, onlyIf }) };
  }
  return moveIntoBlob(at, { found, record, http });
}

/** The bytes of a large inline object become the one blob of a set, and the record its manifest. */
async function moveIntoBlob(
  at: RecordPlace,
  {
    found,
    record,
    http,
  }: { readonly found: R2ObjectBody; readonly record: EntryRecord; readonly http: Pick<R2PutOptions, "httpMetadata"> },
): Promise<NewRecord> {
  const blobSetId = newBlobSetId();
  const name = "1";
  const storageClass = r2StorageClass({ storageClass: record.s ?? "STANDARD" });
  const blob = { store: at.store, r2Key: blobKey(blobSetId, name) };
  const options = { customMetadata: ownedBy(at.owner), ...storageClass };
  const mismatch = () => new S3Error("InternalError", { cause: new Error("the kept version differs from its source") });
  const body = storedBody(storedPieces(at.store, found.body), found.size);
  requireStored(
    await streamBody(blob, { ...body, delegated: { algorithm: "md5", hex: found.etag, mismatch } }, options),
  );
  const manifest = { v: 1, b: blobSetId, p: [[name, found.size]] } as const;
  const summary = summarizeManifest(manifest, { sizeBytes: found.size, etag: found.etag, isUpload: false });
  const bytes = encodeManifest(manifest, record.w);
  const metadata = { ...http, customMetadata: encodeRecord({ ...record, f: summary }) };
  return { put: (onlyIf) => putBytes(at, { bytes }, { ...metadata, onlyIf }) };
}
