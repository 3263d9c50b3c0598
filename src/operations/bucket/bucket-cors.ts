/** GetBucketCors, PutBucketCors, DeleteBucketCors (API_GetBucketCors and so on). */
import { S3Error } from "../../errors.ts";
import {
  formatCorsConfiguration,
  MAX_CORS_BYTES,
  parseCorsConfiguration,
} from "../../protocol/xml/cors-configuration.ts";
import { operation, requireBucket } from "../operation.ts";

export const GetBucketCors = operation({
  name: "GetBucketCors",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketCORS", bucket }],
  async execute({ bucket }, { grant, stores }) {
    const rules = await stores.documents.get(grant.bucket(bucket), "cors");
    if (rules === undefined) throw new S3Error("NoSuchCORSConfiguration", { details: { BucketName: bucket } });
    return rules;
  },
  respond: (rules) => ({ status: 200, body: formatCorsConfiguration(rules) }),
});

export const PutBucketCors = operation({
  name: "PutBucketCors",
  body: { kind: "document", maxBytes: MAX_CORS_BYTES, digest: "required" },
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketCORS", bucket }],
  async execute({ bucket, now }, { grant, stores }, body) {
    await stores.documents.put(grant.bucket(bucket), "cors", parseCorsConfiguration(body), now);
  },
  respond: () => ({ status: 200 }),
});

export const DeleteBucketCors = operation({
  name: "DeleteBucketCors",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutBucketCORS" (API_DeleteBucketCors, "you must have permission to perform the s3:PutBucketCORS action").
  requires: ({ bucket }) => [{ action: "s3:PutBucketCORS", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "cors"),
  respond: () => ({ status: 204 }),
});
