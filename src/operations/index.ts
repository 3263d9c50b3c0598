/**
 * Every operation of S3, by name: what is not offered is recognised and answers
 * 501, so that it can never fall through to another operation.
 */
import { OPERATION_NAMES, type OperationName } from "../protocol/operation-name.ts";
import { GetBucketAcl, GetObjectAcl, PutBucketAcl, PutObjectAcl } from "./acl.ts";
import {
  GetBucketNotificationConfiguration,
  PutBucketNotificationConfiguration,
} from "./bucket/bucket-notification.ts";
import { DeleteBucketPolicy, GetBucketPolicy, GetBucketPolicyStatus, PutBucketPolicy } from "./bucket/bucket-policy.ts";
import { DeleteBucketReplication, GetBucketReplication, PutBucketReplication } from "./bucket/bucket-replication.ts";
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
  GetBucketAbac,
  GetBucketAccelerateConfiguration,
  GetBucketLogging,
  GetBucketRequestPayment,
  PutBucketAbac,
  PutBucketAccelerateConfiguration,
  PutBucketLogging,
  PutBucketRequestPayment,
  UNSET_CONFIGURATIONS,
} from "./bucket/default-settings.ts";
import { DeleteBucket } from "./bucket/delete-bucket.ts";
import { GetBucketLocation } from "./bucket/get-bucket-location.ts";
import { GetBucketVersioning } from "./bucket/get-bucket-versioning.ts";
import { HeadBucket } from "./bucket/head-bucket.ts";
import { ListObjectVersions } from "./bucket/list-object-versions.ts";
import { ListObjects } from "./bucket/list-objects.ts";
import { ListObjectsV2 } from "./bucket/list-objects-v2.ts";
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
import { DeleteObjectTagging, GetObjectTagging, PutObjectTagging } from "./object/object-tagging.ts";
import { PostObject } from "./object/post-object.ts";
import { PutObject } from "./object/put-object.ts";
import { notImplemented, type Operation } from "./operation.ts";
import { ListBuckets } from "./service/list-buckets.ts";

const OFFERED: readonly Operation[] = [
  ListBuckets,
  CreateBucket,
  DeleteBucket,
  DeleteBucketCors,
  DeleteBucketEncryption,
  DeleteBucketOwnershipControls,
  DeleteBucketPolicy,
  DeleteBucketReplication,
  DeleteBucketTagging,
  DeleteBucketWebsite,
  DeletePublicAccessBlock,
  GetBucketAbac,
  GetBucketAccelerateConfiguration,
  GetBucketAcl,
  GetBucketCors,
  GetBucketEncryption,
  GetBucketLocation,
  GetBucketLogging,
  GetBucketNotificationConfiguration,
  GetBucketOwnershipControls,
  GetBucketPolicy,
  GetBucketPolicyStatus,
  GetBucketReplication,
  GetBucketRequestPayment,
  GetBucketTagging,
  GetBucketVersioning,
  GetBucketWebsite,
  GetPublicAccessBlock,
  HeadBucket,
  PutBucketAbac,
  PutBucketAccelerateConfiguration,
  PutBucketAcl,
  PutBucketCors,
  PutBucketEncryption,
  PutBucketLogging,
  PutBucketNotificationConfiguration,
  PutBucketOwnershipControls,
  PutBucketPolicy,
  PutBucketReplication,
  PutBucketRequestPayment,
  PutBucketTagging,
  PutBucketWebsite,
  PutPublicAccessBlock,
  ListObjects,
  ListObjectsV2,
  ListObjectVersions,
  ListMultipartUploads,
  CopyObject,
  DeleteObject,
  DeleteObjectTagging,
  DeleteObjects,
  GetObject,
  GetObjectAcl,
  GetObjectAttributes,
  GetObjectTagging,
  HeadObject,
  PostObject,
  PutObject,
  PutObjectAcl,
  PutObjectTagging,
  CreateMultipartUpload,
  UploadPart,
  UploadPartCopy,
  CompleteMultipartUpload,
  AbortMultipartUpload,
  ListParts,
  ...UNSET_CONFIGURATIONS,
];

const byName = new Map(OFFERED.map((operation) => [operation.name, operation]));

/** A preflight is answered without authentication, so it must not be found here: the pipeline has an exit for it. */
export const OPERATIONS = Object.fromEntries(
  OPERATION_NAMES.filter((name) => name !== "OptionsPreflight").map((name) => [
    name,
    byName.get(name) ?? notImplemented(name),
  ]),
) as Record<Exclude<OperationName, "OptionsPreflight">, Operation>;

/** For the tests that go through all of them. */
export const OFFERED_NAMES: readonly OperationName[] = OFFERED.map((operation) => operation.name);
