import type { Tag } from "../model/object.ts";

/** The `s3:` actions in use (AWS Service Authorization Reference, "Actions, resources, and condition keys for S3"). */
export const S3_ACTIONS = [
  "s3:AbortMultipartUpload",
  "s3:CreateBucket",
  "s3:DeleteBucket",
  "s3:DeleteBucketPolicy",
  "s3:DeleteBucketWebsite",
  "s3:DeleteObject",
  "s3:DeleteObjectTagging",
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
  "s3:GetObjectAttributes",
  "s3:GetObjectLegalHold",
  "s3:GetObjectRetention",
  "s3:GetObjectTagging",
  "s3:GetObjectVersionForReplication",
  "s3:GetReplicationConfiguration",
  "s3:ListAllMyBuckets",
  "s3:ListBucket",
  "s3:ListBucketMultipartUploads",
  "s3:ListBucketVersions",
  "s3:ListMultipartUploadParts",
  "s3:PutAccelerateConfiguration",
  "s3:PutAnalyticsConfiguration",
  "s3:PutBucketAbac",
  "s3:PutBucketAcl",
  "s3:PutBucketCORS",
  "s3:PutBucketLogging",
  "s3:PutBucketNotification",
  "s3:PutBucketOwnershipControls",
  "s3:PutBucketPolicy",
  "s3:PutBucketPublicAccessBlock",
  "s3:PutBucketRequestPayment",
  "s3:PutBucketTagging",
  "s3:PutBucketWebsite",
  "s3:PutEncryptionConfiguration",
  "s3:PutIntelligentTieringConfiguration",
  "s3:PutInventoryConfiguration",
  "s3:PutLifecycleConfiguration",
  "s3:PutMetricsConfiguration",
  "s3:PutObject",
  "s3:PutObjectAcl",
  "s3:PutObjectTagging",
  "s3:PutReplicationConfiguration",
  "s3:ReplicateDelete",
  "s3:ReplicateObject",
] as const;

export type S3Action = (typeof S3_ACTIONS)[number];

/** One thing an operation needs to be allowed: an action on the service, a bucket, or an object of a bucket. */
export interface Permission {
  readonly action: S3Action;
  readonly bucket?: string;
  /** The bucket a request wants to make, which is none yet. */
  readonly newBucket?: string;
  readonly key?: string;
  /** The object does not exist yet: the request is about to write it, and so to own it. */
  readonly object?: "new";
  /** Of `s3:ListBucket`: the one key whose existence would be told, whatever prefix the request itself names. */
  readonly listedKey?: string;
  /**
   * `key` is a prefix. `everything-below`: the question is about all keys that begin with it, whether there are any yet or
   * not. `something-below`: whether there could be one of them that it would be allowed for, all of which are asked for one
   * by one as soon as the request's document has named them.
   */
  readonly extent?: "everything-below" | "something-below";
  /**
   * Tags that this would write; absent: none. `later`: they are known only when the body or a source has been read, and the
   * question will be asked again.
   */
  readonly requestTags?: readonly Tag[] | "later";
}
