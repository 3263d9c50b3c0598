/** GetBucketTagging, PutBucketTagging, DeleteBucketTagging (API_GetBucketTagging and so on). */
import { S3Error } from "../../errors.ts";
import { formatTagging, parseTagging } from "../../protocol/xml/tagging.ts";
import { operation, requireBucket } from "../operation.ts";

const MAX_BYTES = 128 * 1024;

export const GetBucketTagging = operation({
  name: "GetBucketTagging",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketTagging", bucket }],
  async execute({ bucket }, { grant, stores }) {
    const tags = await stores.documents.get(grant.bucket(bucket), "tagging");
    if (tags === undefined) throw new S3Error("NoSuchTagSet", { details: { BucketName: bucket } });
    return tags;
  },
  respond: (tags) => ({ status: 200, body: formatTagging(tags) }),
});

export const PutBucketTagging = operation({
  name: "PutBucketTagging",
  body: { kind: "document", maxBytes: MAX_BYTES, digest: "required" },
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketTagging", bucket }],
  async execute({ bucket: name, now }, { grant, stores: { documents } }, body) {
    const bucket = grant.bucket(name);
    const tags = parseTagging(body, "bucket");
    // An empty set is accepted, and afterwards there is none (seen on AWS, LocalStack's recordings of 2026-02).
    if (tags.length === 0) await documents.delete(bucket, "tagging");
    else await documents.put(bucket, "tagging", tags, now);
  },
  respond: () => ({ status: 204 }),
});

export const DeleteBucketTagging = operation({
  name: "DeleteBucketTagging",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutBucketTagging" (API_DeleteBucketTagging, "Permissions").
  requires: ({ bucket }) => [{ action: "s3:PutBucketTagging", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "tagging"),
  respond: () => ({ status: 204 }),
});
