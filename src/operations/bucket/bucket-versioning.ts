/**
 * GetBucketVersioning and PutBucketVersioning (API_GetBucketVersioning, API_PutBucketVersioning). A bucket starts without
 * versioning; once it was enabled or suspended, it can only change between these two. Setting it takes as long as other
 * isolates may use their cached row of the bucket: CONFIG_TTL_SECONDS, at most ten seconds.
 */
import { S3Error } from "../../errors.ts";
import {
  formatVersioningConfiguration,
  MAX_VERSIONING_BYTES,
  parseVersioningConfiguration,
} from "../../protocol/xml/versioning-configuration.ts";
import { documentBody, noBody, operation, requireBucket } from "../operation.ts";
import { leaveToSweep } from "./marking.ts";

export const GetBucketVersioning = operation({
  name: "GetBucketVersioning",
  body: noBody,
  parse: requireBucket,
  requires: (bucket) => [{ action: "s3:GetBucketVersioning", on: "bucket", bucket }],
  execute: (bucket, { grant, stores }) => stores.documents.get(grant.bucket(bucket), "versioning"),
  respond: (versioning) => ({ status: 200, body: formatVersioningConfiguration(versioning) }),
});

export const PutBucketVersioning = operation({
  name: "PutBucketVersioning",
  // The example of API_PutBucketVersioning has no Content-MD5.
  body: documentBody({ maxBytes: MAX_VERSIONING_BYTES, digest: "optional" }),
  parse: requireBucket,
  requires: (bucket) => [{ action: "s3:PutBucketVersioning", on: "bucket", bucket }],
  async execute(bucket, { grant, stores, request: { now } }, body) {
    const versioning = parseVersioningConfiguration(body);
    const granted = grant.bucket(bucket);
    // A marker must not say that a bucket is not versioned when it is: its versions would not be found again. It may say that the
    // bucket is versioned when it is not, until a sweep corrects it.
    if (versioning === "Enabled") await stores.bucketMarkers.change(granted, { versioning });
    if (await stores.documents.putVersioning(granted, { versioning, now })) {
      if (versioning === "Suspended") await leaveToSweep(stores.bucketMarkers.change(granted, { versioning }));
      return;
    }
    // Text and code as recorded on AWS (LocalStack's recordings, 2026-02).
    throw new S3Error("InvalidBucketState", {
      message: "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.",
    });
  },
  respond: () => ({ status: 200 }),
});
