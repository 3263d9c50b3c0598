/**
 * Every operation of S3, by name. An operation that is not offered answers 501, and can never be taken for another one.
 */
import type { OperationName } from "../protocol/operation-name.ts";
import { GetBucketAcl, GetObjectAcl, PutBucketAcl, PutObjectAcl } from "./acl.ts";
import {
  DeleteBucketInventoryConfiguration,
  GetBucketInventoryConfiguration,
  ListBucketInventoryConfigurations,
  PutBucketInventoryConfiguration,
} from "./bucket/bucket-inventory.ts";
import {
  DeleteBucketLifecycle,
  GetBucketLifecycleConfiguration,
  PutBucketLifecycleConfiguration,
} from "./bucket/bucket-lifecycle.ts";
import { GetBucketLogging, PutBucketLogging } from "./bucket/bucket-logging.ts";
import {
  GetBucketNotificationConfiguration,
  PutBucketNotificationConfiguration,
} from "./bucket/bucket-notification.ts";
import { DeleteBucketPolicy, GetBucketPolicy, GetBucketPolicyStatus, PutBucketPolicy } from "./bucket/bucket-policy.ts";
import { DeleteBucketReplication, GetBucketReplication, PutBucketReplication } from "./bucket/bucket-replication.ts";
import { GetBucketVersioning, PutBucketVersioning } from "./bucket/bucket-versioning.ts";
import {
  DeleteBucketCors,
  DeleteBucketEncryption,
  DeleteBucketOwnershipControls,
  DeleteBucketTagging,
  DeleteBucketWebsite,
  DeletePublicAccessBlock,
  GetBucketCors,
  GetBucketEncryption,
  GetBucketOwnershipControls,
  GetBucketTagging,
  GetBucketWebsite,
  GetPublicAccessBlock,
  PutBucketCors,
  PutBucketEncryption,
  PutBucketOwnershipControls,
  PutBucketTagging,
  PutBucketWebsite,
  PutPublicAccessBlock,
} from "./bucket/configurations.ts";
import { CreateBucket } from "./bucket/create-bucket.ts";
import {
  DeleteBucketAnalyticsConfiguration,
  DeleteBucketIntelligentTieringConfiguration,
  DeleteBucketMetricsConfiguration,
  GetBucketAbac,
  GetBucketAccelerateConfiguration,
  GetBucketAnalyticsConfiguration,
  GetBucketIntelligentTieringConfiguration,
  GetBucketMetadataConfiguration,
  GetBucketMetadataTableConfiguration,
  GetBucketMetricsConfiguration,
  GetBucketRequestPayment,
  ListBucketAnalyticsConfigurations,
  ListBucketIntelligentTieringConfigurations,
  ListBucketMetricsConfigurations,
  PutBucketAbac,
  PutBucketAccelerateConfiguration,
  PutBucketRequestPayment,
} from "./bucket/default-settings.ts";
import { DeleteBucket } from "./bucket/delete-bucket.ts";
import { GetBucketLocation } from "./bucket/get-bucket-location.ts";
import { HeadBucket } from "./bucket/head-bucket.ts";
import { ListObjectVersions } from "./bucket/list-object-versions.ts";
import { ListObjects } from "./bucket/list-objects.ts";
import { ListObjectsV2 } from "./bucket/list-objects-v2.ts";
import { GetObjectLockConfiguration, PutObjectLockConfiguration } from "./bucket/object-lock-configuration.ts";
import { AbortMultipartUpload } from "./multipart/abort-multipart-upload.ts";
import { CompleteMultipartUpload } from "./multipart/complete-multipart-upload.ts";
import { CreateMultipartUpload } from "./multipart/create-multipart-upload.ts";
import { ListMultipartUploads } from "./multipart/list-multipart-uploads.ts";
import { ListParts } from "./multipart/list-parts.ts";
import { UploadPart } from "./multipart/upload-part.ts";
import { UploadPartCopy } from "./multipart/upload-part-copy.ts";
import { CopyObject } from "./object/copy-object.ts";
import { DeleteObject } from "./object/delete-object.ts";
import { DeleteObjects } from "./object/delete-objects.ts";
import { GetObject } from "./object/get-object.ts";
import { GetObjectAttributes } from "./object/get-object-attributes.ts";
import { HeadObject } from "./object/head-object.ts";
import {
  DeleteObjectAnnotation,
  GetObjectAnnotation,
  ListObjectAnnotations,
  PutObjectAnnotation,
} from "./object/object-annotations.ts";
import {
  GetObjectLegalHold,
  GetObjectRetention,
  PutObjectLegalHold,
  PutObjectRetention,
} from "./object/object-lock.ts";
import { DeleteObjectTagging, GetObjectTagging, PutObjectTagging } from "./object/object-tagging.ts";
import { PostObject } from "./object/post-object.ts";
import { PutObject } from "./object/put-object.ts";
import { RenameObject } from "./object/rename-object.ts";
import { UpdateObjectEncryption } from "./object/update-object-encryption.ts";
import { notImplemented, type Operation } from "./operation.ts";
import { ListBuckets } from "./service/list-buckets.ts";

