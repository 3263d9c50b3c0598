import type { Tag } from "../model/object.ts";
import type { ObjectLock } from "../model/object-lock.ts";

/** The `s3:` actions in use (AWS Service Authorization Reference, "Actions, resources, and condition keys for S3"). */
export const S3_ACTIONS = [
  "s3:AbortMultipartUpload",
  "s3:BypassGovernanceRetention",
  "s3:CreateBucket",
  "s3:DeleteBucket",
  "s3:DeleteBucketPolicy",
  "s3:DeleteBucketWebsite",
  "s3:DeleteObject",
  "s3:DeleteObjectAnnotation",
  "s3:DeleteObjectTagging",
  "s3:DeleteObjectVersion",
  "s3:DeleteObjectVersionAnnotation",
  "s3:DeleteObjectVersionTagging",
  "s3:GetAccelerateConfiguration",
  "s3:GetAnalyticsConfiguration",
  "s3:GetBucketAbac",
  "s3:GetBucketAcl",
  "s3:GetBucketCORS",
  "s3:GetBucketLocation",
  "s3:GetBucketLogging",
  "s3:GetBucketMetadataTableConfiguration",
  "s3:GetBucketNotification",
  "s3:GetBucketObjectLockConfiguration",
  "s3:GetBucketOwnershipControls",
  "s3:GetBucketPolicy",
  "s3:GetBucketPolicyStatus",
  "s3:GetBucketPublicAccessBlock",
  "s3:GetBucketRequestPayment",
  "s3:GetBucketTagging",
  "s3:GetBucketVersioning",
  "s3:GetBucketWebsite",
  "s3:GetEncryptionConfiguration",
  "s3:GetIntelligentTieringConfiguration",
  "s3:GetInventoryConfiguration",
  "s3:GetLifecycleConfiguration",
  "s3:GetMetricsConfiguration",
  "s3:GetObject",
  "s3:GetObjectAcl",
  "s3:GetObjectAnnotation",
  "s3:GetObjectAttributes",
  "s3:GetObjectLegalHold",
  "s3:GetObjectRetention",
  "s3:GetObjectTagging",
  "s3:GetObjectVersion",
  "s3:GetObjectVersionAcl",
  "s3:GetObjectVersionAnnotation",
  "s3:GetObjectVersionAttributes",
  "s3:GetObjectVersionForReplication",
  "s3:GetObjectVersionTagging",
  "s3:GetReplicationConfiguration",
  "s3:ListAllMyBuckets",
  "s3:ListBucket",
  "s3:ListBucketMultipartUploads",
  "s3:ListBucketVersions",
  "s3:ListMultipartUploadParts",
  "s3:ListObjectAnnotations",
  "s3:ListObjectVersionAnnotations",
  "s3:ListTagsForResource",
  "s3:PutAccelerateConfiguration",
  "s3:PutAnalyticsConfiguration",
  "s3:PutBucketAbac",
  "s3:PutBucketAcl",
  "s3:PutBucketCORS",
  "s3:PutBucketLogging",
  "s3:PutBucketNotification",
  "s3:PutBucketObjectLockConfiguration",
  "s3:PutBucketOwnershipControls",
  "s3:PutBucketPolicy",
  "s3:PutBucketPublicAccessBlock",
  "s3:PutBucketRequestPayment",
  "s3:PutBucketTagging",
  "s3:PutBucketVersioning",
  "s3:PutBucketWebsite",
  "s3:PutEncryptionConfiguration",
  "s3:PutIntelligentTieringConfiguration",
  "s3:PutInventoryConfiguration",
  "s3:PutLifecycleConfiguration",
  "s3:PutMetricsConfiguration",
  "s3:PutObject",
  "s3:PutObjectAcl",
  "s3:PutObjectAnnotation",
  "s3:PutObjectLegalHold",
  "s3:PutObjectRetention",
  "s3:PutObjectTagging",
  "s3:PutObjectVersionAcl",
  "s3:PutObjectVersionAnnotation",
  "s3:PutObjectVersionTagging",
  "s3:PutReplicationConfiguration",
  "s3:ReplicateDelete",
  "s3:ReplicateObject",
  "s3:TagResource",
  "s3:UntagResource",
  "s3:UpdateObjectEncryption",
] as const;

export type S3Action = (typeof S3_ACTIONS)[number];

/** A permission that an operation requires: an action, and what the action is on. */
export type Permission =
  /** The caller's account. */
  | { readonly on: "account"; readonly action: "s3:ListAllMyBuckets" }
  /** A bucket that the request is about to create. */
  | { readonly on: "new-bucket"; readonly action: S3Action; readonly bucket: string }
  | PermissionOnBucket
  | PermissionOnObject
  | PermissionOnKeyExistence
  | PermissionOnObjectsBelow;

