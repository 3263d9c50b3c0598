/** HeadBucket (API_HeadBucket): whether the bucket exists and the caller can list it. */
import { bucketArn, locationOf } from "../../model/bucket.ts";
import { noBody, operation, requireBucket } from "../operation.ts";

export const HeadBucket = operation({
  name: "HeadBucket",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:ListBucket", on: "bucket", bucket }],
  execute: async ({ bucket }, { grant }) => grant.bucket(bucket),
  respond: (bucket) => ({
    status: 200,
    headers: {
      "x-amz-bucket-arn": bucketArn(bucket.name),
      "x-amz-bucket-region": locationOf(bucket).region,
      "x-amz-access-point-alias": "false",
      "content-type": "application/xml",
    },
  }),
});
