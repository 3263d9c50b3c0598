/**
 * Whether S3 may write a report of an inventory into a bucket ("Creating a destination bucket policy"). Denied by default: the
 * destination's policy must allow s3:PutObject to `s3.amazonaws.com`. Nothing else counts: neither the source bucket, nor the
 * caller that configured the inventory, nor that both buckets have one owner gives a right to write to the destination.
 */
import { S3Error } from "../errors.ts";
import { type Bucket, bucketArn } from "../model/bucket.ts";
import type { InventoryConfiguration } from "../model/inventory.ts";
import { evaluatePolicy } from "./policy/evaluate.ts";
import { bucketPolicyOf } from "./policy/parsed.ts";
import { S3_SERVICE, serviceKeys } from "./policy/request-keys.ts";

/** One object of a report. */
export interface InventoryDelivery {
  readonly configuration: InventoryConfiguration;
  readonly key: string;
}

/**
 * @param buckets.destination the bucket of the configured name, if there is one
 * @throws S3Error `AccessDenied`, whose message says what is missing
 */
export function requireDeliverable(
  { configuration, key }: InventoryDelivery,
  { source, destination }: { readonly source: Bucket; readonly destination: Bucket | undefined },
  now: Date,
): void {
  const { isEnabled, destination: named } = configuration;
  if (!isEnabled) throw refusal("The inventory is disabled.");
  if (destination?.name !== named.bucket) throw refusal(`There is no bucket ${named.bucket}.`);
  if (named.accountId !== undefined && named.accountId !== destination.accountId) {
    throw refusal(`The bucket ${named.bucket} does not belong to the account ${named.accountId}.`);
  }
  // S3 has no permission to use the key.
  if (destination.documents.encryption?.algorithm === "aws:kms" && !named.isEncrypted) {
    throw refusal(
      `The bucket ${named.bucket} encrypts with SSE-KMS by default, and the inventory does not ask for SSE-S3.`,
    );
  }
  const policy = bucketPolicyOf(destination);
  const effect =
    policy &&
    evaluatePolicy(policy, {
      principal: S3_SERVICE,
      action: "s3:PutObject",
      resource: `${bucketArn(destination.name)}/${key}`,
      keys: serviceKeys(source, destination.accountId, now).with({
        // AWS's own policy for destinations requires it.
        "s3:x-amz-acl": ["bucket-owner-full-control"],
        ...(named.isEncrypted && { "s3:x-amz-server-side-encryption": ["AES256"] }),
      }),
    }).effect;
  if (effect === "deny") throw refusal(`The policy of the bucket ${named.bucket} denies it.`);
  if (effect !== "allow") throw refusal(`The policy of the bucket ${named.bucket} does not allow it.`);
}

function refusal(message: string): S3Error {
  return new S3Error("AccessDenied", { message });
}