export interface PermissionOnBucket {
  readonly on: "bucket";
  readonly action: S3Action;
  readonly bucket: string;
  /**
   * The optional fields of the inventory that the action would configure; absent: none. `later`: they are in the body, and the
   * operation then asks for the permission again.
   */
  readonly inventoryFields?: readonly string[] | "later";
}

export interface PermissionOnObject {
  readonly on: "object";
  readonly action: S3Action;
  readonly bucket: string;
  readonly key: string;
  /** The version that the action is on; absent: the current one. */
  readonly versionId?: string;
  /** The request is about to write the object, and its caller will own it. */
  readonly isNew?: true;
  /**
   * Tags that the action would write; absent: no tags. `later`: the tags are known only after the body or a source has
   * been read, and the operation then asks for the permission again.
   */
  readonly requestTags?: readonly Tag[] | "later";
  /** The lock that the action would give the object; absent: none. `later`: as for tags. */
  readonly requestLock?: ObjectLock | "later" | undefined;
  /**
   * The action would write an object as it is, without headers about it: what conditions on such headers are decided by, in place
   * of the request's. `later`: as for tags.
   */
  readonly carried?: CarriedKeys | "later" | undefined;
}

/** Condition keys and their values; an empty list: the request does not have the key. */
export type CarriedKeys = Readonly<Record<string, readonly string[]>>;

/** Actions that have another name where the request names a version. */
const ON_VERSION = {
  "s3:DeleteObject": "s3:DeleteObjectVersion",
  "s3:DeleteObjectAnnotation": "s3:DeleteObjectVersionAnnotation",
  "s3:DeleteObjectTagging": "s3:DeleteObjectVersionTagging",
  "s3:GetObject": "s3:GetObjectVersion",
  "s3:GetObjectAcl": "s3:GetObjectVersionAcl",
  "s3:GetObjectAnnotation": "s3:GetObjectVersionAnnotation",
  "s3:GetObjectAttributes": "s3:GetObjectVersionAttributes",
  "s3:GetObjectTagging": "s3:GetObjectVersionTagging",
  "s3:ListObjectAnnotations": "s3:ListObjectVersionAnnotations",
  "s3:PutObjectAcl": "s3:PutObjectVersionAcl",
  "s3:PutObjectAnnotation": "s3:PutObjectVersionAnnotation",
  "s3:PutObjectTagging": "s3:PutObjectVersionTagging",
} as const satisfies Partial<Record<S3Action, S3Action>>;

/** An object, or one version of it. */
export interface VersionTarget {
  readonly bucket: string;
  readonly key: string;
  /** `null` or an id; absent: the current version. */
  readonly versionId?: string;
}

/**
 * The permission for an action on the version that a request names. "If you request a specific version, you do not need to
 * have the s3:GetObject permission" (API_GetObject), and the other way round.
 */
export function permissionOn(
  action: keyof typeof ON_VERSION,
  { bucket, key, versionId }: VersionTarget,
): PermissionOnObject {
  if (versionId === undefined) return { action, on: "object", bucket, key };
  return { action: ON_VERSION[action], on: "object", bucket, key, versionId };
}

/** Permission to learn that a key does not exist: `s3:ListBucket` with the key as prefix. */
export interface PermissionOnKeyExistence {
  readonly on: "key-existence";
  readonly bucket: string;
  readonly key: string;
}

export interface PermissionOnObjectsBelow {
  readonly on: "objects-below";
  readonly action: S3Action;
  readonly bucket: string;
  /** What the keys begin with. */
  readonly prefix: string;
  /**
   * `everything-below`: all keys that begin with the prefix, including keys that do not exist yet. `something-below`:
   * at least one of these keys may be allowed; the operation asks for each key separately once it has read the names
   * from the body.
   */
  readonly extent: "everything-below" | "something-below";
  /** An action that is enough in place of the other one. */
  readonly orAction?: S3Action;
  /** See `PermissionOnObject`. */
  readonly isNew?: true;
}

/** The action by which policies and ACLs decide. */
export function actionOf(permission: Permission): S3Action {
  return permission.on === "key-existence" ? "s3:ListBucket" : permission.action;
}

/** The existing bucket that the permission names; undefined for the account and for a bucket still to be created. */
export function existingBucketOf(permission: Permission): string | undefined {
  switch (permission.on) {
    case "account":
    case "new-bucket":
      return undefined;
    case "bucket":
    case "object":
    case "key-existence":
    case "objects-below":
      return permission.bucket;
    default:
      return permission satisfies never;
  }
}
