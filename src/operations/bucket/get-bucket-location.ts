/** GetBucketLocation (API_GetBucketLocation). */
import { locationOf } from "../../model/bucket.ts";
import { formatLocationConstraint } from "../../protocol/xml/bucket-location.ts";
import { noBody, operation, requireBucket } from "../operation.ts";

export const GetBucketLocation = operation({
  name: "GetBucketLocation",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketLocation", on: "bucket", bucket }],
  execute: async ({ bucket }, { grant }) => locationOf(grant.bucket(bucket)),
  respond: ({ region, constraint = region }) => ({ status: 200, body: formatLocationConstraint(constraint) }),
});
