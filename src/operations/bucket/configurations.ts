/**
 * Configurations that consist of a document only: CORS, encryption, object ownership, public access block, tags,
 * website (API_GetBucketCors and so on). A member that only some of them have marks an exception of S3.
 */
import { requireOwnerOnly } from "../../access/acl/ownership.ts";
import { isAdopted, notInAdopted } from "../../model/adopted.ts";
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
import { configuration } from "./configuration.ts";

export const {
  get: GetBucketCors,
  put: PutBucketCors,
  delete: DeleteBucketCors,
} = configuration({
  name: "BucketCors",
  kind: "cors",
  action: "BucketCORS",
  body: { maxBytes: MAX_CORS_BYTES, digest: "required" },
  parse: parseCorsConfiguration,
  format: formatCorsConfiguration,
  absent: "NoSuchCORSConfiguration",
});

export const {
  get: GetBucketEncryption,
  put: PutBucketEncryption,
  delete: DeleteBucketEncryption,
} = configuration({
  name: "BucketEncryption",
  kind: "encryption",
  action: "EncryptionConfiguration",
  body: { maxBytes: MAX_ENCRYPTION_BYTES, digest: "required" },
  parse(body, bucket) {
    const encryption = parseEncryptionConfiguration(body);
    const usesKeys = encryption?.algorithm === "aws:kms";
    if (usesKeys && isAdopted(bucket)) throw notInAdopted("Encryption with keys (SSE-C, SSE-KMS) is");
    return encryption;
  },
  format: formatEncryptionConfiguration,
  // "The default encryption for every bucket": R2 encrypts everything at rest with AES-256.
  absent: { default: { bucketKeyEnabled: false } },
});

export const {
  get: GetBucketOwnershipControls,
  put: PutBucketOwnershipControls,
  delete: DeleteBucketOwnershipControls,
} = configuration({
  name: "BucketOwnershipControls",
  kind: "ownership",
  action: "BucketOwnershipControls",
  body: { maxBytes: MAX_OWNERSHIP_CONTROLS_BYTES, digest: "required" },
  async parse(body, bucket, { stores }) {
    const ownership = parseOwnershipControls(body);
    if (ownership === "BucketOwnerEnforced")
      requireOwnerOnly(await stores.documents.get(bucket, "acl"), bucket.ownerId);
    return ownership;
  },
  format: formatOwnershipControls,
  absent: "OwnershipControlsNotFoundError",
});

export const {
  get: GetPublicAccessBlock,
  put: PutPublicAccessBlock,
  delete: DeletePublicAccessBlock,
} = configuration({
  name: "PublicAccessBlock",
  kind: "publicAccessBlock",
  action: "BucketPublicAccessBlock",
  body: { maxBytes: MAX_PUBLIC_ACCESS_BLOCK_BYTES, digest: "required" },
  parse: parsePublicAccessBlock,
  format: formatPublicAccessBlock,
  absent: "NoSuchPublicAccessBlockConfiguration",
});

export const {
  get: GetBucketTagging,
  put: PutBucketTagging,
  delete: DeleteBucketTagging,
} = configuration({
  name: "BucketTagging",
  kind: "tagging",
  action: "BucketTagging",
  body: { maxBytes: 128 * 1024, digest: "required" },
  parse(body) {
    const tags = parseTagging(body, "bucket");
    // AWS accepts an empty set and stores none (LocalStack's recordings of 2026-02).
    return tags.length === 0 ? undefined : tags;
  },
  format: formatTagging,
  absent: "NoSuchTagSet",
  putStatus: 204,
});

/** `src/website` serves what this configures. */
export const {
  get: GetBucketWebsite,
  put: PutBucketWebsite,
  delete: DeleteBucketWebsite,
} = configuration({
  name: "BucketWebsite",
  kind: "website",
  action: "BucketWebsite",
  // AWS's own older clients (boto 2) send this one without Content-MD5, and AWS accepts it.
  body: { maxBytes: MAX_WEBSITE_BYTES, digest: "optional" },
  parse: parseWebsiteConfiguration,
  format: formatWebsiteConfiguration,
  absent: "NoSuchWebsiteConfiguration",
  deleteAction: "s3:DeleteBucketWebsite",
});