/**
 * The compiler requires a row for each name. Only preflights have none, because the pipeline answers them before
 * authentication.
 */
export const OPERATIONS = {
  // Service
  ListBuckets,
  // Buckets
  CreateBucket,
  CreateSession: notImplemented("CreateSession"),
  DeleteBucket,
  GetBucketLocation,
  HeadBucket,
  ListObjects,
  ListObjectsV2,
  ListObjectVersions,
  // Objects
  CopyObject,
  DeleteObject,
  DeleteObjects,
  GetObject,
  GetObjectAttributes,
  GetObjectTorrent: notImplemented("GetObjectTorrent"),
  HeadObject,
  PostObject,
  PutObject,
  RenameObject,
  RestoreObject: notImplemented("RestoreObject"),
  SelectObjectContent: notImplemented("SelectObjectContent"),
  UpdateObjectEncryption,
  // Multipart uploads
  AbortMultipartUpload,
  CompleteMultipartUpload,
  CreateMultipartUpload,
  ListMultipartUploads,
  ListParts,
  UploadPart,
  UploadPartCopy,
  // Object subresources
  DeleteObjectAnnotation,
  DeleteObjectTagging,
  GetObjectAcl,
  GetObjectAnnotation,
  GetObjectLegalHold,
  GetObjectRetention,
  GetObjectTagging,
  ListObjectAnnotations,
  PutObjectAcl,
  PutObjectAnnotation,
  PutObjectLegalHold,
  PutObjectRetention,
  PutObjectTagging,
  // Bucket configuration
  DeleteBucketAnalyticsConfiguration,
  DeleteBucketCors,
  DeleteBucketEncryption,
  DeleteBucketIntelligentTieringConfiguration,
  DeleteBucketInventoryConfiguration,
  DeleteBucketLifecycle,
  DeleteBucketMetricsConfiguration,
  DeleteBucketOwnershipControls,
  DeleteBucketPolicy,
  DeleteBucketReplication,
  DeleteBucketTagging,
  DeleteBucketWebsite,
  DeletePublicAccessBlock,
  GetBucketAbac,
  GetBucketAccelerateConfiguration,
  GetBucketAcl,
  GetBucketAnalyticsConfiguration,
  GetBucketCors,
  GetBucketEncryption,
  GetBucketIntelligentTieringConfiguration,
  GetBucketInventoryConfiguration,
  GetBucketLifecycleConfiguration,
  GetBucketLogging,
  GetBucketMetricsConfiguration,
  GetBucketNotificationConfiguration,
  GetBucketOwnershipControls,
  GetBucketPolicy,
  GetBucketPolicyStatus,
  GetBucketReplication,
  GetBucketRequestPayment,
  GetBucketTagging,
  GetBucketVersioning,
  GetBucketWebsite,
  GetObjectLockConfiguration,
  GetPublicAccessBlock,
  ListBucketAnalyticsConfigurations,
  ListBucketIntelligentTieringConfigurations,
  ListBucketInventoryConfigurations,
  ListBucketMetricsConfigurations,
  PutBucketAbac,
  PutBucketAccelerateConfiguration,
  PutBucketAcl,
  PutBucketAnalyticsConfiguration: notImplemented("PutBucketAnalyticsConfiguration"),
  PutBucketCors,
  PutBucketEncryption,
  PutBucketIntelligentTieringConfiguration: notImplemented("PutBucketIntelligentTieringConfiguration"),
  PutBucketInventoryConfiguration,
  PutBucketLifecycleConfiguration,
  PutBucketLogging,
  PutBucketMetricsConfiguration: notImplemented("PutBucketMetricsConfiguration"),
  PutBucketNotificationConfiguration,
  PutBucketOwnershipControls,
  PutBucketPolicy,
  PutBucketReplication,
  PutBucketRequestPayment,
  PutBucketTagging,
  PutBucketVersioning,
  PutBucketWebsite,
  PutObjectLockConfiguration,
  PutPublicAccessBlock,
  // Metadata tables
  CreateBucketMetadataConfiguration: notImplemented("CreateBucketMetadataConfiguration"),
  CreateBucketMetadataTableConfiguration: notImplemented("CreateBucketMetadataTableConfiguration"),
  DeleteBucketMetadataConfiguration: notImplemented("DeleteBucketMetadataConfiguration"),
  DeleteBucketMetadataTableConfiguration: notImplemented("DeleteBucketMetadataTableConfiguration"),
  GetBucketMetadataConfiguration,
  GetBucketMetadataTableConfiguration,
  UpdateBucketMetadataAnnotationTableConfiguration: notImplemented("UpdateBucketMetadataAnnotationTableConfiguration"),
  UpdateBucketMetadataInventoryTableConfiguration: notImplemented("UpdateBucketMetadataInventoryTableConfiguration"),
  UpdateBucketMetadataJournalTableConfiguration: notImplemented("UpdateBucketMetadataJournalTableConfiguration"),
} satisfies Record<Exclude<OperationName, "OptionsPreflight">, Operation>;

/** Used by the tests that run for every operation. */
export const OFFERED_NAMES: readonly OperationName[] = Object.values(OPERATIONS)
  .filter(({ isOffered }) => isOffered)
  .map(({ name }) => name);
