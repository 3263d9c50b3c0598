/** The input of the operations that write an object, and the permissions they need. */
import type { AclState } from "../../access/acl/grants.ts";
import { aclOfNewObject } from "../../access/acl/ownership.ts";
import type { Permission } from "../../access/actions.ts";
import { S3Error } from "../../errors.ts";
import type { AclRequest } from "../../model/acl.ts";
import type { Bucket } from "../../model/bucket.ts";
import { ANONYMOUS_ID, type Caller } from "../../model/caller.ts";
import { checksumHeader } from "../../model/checksum.ts";
import type { ObjectEncryption } from "../../model/encryption.ts";
import type { ObjectAttributes, ObjectState, Tag, WriteCondition } from "../../model/object.ts";
import { lockOfNewVersion, type ObjectLock } from "../../model/object-lock.ts";
import { NULL_VERSION_ID } from "../../model/version.ts";
import { formatETag } from "../../protocol/header-values.ts";
import { parseUserMetadata } from "../../protocol/metadata.ts";
import {
  parseContentHeaders,
  parseStorageClass,
  parseWebsiteRedirectLocation,
  versionHeader,
  writtenEncryptionHeaders,
} from "../../protocol/object-headers.ts";
import { uriEncode } from "../../protocol/percent-encoding.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { parseTaggingHeader } from "../../protocol/tags.ts";
import type { MadeChange } from "../../storage/journal/plan-messages.ts";
import type { PutOutcome } from "../../storage/r2/put.ts";
import { requireObject } from "../operation.ts";

/** The event's data for a finished write. */
export function created({ etag, sizeBytes, lastModified, versionId }: PutOutcome): MadeChange {
  return { etag, sizeBytes, at: lastModified, ...(versionId !== undefined && { versionId }) };
}

interface ObjectName {
  readonly bucket: string;
  readonly key: string;
}

/** The attributes of an object that headers give, and that do not depend on the bucket. */
export function parseAttributes(headers: Headers): Omit<ObjectAttributes, "ownerId" | "acl" | "lock" | "encryption"> {
  const redirect = parseWebsiteRedirectLocation(headers);
  return {
    content: parseContentHeaders(headers),
    userMetadata: parseUserMetadata(headers),
    storageClass: parseStorageClass(headers),
    tags: parseTaggingHeader(headers.get("x-amz-tagging")),
    ...(redirect !== undefined && { websiteRedirectLocation: redirect }),
  };
}

/**
 * A caller that tags or locks an object or sets its ACL while writing it needs the permissions for that too (API_PutObject,
 * "Permissions"; "Locking objects with Object Lock", "Required permissions").
 * @param tags `later`: see `permissionsToTag`
 */
export function permissionsToWrite(
  object: ObjectName,
  {
    tags,
    acl,
    lock,
  }: {
    readonly tags: readonly Tag[] | "later";
    readonly acl: AclRequest | undefined;
    readonly lock: ObjectLock | undefined;
  },
): readonly Permission[] {
  const write = { action: "s3:PutObject", on: "object", ...object, requestTags: tags, requestLock: lock } as const;
  return [
    ...(tags === "later" ? [write] : permissionsToTag(object, { tags, lock })),
    ...(acl === undefined ? [] : [{ ...write, action: "s3:PutObjectAcl", isNew: true } as const]),
    ...(lock?.retention === undefined ? [] : [{ ...write, action: "s3:PutObjectRetention", isNew: true } as const]),
    ...(lock?.hasLegalHold === undefined ? [] : [{ ...write, action: "s3:PutObjectLegalHold", isNew: true } as const]),
  ];
}

/** The permissions to write an object with these tags. */
export function permissionsToTag(
  object: ObjectName,
  { tags, lock }: { readonly tags: readonly Tag[]; readonly lock: ObjectLock | undefined },
): readonly Permission[] {
  const write = { action: "s3:PutObject", on: "object", ...object, requestTags: tags, requestLock: lock } as const;
  return tags.length === 0 ? [write] : [write, { ...write, action: "s3:PutObjectTagging", isNew: true }];
}

/**
 * A write with a condition on ETag or time reveals whether the object has them, so reading it must be allowed too
 * ("Conditional writes": s3:GetObject).
 */
export function permissionToCompare(
  { bucket, key }: ObjectName,
  condition: WriteCondition | undefined,
): readonly Permission[] {
  if (condition === undefined || condition.kind === "if-none-match-any") return [];
  if (condition.kind === "if-match" && condition.etag === "*") return [];
  return [{ action: "s3:GetObject", on: "object", bucket, key }];
}

/** The additional permission of a replicator ("Setting up permissions for replication"). */
export function permissionToReplicate(
  action: "s3:ReplicateObject" | "s3:ReplicateDelete",
  { bucket, key }: ObjectName,
  replicaOf: ObjectState | undefined,
): readonly Permission[] {
  return replicaOf === undefined ? [] : [{ action, on: "object", bucket, key }];
}

/**
 * The owner and the ACL of a new object.
 * @throws S3Error `AccessControlListNotSupported`; `AccessDenied` for a public ACL if the bucket blocks them
 */
export function ownerAndAcl(caller: Caller, bucket: Bucket, acl: AclRequest | undefined): AclState {
  return aclOfNewObject(acl, bucket, caller.kind === "account" ? caller.account.canonicalId : ANONYMOUS_ID);
}

/**
 * The lock of a new object: the one that the request names, or the default of the bucket.
 * @throws S3Error as `requireLockable`
 */
export function lockOfWrite(
  requested: ObjectLock | undefined,
  bucket: Bucket,
  now: Date,
): Pick<ObjectAttributes, "lock"> {
  const lock = lockOfNewVersion(requireLockable(requested, bucket), bucket.documents.objectLock, now);
  return lock === undefined ? {} : { lock };
}

/**
 * @throws S3Error `InvalidRequest` for a lock in a bucket without object lock (text as seen on AWS by versitygw's authors;
 *   that of the operations on a lock itself has one more blank)
 */
export function requireLockable(requested: ObjectLock | undefined, { documents }: Bucket): ObjectLock | undefined {
  if (requested === undefined || documents.objectLock !== undefined) return requested;
  throw new S3Error("InvalidRequest", { message: "Bucket is missing ObjectLockConfiguration" });
}

/** Headers of the answer to a write. @param keyMd5 as in `encryptionHeaders` */
export function writtenHeaders(
  { etag, checksum, versionId, encryption }: PutOutcome & { readonly encryption?: ObjectEncryption | undefined },
  keyMd5: string | undefined,
): Record<string, string> {
  return {
    etag: formatETag(etag),
    ...newVersionHeader(versionId),
    ...writtenEncryptionHeaders(encryption, keyMd5),
    ...(checksum && { [checksumHeader(checksum.algorithm)]: checksum.value, "x-amz-checksum-type": checksum.type }),
  };
}

/**
 * The version that a write made. Where versioning is suspended, a write makes the null version and does not name it
 * (LocalStack's recordings of AWS, 2026-02).
 */
export function newVersionHeader(versionId: string | undefined): Record<string, string> {
  return versionId === NULL_VERSION_ID ? {} : versionHeader(versionId);
}

/** URL of the request's object, in the style in which it was addressed. */
export function formatObjectUrl(request: S3Request, slashes?: "keep-slash"): string {
  const { bucket, key } = requireObject(request);
  const origin = `${request.url.scheme}://${request.headers.get("host") ?? request.url.host}`;
  const inBucket = request.style === "virtual-host" ? origin : `${origin}/${uriEncode(bucket)}`;
  return `${inBucket}/${uriEncode(key, slashes)}`;
}
