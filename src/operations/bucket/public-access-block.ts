/** GetPublicAccessBlock, PutPublicAccessBlock, DeletePublicAccessBlock (API_… of the same names). */
import { S3Error } from "../../errors.ts";
import {
  formatPublicAccessBlock,
  MAX_PUBLIC_ACCESS_BLOCK_BYTES,
  parsePublicAccessBlock,
} from "../../protocol/xml/public-access-block-configuration.ts";
import { operation, requireBucket } from "../operation.ts";

export const GetPublicAccessBlock = operation({
  name: "GetPublicAccessBlock",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketPublicAccessBlock", bucket }],
  async execute({ bucket }, { grant, stores }) {
    const settings = await stores.documents.get(grant.bucket(bucket), "publicAccessBlock");
    if (settings === undefined) {
      throw new S3Error("NoSuchPublicAccessBlockConfiguration", { details: { BucketName: bucket } });
    }
    return settings;
  },
  respond: (settings) => ({ status: 200, body: formatPublicAccessBlock(settings) }),
});

export const PutPublicAccessBlock = operation({
  name: "PutPublicAccessBlock",
  body: { kind: "document", maxBytes: MAX_PUBLIC_ACCESS_BLOCK_BYTES, digest: "required" },
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketPublicAccessBlock", bucket }],
  execute: async ({ bucket, now }, { grant, stores }, body) =>
    stores.documents.put(grant.bucket(bucket), "publicAccessBlock", parsePublicAccessBlock(body), now),
  respond: () => ({ status: 200 }),
});

export const DeletePublicAccessBlock = operation({
  name: "DeletePublicAccessBlock",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutBucketPublicAccessBlock" (API_DeletePublicAccessBlock, "Permissions").
  requires: ({ bucket }) => [{ action: "s3:PutBucketPublicAccessBlock", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "publicAccessBlock"),
  respond: () => ({ status: 204 }),
});
