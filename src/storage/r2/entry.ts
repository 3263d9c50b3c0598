/** An R2 object read as an entry of the index. */
import { createHash } from "node:crypto";
import type { ObjectState, StoredObject } from "../../model/object.ts";
import { newVersionToken, type VersionToken, versionIdOf } from "../../model/version.ts";
import { keyOfRecord, RECORD_PREFIX } from "../versions/record-key.ts";
import { type EntryPlace, PREFIX_BYTES } from "./entry-place.ts";
import {
  decodeAcl,
  decodeEncryption,
  decodeLock,
  decodeRecord,
  type EntryRecord,
  fromHttpMetadata,
  type ObjectIdentity,
  type RenameMark,
} from "./entry-record.ts";

export interface Entry {
  /** The S3 key. */
  readonly key: string;
  readonly etag: string;
  readonly sizeBytes: number;
  readonly isTombstone: boolean;
  readonly isDeleteMarker: boolean;
  /** Whether the key has no object: a tombstone or a delete marker. */
  readonly isAbsent: boolean;
  readonly isManifest: boolean;
  readonly record: EntryRecord;
}

/** @param record of an entry whose metadata need not be read */
export function describeEntry(object: R2Object, record = decodeRecord(object.customMetadata)): Entry {
  return {
    key: record.k ?? keyOf(object.key),
    etag: record.f?.e ?? object.etag,
    sizeBytes: record.f?.n ?? object.size,
    isTombstone: record.t === 1,
    isDeleteMarker: record.D === 1,
    isAbsent: record.t === 1 || record.D === 1,
    isManifest: record.f !== undefined,
    record,
  };
}

/** Of an R2 key that contains the whole S3 key. */
function keyOf(r2Key: string): string {
  return r2Key.startsWith(RECORD_PREFIX) ? keyOfRecord(r2Key) : r2Key.slice(PREFIX_BYTES);
}

/**
 * The token of the version that an entry is. A version from before versioning gets one that follows from its entry, so that
 * all writers keep the same version.
 */
export function tokenOf(found: R2Object, { V: token, w: writeId }: EntryRecord): VersionToken {
  if (token !== undefined) return token;
  const seed = createHash("sha256").update(`${writeId}/${found.etag}`).digest("hex").slice(0, 22);
  const kind = { isNull: true, isMarker: false };
  return newVersionToken(kind, { now: found.uploaded, replaced: undefined, random: seed });
}

export function toStoredObject(
  object: R2Object,
  entry: Entry,
  { bucketOwnerId, versioning }: Pick<EntryPlace, "bucketOwnerId" | "versioning">,
): StoredObject {
  const { record } = entry;
  const ownerId = record.o ?? bucketOwnerId;
  const lock = decodeLock(record);
  const encryption = decodeEncryption(record);
  return {
    key: entry.key,
    ...(versioning !== undefined && { versionId: versionIdOf(tokenOf(object, record)) }),
    sizeBytes: entry.sizeBytes,
    etag: entry.etag,
    lastModified: lastModifiedOf(object, record),
    content: fromHttpMetadata(object.httpMetadata, record.x),
    userMetadata: record.m ?? {},
    storageClass: record.s ?? "STANDARD",
    ownerId,
    state: stateOf(object, entry),
    tags: (record.g ?? []).map(([key, value]) => ({ key, value })),
    ...(record.a !== undefined && { acl: decodeAcl(record.a, ownerId) }),
    ...(lock !== undefined && { lock }),
    ...(encryption !== undefined && { encryption }),
    ...(record.A !== undefined && { annotations: record.A }),
    ...(record.f?.k !== undefined && { partCount: record.f.k }),
    ...(record.r !== undefined && { websiteRedirectLocation: record.r }),
    ...(record.p !== undefined && {
      replication: {
        state: record.p === "R" ? "replica" : "source",
        writeId: record.u ?? record.w,
        ...(record.i !== undefined && { source: record.i }),
      } as const,
    }),
    ...(record.c !== undefined && { checksum: { algorithm: record.c[0], value: record.c[1], type: record.c[2] } }),
  };
}

/** Tags and ACL are changed by putting the entry again, so R2's own time is the time of the last change. */
export function stateOf(object: R2Object, { record, etag }: Entry): ObjectState {
  const [revision, sourceEtag] = record.v ?? [object.uploaded.getTime(), etag];
  return { lastModified: lastModifiedOf(object, record).getTime(), revision, etag: sourceEtag };
}

/** When the object was written; its entry may have been put later. */
export function lastModifiedOf(object: R2Object, record: EntryRecord): Date {
  return record.l === undefined ? object.uploaded : new Date(record.l);
}

/** Null for a key without an object. */
export function identityOf(found: R2Object | null): ObjectIdentity | null {
  if (found === null) return null;
  const { etag, record, isAbsent } = describeEntry(found);
  if (isAbsent) return null;
  if (record.d !== undefined) return { etag: record.d[0], lastModified: record.d[1] };
  return { etag, lastModified: lastModifiedOf(found, record).getTime() };
}

export function isSameObject(left: ObjectIdentity | null, right: ObjectIdentity | null): boolean {
  return left?.etag === right?.etag && left?.lastModified === right?.lastModified;
}

/** An entry that a rename has put. */
export interface RenamedEntry {
  readonly mark: RenameMark;
  readonly writeId: string;
  /** Without quotes. */
  readonly etag: string;
}

export function renamedEntry(found: R2Object | null): RenamedEntry | undefined {
  if (found === null) return undefined;
  const { record, etag } = describeEntry(found);
  return record.n === undefined ? undefined : { mark: record.n, writeId: record.w, etag };
}

/** The headers by which AWS shows that a delete marker is the reason for an answer. */
export function markerHeaders(versionId: string): Record<string, string> {
  return { "x-amz-delete-marker": "true", "x-amz-version-id": versionId };
}
