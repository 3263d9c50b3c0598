/** HeadBucket (API_HeadBucket): whether the bucket is there and the caller may list it. */
import { operation, requireBucket } from "../operation.ts";

export const HeadBucket = operation({
  name: "HeadBucket",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:ListBucket", bucket }],
  execute: async ({ bucket }, { grant }) => grant.bucket(bucket),
  respond: ({ region }) => ({
    status: 200,
    headers: { "x-amz-bucket-region": region, "x-amz-access-point-alias": "false", "content-type": "application/xml" },
  }),
});
