/**
 * What adopted buckets do not offer (docs/adopt.md has the table). A setting either has its full effect or is refused with 501; what
 * a single object cannot have is refused by `storage/adopted/not-kept.ts`.
 */
import { S3Error } from "../errors.ts";
import { isAdopted, notInAdopted } from "../model/adopted.ts";
import type { Bucket } from "../model/bucket.ts";
import type { OperationName } from "../protocol/operation-name.ts";

/** The beginning of each message. */
const NOT_OFFERED: Readonly<Partial<Record<OperationName, string>>> = {
  DeleteObjectAnnotation: "Annotations are",
  GetObjectAnnotation: "Annotations are",
  ListObjectAnnotations: "Annotations are",
  PutBucketInventoryConfiguration: "Inventory is",
  PutBucketLifecycleConfiguration: "Lifecycle is",
  PutBucketReplication: "Replication is",
  PutBucketVersioning: "Versioning is",
  PutObjectAnnotation: "Annotations are",
  PutObjectLegalHold: "Object lock is",
  PutObjectLockConfiguration: "Object lock is",
  PutObjectRetention: "Object lock is",
  RenameObject: "Renaming is",
  UpdateObjectEncryption: "Encryption with keys (SSE-C, SSE-KMS) is",
};

/** @throws S3Error `NotImplemented` */
export function requireOffered(operation: OperationName, bucket: Bucket | undefined): void {
  if (bucket === undefined || !isAdopted(bucket)) return;
  if (operation === "DeleteBucket") {
    throw new S3Error("NotImplemented", {
      message: "An adopted R2 bucket is not deleted. The administrator can release it, which deletes no object.",
    });
  }
  const what = NOT_OFFERED[operation];
  if (what !== undefined) throw notInAdopted(what);
}
