/** GetBucketWebsite, PutBucketWebsite, DeleteBucketWebsite (API_GetBucketWebsite and so on). Serving: `src/website`. */
import { S3Error } from "../../errors.ts";
import {
  formatWebsiteConfiguration,
  MAX_WEBSITE_BYTES,
  parseWebsiteConfiguration,
} from "../../protocol/xml/website-configuration.ts";
import { operation, requireBucket } from "../operation.ts";

export const GetBucketWebsite = operation({
  name: "GetBucketWebsite",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketWebsite", bucket }],
  async execute({ bucket }, { grant, stores }) {
    const website = await stores.documents.get(grant.bucket(bucket), "website");
    if (website === undefined) throw new S3Error("NoSuchWebsiteConfiguration", { details: { BucketName: bucket } });
    return website;
  },
  respond: (website) => ({ status: 200, body: formatWebsiteConfiguration(website) }),
});

export const PutBucketWebsite = operation({
  name: "PutBucketWebsite",
  // AWS's own older clients (boto 2) send this one without Content-MD5, and AWS takes it.
  body: { kind: "document", maxBytes: MAX_WEBSITE_BYTES, digest: "optional" },
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketWebsite", bucket }],
  async execute({ bucket, now }, { grant, stores }, body) {
    await stores.documents.put(grant.bucket(bucket), "website", parseWebsiteConfiguration(body), now);
  },
  respond: () => ({ status: 200 }),
});

export const DeleteBucketWebsite = operation({
  name: "DeleteBucketWebsite",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:DeleteBucketWebsite", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "website"),
  respond: () => ({ status: 204 }),
});
