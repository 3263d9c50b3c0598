/** Removing objects: the entry that reads as absent, and single versions. */
import type { StoredObject } from "../../model/object.ts";
import { isProtected, protectedByLock } from "../../model/object-lock.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import type { ReplicaState } from "../../model/replication.ts";
import { isMarkerToken, NULL_VERSION_ID } from "../../model/version.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { callR2 } from "../platform-errors.ts";
import { deleteVersion, type VersionState } from "../versions/delete-version.ts";
import { findNullToken } from "../versions/find-version.ts";
import { commitAfterReading } from "./commit.ts";
import type { Guard } from "./conditions.ts";
import { toStoredObject } from "./entry.ts";
import { markTombstone } from "./entry-options.ts";
import { clusterHead, type EntryPlace } from "./entry-place.ts";
import { type EntryRecord, encodeRecord, type RenameMark } from "./entry-record.ts";
import { putBytes } from "./write.ts";

/** The outcome of a removal. */
export interface Removed {
  readonly at: Date;
  /** Whether a delete marker was put, or the version that was removed is one. */
  readonly isMarker: boolean;
  /** Of the delete marker or the version, as clients see it; absent in a bucket that was never versioned. */
  readonly versionId?: string;
}

export interface RemovalOptions {
  /** Whether versions of the bucket may be under object lock. */
  readonly isLocking: boolean;
  /** Whether the caller asks to bypass governance, and may. */
  readonly bypassesGovernance: boolean;
  /** Throws if the version, as it is then, must not be removed. */
  readonly check?: (version: StoredObject) => void;
}

/**
 * Puts what reads as absent: a delete marker, or a tombstone in a bucket that was never versioned.
 * @throws S3Error `PreconditionFailed`, `NoSuchKey`, `ConditionalRequestConflict` by the condition
 */
export async function putRemoval(
  place: EntryPlace,
  { writeId, replicaOf }: WriteTicket,
  { condition, madeOf, renamed }: Pick<Guard, "condition" | "madeOf"> & { readonly renamed?: RenameMark | undefined },
): Promise<Removed> {
  const isMarker = place.versioning !== undefined;
  const hashedKey = clusterHead(place.key) === undefined ? {} : { k: place.key };
  const bytes = new TextEncoder().encode(newBlobSetId());
  const mark = markTombstone(bytes);
  const guard = { condition, madeOf, writeId, isMarker };
  const { object, versionId } = await commitAfterReading(place, guard, ({ links, ...terms }) => {
    const kind = isMarker ? { D: 1 as const, ...links, ...replicaRecord(replicaOf) } : { t: 1 as const };
    const customMetadata = encodeRecord({ w: writeId, ...kind, ...hashedKey, ...(renamed && { n: renamed }) });
    return putBytes(place, { bytes }, { ...mark, customMetadata, ...terms });
  });
  return { at: object.uploaded, isMarker, ...(versionId !== undefined && { versionId }) };
}

/** A delete marker that is a replica is as old as the removal at its source. */
function replicaRecord(replicaOf: ReplicaState | undefined): Pick<EntryRecord, "p" | "l" | "v" | "i"> {
  if (replicaOf === undefined) return {};
  const { lastModified, revision, etag, source } = replicaOf;
  return { p: "R", l: lastModified, v: [revision, etag], ...(source !== undefined && { i: source }) };
}

/** The removal of one version. */
export interface VersionRemoval {
  /** As clients name it. */
  readonly versionId: string;
  readonly ticket: WriteTicket;
}

/**
 * Removes one version, existing or not.
 * @throws S3Error `AccessDenied` for a version under object lock; whatever `check` throws
 */
export async function removeVersion(
  place: EntryPlace,
  { versionId, ticket: { writeId } }: VersionRemoval,
  { isLocking, bypassesGovernance, check }: RemovalOptions,
): Promise<Removed> {
  const isNull = versionId === NULL_VERSION_ID;
  if (place.versioning === undefined) {
    if (isNull) await callR2(place.store.delete(place.r2Key));
    return { at: new Date(), isMarker: false };
  }
  const token = isNull ? await findNullToken(place) : versionId;
  if (token === undefined) return { at: new Date(), isMarker: false, versionId };
  const refuse = ({ found, entry }: VersionState) => {
    const object = toStoredObject(found, entry, place);
    check?.(object);
    if (object.lock !== undefined && isProtected(object.lock, new Date(), bypassesGovernance)) throw protectedByLock();
  };
  await deleteVersion(place, { token, writeId, check: isLocking || check !== undefined ? refuse : undefined });
  return { at: new Date(), isMarker: isMarkerToken(token), versionId };
}
