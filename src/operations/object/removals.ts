/** What DeleteObject and DeleteObjects do to one object or version, and how they answer. */
import { type Permission, permissionOn, type VersionTarget } from "../../access/actions.ts";
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { findUnmet, type StoredObject } from "../../model/object.ts";
import { NULL_VERSION_ID } from "../../model/version.ts";
import type { DeleteCondition } from "../../protocol/conditions.ts";
import { BYPASS_GOVERNANCE_HEADER } from "../../protocol/object-lock-headers.ts";
import type { RequestJournal } from "../../storage/journal/journal.ts";
import type { MadeChange } from "../../storage/journal/plan-messages.ts";
import type { WriteTicket } from "../../storage/journal/ticket.ts";
import type { ObjectStore } from "../../storage/r2/objects.ts";
import type { Removed } from "../../storage/r2/removal.ts";
import { isAboutMarker } from "./delete-markers.ts";

export interface Removal {
  readonly key: string;
  /** `null` or an id; absent: the current version. */
  readonly versionId?: string;
  readonly condition?: DeleteCondition | undefined;
}

export interface RemovalContext {
  readonly bucket: GrantedBucket;
  readonly objects: ObjectStore;
  readonly bypassesGovernance: boolean;
}

/**
 * A condition reveals whether the object has this ETag, size or time, so reading it must be allowed too ("Conditional
 * deletes": s3:GetObject).
 */
export function permissionsToRemove(
  target: VersionTarget,
  { condition, bypass }: { readonly condition: DeleteCondition | undefined; readonly bypass: Bypass },
): readonly Permission[] {
  const { bucket, key } = target;
  return [
    permissionOn("s3:DeleteObject", target),
    ...(revealsNothing(condition) ? [] : [permissionOn("s3:GetObject", target)]),
    // "To use this header, you must have the s3:BypassGovernanceRetention permission" (API_DeleteObject).
    ...(bypass === true ? [{ action: "s3:BypassGovernanceRetention", on: "object", bucket, key } as const] : []),
  ];
}

/** `x-amz-bypass-governance-retention`; undefined without the header. */
export type Bypass = boolean | undefined;

/**
 * @throws S3Error `InvalidArgument` for the header, whatever its value, if the bucket has no object lock (LocalStack's
 *   recordings of AWS, 2026-02)
 */
export function requireBypassable({ documents }: GrantedBucket, bypass: Bypass): void {
  if (bypass === undefined || documents.objectLock !== undefined) return;
  throw new S3Error("InvalidArgument", {
    message: `${BYPASS_GOVERNANCE_HEADER} is only applicable to Object Lock enabled buckets.`,
    details: { ArgumentName: BYPASS_GOVERNANCE_HEADER },
  });
}

function revealsNothing(condition: DeleteCondition | undefined): boolean {
  if (condition === undefined) return true;
  const { etag, sizeBytes, lastModified } = condition.expected;
  return etag === "*" && sizeBytes === undefined && lastModified === undefined;
}

/** Whether R2's own delete is enough: nothing is kept, and nothing depends on what is there. */
export function isPlain({ documents }: GrantedBucket, { versionId, condition }: Removal): boolean {
  return documents.versioning === undefined && condition === undefined && isCurrent(versionId);
}

/** Of a bucket that was never versioned, `null` is the object. */
function isCurrent(versionId: string | undefined): boolean {
  return versionId === undefined || versionId === NULL_VERSION_ID;
}

/**
 * Removes the current version, which leaves a delete marker in a bucket that is or was versioned, or the version that is
 * named. Undefined if there was nothing to remove.
 * @throws S3Error `PreconditionFailed`, `NoSuchKey`, `ConditionalRequestConflict` by the condition; `AccessDenied` for a
 *   version under object lock
 */
export async function removeOne(
  { bucket, objects, bypassesGovernance }: RemovalContext,
  { key, versionId, condition }: Removal,
  ticket: WriteTicket,
): Promise<Removed | undefined> {
  const isVersioned = bucket.documents.versioning !== undefined;
  if (isVersioned && versionId !== undefined) {
    const check = condition && checkOf(condition);
    return objects.removeVersion({ bucket, key, versionId, ticket }, { bypassesGovernance, ...(check && { check }) });
  }
  if (!isCurrent(versionId)) return undefined;
  try {
    return await objects.remove({ bucket, key, ticket }, condition && { kind: "if-match", ...condition.expected });
  } catch (error) {
    if (condition === undefined || condition.mustExist) throw error;
    if (!(error instanceof S3Error) || error.code !== "NoSuchKey") throw error;
    // A delete marker has no size, and no time of an object.
    if (isAboutMarker(error)) throw preconditionFailed(unmetHeader(condition));
    return undefined;
  }
}

/** A version that is absent meets every condition: its removal has nothing to do. */
function checkOf({ expected }: DeleteCondition): (version: StoredObject) => void {
  return (version) => {
    const unmet = findUnmet(expected, version);
    if (unmet !== undefined) throw preconditionFailed(unmet);
  };
}

function unmetHeader({ expected }: DeleteCondition): string {
  return expected.sizeBytes === undefined ? "x-amz-if-match-last-modified-time" : "x-amz-if-match-size";
}

function preconditionFailed(header: string): S3Error {
  return new S3Error("PreconditionFailed", { details: { Condition: header } });
}

/** Removes keys of which nothing is kept, with as few calls as possible, and reports their removal. */
export function removePlainly(
  { bucket, objects }: RemovalContext,
  keys: readonly string[],
  journal: RequestJournal,
): Promise<void> {
  return journal.removeAll(bucket, keys, (ticket) => objects.delete({ bucket, keys, ticket }));
}

/** The outcome of a removal, for its event. */
export function reportRemoval({ at, versionId }: Removed): MadeChange {
  return { at, ...(versionId !== undefined && { versionId }) };
}
