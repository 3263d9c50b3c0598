/** The model of S3: applies a command to the world and says what the answer has to be. */
import type { Answer } from "./answers.ts";
import { bucketCall, createBucket, putBucketAcl, putLockConfiguration, putPolicy, putVersioning } from "./buckets.ts";
import type { Command } from "./commands.ts";
import { list } from "./listings.ts";
import { copyObject, getAttributes, putObject, readObject } from "./objects.ts";
import { deleteObject, deleteObjects } from "./removals.ts";
import type { World } from "./state.ts";
import { getAcl, getLock, getOrDeleteTagging, putAcl, putHold, putRetention, putTagging } from "./subresources.ts";
import { abortOrListParts, completeUpload, createUpload, listUploads, uploadPart, uploadPartCopy } from "./uploads.ts";

export function apply(world: World, command: Command): Answer {
  switch (command.op) {
    case "PutObject":
      return putObject(world, command);
    case "GetObject":
    case "HeadObject":
      return readObject(world, command);
    case "DeleteObject":
      return deleteObject(world, command);
    case "DeleteObjects":
      return deleteObjects(world, command);
    case "CopyObject":
      return copyObject(world, command);
    case "GetObjectTagging":
    case "DeleteObjectTagging":
      return getOrDeleteTagging(world, command);
    case "PutObjectTagging":
      return putTagging(world, command);
    case "GetObjectAcl":
      return getAcl(world, command);
    case "PutObjectAcl":
      return putAcl(world, command);
    case "GetObjectRetention":
    case "GetObjectLegalHold":
      return getLock(world, command);
    case "PutObjectRetention":
      return putRetention(world, command);
    case "PutObjectLegalHold":
      return putHold(world, command);
    case "GetObjectAttributes":
      return getAttributes(world, command);
    case "CreateMultipartUpload":
      return createUpload(world, command);
    case "UploadPart":
      return uploadPart(world, command);
    case "UploadPartCopy":
      return uploadPartCopy(world, command);
    case "CompleteMultipartUpload":
      return completeUpload(world, command);
    case "AbortMultipartUpload":
    case "ListParts":
      return abortOrListParts(world, command);
    case "ListMultipartUploads":
      return listUploads(world, command);
    case "ListObjects":
    case "ListObjectsV2":
    case "ListObjectVersions":
      return list(world, command);
    case "CreateBucket":
      return createBucket(world, command);
    case "DeleteBucket":
    case "HeadBucket":
    case "GetBucketVersioning":
    case "GetBucketAcl":
    case "DeleteBucketPolicy":
    case "ListBuckets":
      return bucketCall(world, command);
    case "PutBucketVersioning":
      return putVersioning(world, command);
    case "PutBucketAcl":
      return putBucketAcl(world, command);
    case "PutBucketPolicy":
      return putPolicy(world, command);
    case "PutObjectLockConfiguration":
      return putLockConfiguration(world, command);
    default:
      return command satisfies never;
  }
}
