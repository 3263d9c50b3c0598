/** Entries and records of versions as R2 has them, as plain facts: a damaged one is described too. */
import type { VersionToken } from "../../model/version.ts";
import { describeEntry, tokenOf } from "../r2/entry.ts";
import { entryKey } from "../r2/entry-place.ts";
import { decodeRecord, type EntryRecord } from "../r2/entry-record.ts";
import { recordKey, tokenOfRecord } from "../versions/record-key.ts";

/** What is at a key of R2, of an entry or of a version's record. */
export interface StoredEntry {
  readonly place: "entry" | "record";
  readonly r2Key: string;
  /** R2's own version: new with every put. */
  readonly revision: string;
  /** R2's own: of an inline object the MD5 of its bytes. */
  readonly r2ETag: string;
  readonly r2SizeBytes: number;
  readonly uploadedAt: Date;
  /** The digests that a listing goes by. */
  readonly marks: { readonly sha384: boolean; readonly sha512: boolean };
  /** Undefined if the metadata is no record. */
  readonly described: DescribedEntry | undefined;
}

/** What a record says. Its fields may have any value. */
export interface DescribedEntry {
  /** The S3 key. */
  readonly key: string;
  /** Where an entry, or a record, of this key and version belongs. */
  readonly expectedR2Key: string;
  /** Of the version; undefined for a tombstone of a key that has never had versions. */
  readonly token: VersionToken | undefined;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly isTombstone: boolean;
  readonly record: EntryRecord;
}

/** @param bucketId of the R2 keys that were listed */
export function toStoredEntry(found: R2Object, bucketId: string, place: StoredEntry["place"]): StoredEntry {
  return {
    place,
    r2Key: found.key,
    revision: found.version,
    r2ETag: found.etag,
    r2SizeBytes: found.size,
    uploadedAt: found.uploaded,
    marks: { sha384: found.checksums.sha384 !== undefined, sha512: found.checksums.sha512 !== undefined },
    described: describe(found, bucketId, place),
  };
}

function describe(found: R2Object, bucketId: string, place: StoredEntry["place"]): DescribedEntry | undefined {
  const record = readRecord(found);
  if (record === undefined) return undefined;
  const { key, etag, sizeBytes, isTombstone } = describeEntry(found, record);
  const token = isTombstone ? record.V : tokenOf(found, record);
  const expectedR2Key = place === "entry" ? entryKey(bucketId, key) : recordKey(bucketId, key, record.V ?? "");
  return { key, expectedR2Key, token, etag, sizeBytes, isTombstone, record };
}

/** Undefined for anything that is not an object of JSON, or in which what the others depend on has another type. */
function readRecord(found: R2Object): EntryRecord | undefined {
  let record: EntryRecord;
  try {
    record = decodeRecord(found.customMetadata);
  } catch {
    return undefined;
  }
  if (typeof record !== "object" || record === null || Array.isArray(record)) return undefined;
  const isText = (value: unknown) => value === undefined || typeof value === "string";
  const { f: manifest } = record;
  const hasManifest = manifest === undefined || (typeof manifest === "object" && manifest !== null);
  return isText(record.w) && isText(record.k) && isText(record.V) && hasManifest ? record : undefined;
}

/** The token in the R2 key of a record. */
export function tokenInKey({ r2Key }: Pick<StoredEntry, "r2Key">): VersionToken {
  return tokenOfRecord(r2Key);
}
