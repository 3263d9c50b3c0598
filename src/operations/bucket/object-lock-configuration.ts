/**
 * GetObjectLockConfiguration and PutObjectLockConfiguration (API_GetObjectLockConfiguration,
 * API_PutObjectLockConfiguration). A bucket that has the configuration keeps it, and stays versioned: only its default
 * retention can be changed. Setting it takes as long as other isolates may use their cached row of the bucket.
 * `x-amz-bucket-object-lock-token` was once needed for existing buckets; it is ignored, as on AWS.
 */
import { S3Error } from "../../errors.ts";
import {
  formatObjectLockConfiguration,
  MAX_OBJECT_LOCK_BYTES,
  parseObjectLockConfiguration,
} from "../../protocol/xml/object-lock.ts";
import { documentBody, noBody, operation, requireBucket } from "../operation.ts";
import { leaveToSweep } from "./marking.ts";

export const GetObjectLockConfiguration = operation({
  name: "GetObjectLockConfiguration",
  body: noBody,
  parse: requireBucket,
  requires: (bucket) => [{ action: "s3:GetBucketObjectLockConfiguration", on: "bucket", bucket }],
  async execute(bucket, { grant, stores }) {
    const configuration = await stores.documents.get(grant.bucket(bucket), "objectLock");
    if (configuration !== undefined) return configuration;
    throw new S3Error("ObjectLockConfigurationNotFoundError", { details: { BucketName: bucket } });
  },
  respond: (configuration) => ({ status: 200, body: formatObjectLockConfiguration(configuration) }),
});

export const PutObjectLockConfiguration = operation({
  name: "PutObjectLockConfiguration",
  body: documentBody({ maxBytes: MAX_OBJECT_LOCK_BYTES, digest: "required" }),
  parse: requireBucket,
  requires: (bucket) => [{ action: "s3:PutBucketObjectLockConfiguration", on: "bucket", bucket }],
  async execute(bucket, { grant, stores, request: { now } }, body) {
    const configuration = parseObjectLockConfiguration(body);
    const granted = grant.bucket(bucket);
    if (await stores.documents.putObjectLock(granted, { configuration, now })) {
      if (granted.documents.objectLock === undefined) {
        await leaveToSweep(stores.bucketMarkers.change(granted, { hasObjectLock: true }));
      }
      return;
    }
    // Code and text as recorded on AWS (LocalStack's recordings, 2026-02).
    throw new S3Error("InvalidBucketState", {
      message: "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration",
    });
  },
  respond: () => ({ status: 200 }),
});
