/** Removing objects: the entry that reads as absent, and single versions. */
import { S3Error } from "../../errors.ts";
import type { StoredObject } from "../../model/object.ts";
import { isProtected, protectedByLock } from "../../model/object-lock.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import type { ReplicaState } from "../../model/replication.ts";
import { isMarkerToken, NULL_VERSION_ID, type VersionToken } from "../../model/version.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { callR2 } from "../platform-errors.ts";
import { deleteVersion, type Removal, type VersionState } from "../versions/delete-version.ts";
import { findNullVersion } from "../versions/find-version.ts";
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
    const conditional = condition === undefined ? {} : { q: 1 as const };
    const kind = isMarker
      ? { D: 1 as const, ...links, ...conditional, ...replicaRecord(replicaOf) }
      : { t: 1 as const };
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
  const refuse = ({ found, entry }: VersionState) => {
    const object = toStoredObject(found, entry, place);
    check?.(object);
    if (object.lock !== undefined && isProtected(object.lock, new Date(), bypassesGovernance)) throw protectedByLock();
  };
  const how = { writeId, check: isLocking || check !== undefined ? refuse : undefined };
  const token = isNull ? await deleteNullVersion(place, how) : versionId;
  if (token === undefined) return { at: new Date(), isMarker: false, versionId };
  if (!isNull) await deleteVersion(place, { token, ...how });
  return { at: new Date(), isMarker: isMarkerToken(token), versionId };
}

/** Null versions that follow each other while one is being removed. */
const MAX_ATTEMPTS = 16;

/**
 * Removes the version `null`; returns the token that it had, undefined if there is none.
 *
 * Where the next null version takes its place, a write may have found the version while it was being removed, and replaced it.
 * If the write depends on the version, by a condition, it cannot have come after the removal. So it has come before, and what
 * it has put is what the removal is about.
 */
async function deleteNullVersion(place: EntryPlace, how: Omit<Removal, "token">): Promise<VersionToken | undefined> {
  const first = await findNullVersion(place);
  let token = first?.token;
  for (let attempt = 1; token !== undefined; attempt++) {
    await deleteVersion(place, { token, ...how });
    const next = place.versioning === "Suspended" ? await findNullVersion(place) : undefined;
    if (next === undefined || next.token === token || next.entry?.record.q !== 1) break;
    if (attempt === MAX_ATTEMPTS)
      throw new S3Error("SlowDown", { cause: new Error(`other writes of ${place.r2Key} come first`) });
    token = next.token;
  }
  return token;
}
