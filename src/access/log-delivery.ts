/**
 * Whether access logs may be delivered to a bucket ("Permissions for log delivery"). Denied by default: the target's policy
 * allows s3:PutObject to `logging.s3.amazonaws.com`, or its ACL gives WRITE and READ_ACP to the log delivery group. Nothing else
 * counts: neither the bucket that is logged nor the caller that switched logging on gives a right to write to the target.
 */
import { S3Error } from "../errors.ts";
import { type Bucket, bucketArn, locationOf } from "../model/bucket.ts";
import type { LoggedBucket } from "../model/logged-bucket.ts";
import { effectiveAcl } from "./acl/ownership.ts";
import { evaluatePolicy } from "./policy/evaluate.ts";
import { bucketPolicyOf } from "./policy/parsed.ts";
import { LOG_DELIVERY_SERVICE, serviceKeys } from "./policy/request-keys.ts";

/**
 * @param target the bucket of the configured name, if there is one
 * @throws S3Error `AccessDenied`, whose message says what is missing
 */
export function requireLogDelivery(
  source: LoggedBucket,
  target: Bucket | undefined,
  { key, now }: { readonly key: string; readonly now: Date },
): asserts target is Bucket {
  const name = source.logging.targetBucket;
  if (target === undefined) throw refusal(`There is no bucket ${name}.`);
  if (target.accountId !== source.accountId) throw refusal(`The bucket ${name} belongs to another account.`);
  if (locationOf(target).region !== source.region) throw refusal(`The bucket ${name} is in another region.`);
  // "The destination bucket must not have an S3 Object Lock default retention period configuration."
  if (target.documents.objectLock?.defaultRetention !== undefined) {
    throw refusal(`The bucket ${name} has a default retention.`);
  }
  // "Default encryption with … AWS KMS keys (SSE-KMS) isn't supported for server access log destination buckets."
  if (target.documents.encryption?.algorithm !== undefined) {
    throw refusal(`The default encryption of the bucket ${name} is SSE-KMS.`);
  }
  const policy = bucketPolicyOf(target);
  const effect =
    policy &&
    evaluatePolicy(policy, {
      principal: LOG_DELIVERY_SERVICE,
      action: "s3:PutObject",
      resource: `${bucketArn(target.name)}/${key}`,
      keys: serviceKeys({ ...source, service: LOG_DELIVERY_SERVICE }, target.accountId, now),
    }).effect;
  if (effect === "deny") throw refusal(`The policy of the bucket ${name} denies it.`);
  if (effect !== "allow" && !isAllowedByAcl(target)) {
    throw refusal(`Neither the policy nor the ACL of the bucket ${name} allows it.`);
  }
}

function isAllowedByAcl(target: Bucket): boolean {
  const { acl = [] } = effectiveAcl(target);
  const given = acl.flatMap(({ grantee, permission }) => (grantee.kind === "log-delivery" ? [permission] : []));
  return given.includes("FULL_CONTROL") || (given.includes("WRITE") && given.includes("READ_ACP"));
}

function refusal(message: string): S3Error {
  return new S3Error("AccessDenied", { message });
}
