/** GetBucketVersioning (API_GetBucketVersioning): empty, as S3 describes a bucket that was never versioned. */
import { formatXml } from "../../protocol/xml/writer.ts";
import { noBody, operation, requireBucket } from "../operation.ts";

export const GetBucketVersioning = operation({
  name: "GetBucketVersioning",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketVersioning", on: "bucket", bucket }],
  execute: async ({ bucket }, { grant }) => grant.bucket(bucket),
  respond: () => ({ status: 200, body: formatXml("VersioningConfiguration", []) }),
});
