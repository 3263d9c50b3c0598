/**
 * Configurations that a bucket has one of, as a document that is put, read and deleted whole: CORS, encryption, object
 * ownership, public access block, tags, website (API_GetBucketCors and so on).
 */
import { requireOwnerOnly } from "../../access/acl/ownership.ts";
import { S3Error } from "../../errors.ts";
import {
  formatEncryptionConfiguration,
  formatOwnershipControls,
  formatPublicAccessBlock,
  MAX_ENCRYPTION_BYTES,
  MAX_OWNERSHIP_CONTROLS_BYTES,
  MAX_PUBLIC_ACCESS_BLOCK_BYTES,
  parseEncryptionConfiguration,
  parseOwnershipControls,
  parsePublicAccessBlock,
} from "../../protocol/xml/bucket-settings.ts";
import {
  formatCorsConfiguration,
  MAX_CORS_BYTES,
  parseCorsConfiguration,
} from "../../protocol/xml/cors-configuration.ts";
import { formatTagging, parseTagging } from "../../protocol/xml/tagging.ts";
import {
  formatWebsiteConfiguration,
  MAX_WEBSITE_BYTES,
  parseWebsiteConfiguration,
} from "../../protocol/xml/website-configuration.ts";
import { documentBody, noBody, operation, requireBucket } from "../operation.ts";

export const GetBucketCors = operation({
  name: "GetBucketCors",
  body: noBody,
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
  body: documentBody({ maxBytes: MAX_CORS_BYTES, digest: "required" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketCORS", bucket }],
  async execute({ bucket, now }, { grant, stores }, body) {
    await stores.documents.put(grant.bucket(bucket), "cors", parseCorsConfiguration(body), now);
  },
  respond: () => ({ status: 200 }),
});

export const DeleteBucketCors = operation({
  name: "DeleteBucketCors",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutBucketCORS" (API_DeleteBucketCors, "you must have permission to perform the s3:PutBucketCORS action").
  requires: ({ bucket }) => [{ action: "s3:PutBucketCORS", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "cors"),
  respond: () => ({ status: 204 }),
});

/** "The default encryption for every bucket": R2 encrypts everything at rest with AES-256. */
const DEFAULT = { bucketKeyEnabled: false };

export const GetBucketEncryption = operation({
  name: "GetBucketEncryption",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetEncryptionConfiguration", bucket }],
  execute: async ({ bucket }, { grant, stores }) =>
    (await stores.documents.get(grant.bucket(bucket), "encryption")) ?? DEFAULT,
  respond: (encryption) => ({ status: 200, body: formatEncryptionConfiguration(encryption) }),
});

export const PutBucketEncryption = operation({
  name: "PutBucketEncryption",
  body: documentBody({ maxBytes: MAX_ENCRYPTION_BYTES, digest: "required" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutEncryptionConfiguration", bucket }],
  execute: async ({ bucket, now }, { grant, stores }, body) =>
    stores.documents.put(grant.bucket(bucket), "encryption", parseEncryptionConfiguration(body), now),
  respond: () => ({ status: 200 }),
});

export const DeleteBucketEncryption = operation({
  name: "DeleteBucketEncryption",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutEncryptionConfiguration" (API_DeleteBucketEncryption, "Permissions").
  requires: ({ bucket }) => [{ action: "s3:PutEncryptionConfiguration", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "encryption"),
  respond: () => ({ status: 204 }),
});

export const GetBucketOwnershipControls = operation({
  name: "GetBucketOwnershipControls",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetBucketOwnershipControls", bucket }],
  async execute({ bucket }, { grant, stores }) {
    const ownership = await stores.documents.get(grant.bucket(bucket), "ownership");
    if (ownership === undefined) {
      throw new S3Error("OwnershipControlsNotFoundError", { details: { BucketName: bucket } });
    }
    return ownership;
  },
  respond: (ownership) => ({ status: 200, body: formatOwnershipControls(ownership) }),
});

export const PutBucketOwnershipControls = operation({
  name: "PutBucketOwnershipControls",
  body: documentBody({ maxBytes: MAX_OWNERSHIP_CONTROLS_BYTES, digest: "required" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketOwnershipControls", bucket }],
  async execute({ bucket: name, now }, { grant, stores: { documents } }, body) {
    const bucket = grant.bucket(name);
    const ownership = parseOwnershipControls(body);
    if (ownership === "BucketOwnerEnforced") requireOwnerOnly(await documents.get(bucket, "acl"), bucket.ownerId);
    await documents.put(bucket, "ownership", ownership, now);
  },
  respond: () => ({ status: 200 }),
});

export const DeleteBucketOwnershipControls = operation({
  name: "DeleteBucketOwnershipControls",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutBucketOwnershipControls" (API_DeleteBucketOwnershipControls, "Permissions").
  requires: ({ bucket }) => [{ action: "s3:PutBucketOwnershipControls", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "ownership"),
  respond: () => ({ status: 204 }),
});

export const GetPublicAccessBlock = operation({
  name: "GetPublicAccessBlock",
  body: noBody,
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
  body: documentBody({ maxBytes: MAX_PUBLIC_ACCESS_BLOCK_BYTES, digest: "required" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketPublicAccessBlock", bucket }],
  execute: async ({ bucket, now }, { grant, stores }, body) =>
    stores.documents.put(grant.bucket(bucket), "publicAccessBlock", parsePublicAccessBlock(body), now),
  respond: () => ({ status: 200 }),
});

export const DeletePublicAccessBlock = operation({
  name: "DeletePublicAccessBlock",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutBucketPublicAccessBlock" (API_DeletePublicAccessBlock, "Permissions").
  requires: ({ bucket }) => [{ action: "s3:PutBucketPublicAccessBlock", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "publicAccessBlock"),
  respond: () => ({ status: 204 }),
});

const MAX_BYTES = 128 * 1024;

export const GetBucketTagging = operation({
  name: "GetBucketTagging",
  body: noBody,
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
  body: documentBody({ maxBytes: MAX_BYTES, digest: "required" }),
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
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutBucketTagging" (API_DeleteBucketTagging, "Permissions").
  requires: ({ bucket }) => [{ action: "s3:PutBucketTagging", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "tagging"),
  respond: () => ({ status: 204 }),
});

export const GetBucketWebsite = operation({
  name: "GetBucketWebsite",
  body: noBody,
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
  body: documentBody({ maxBytes: MAX_WEBSITE_BYTES, digest: "optional" }),
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutBucketWebsite", bucket }],
  async execute({ bucket, now }, { grant, stores }, body) {
    await stores.documents.put(grant.bucket(bucket), "website", parseWebsiteConfiguration(body), now);
  },
  respond: () => ({ status: 200 }),
});

export const DeleteBucketWebsite = operation({
  name: "DeleteBucketWebsite",
  body: noBody,
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:DeleteBucketWebsite", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "website"),
  respond: () => ({ status: 204 }),
});
