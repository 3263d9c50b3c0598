/** GetBucketEncryption, PutBucketEncryption, DeleteBucketEncryption (API_GetBucketEncryption and so on). */
import {
  formatEncryptionConfiguration,
  MAX_ENCRYPTION_BYTES,
  parseEncryptionConfiguration,
} from "../../protocol/xml/encryption-configuration.ts";
import { operation, requireBucket } from "../operation.ts";

/** "The default encryption for every bucket": R2 encrypts everything at rest with AES-256. */
const DEFAULT = { bucketKeyEnabled: false };

export const GetBucketEncryption = operation({
  name: "GetBucketEncryption",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  requires: ({ bucket }) => [{ action: "s3:GetEncryptionConfiguration", bucket }],
  execute: async ({ bucket }, { grant, stores }) =>
    (await stores.documents.get(grant.bucket(bucket), "encryption")) ?? DEFAULT,
  respond: (encryption) => ({ status: 200, body: formatEncryptionConfiguration(encryption) }),
});

export const PutBucketEncryption = operation({
  name: "PutBucketEncryption",
  body: { kind: "document", maxBytes: MAX_ENCRYPTION_BYTES, digest: "required" },
  parse: (request) => ({ bucket: requireBucket(request), now: request.now }),
  requires: ({ bucket }) => [{ action: "s3:PutEncryptionConfiguration", bucket }],
  execute: async ({ bucket, now }, { grant, stores }, body) =>
    stores.documents.put(grant.bucket(bucket), "encryption", parseEncryptionConfiguration(body), now),
  respond: () => ({ status: 200 }),
});

export const DeleteBucketEncryption = operation({
  name: "DeleteBucketEncryption",
  body: { kind: "none" },
  parse: (request) => ({ bucket: requireBucket(request) }),
  // "s3:PutEncryptionConfiguration" (API_DeleteBucketEncryption, "Permissions").
  requires: ({ bucket }) => [{ action: "s3:PutEncryptionConfiguration", bucket }],
  execute: async ({ bucket }, { grant, stores }) => stores.documents.delete(grant.bucket(bucket), "encryption"),
  respond: () => ({ status: 204 }),
});
