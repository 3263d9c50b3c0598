/** GetBucketLocation (API_GetBucketLocation). */
import { formatLocationConstraint } from "../../protocol/xml/location-constraint.ts";
import { operation, requireBucket } from "../operation.ts";

export const GetBucketLocation = operation({
  name: "GetBucketLocation",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketLocation", bucket }],
  execute: async ({ bucket }, { grant }) => grant.bucket(bucket).region,
  respond: (region) => ({ status: 200, body: formatLocationConstraint(region) }),
});
