/**
 * Whether a caller may use a key of SSE-KMS. Denied by default ("Permissions required for SSE-KMS", IAM "Policy evaluation logic"):
 *
 * 1. A key can be used only by callers of its own account: keys have no policies here that could admit others.
 * 2. The account's root may use all of them; a user and a session need an Allow of their own policies.
 * 3. The account's default key needs no Allow, as its policy on AWS admits everyone of the account who may use S3; a Deny wins.
 *
 * The repository of keys requires the grant that only this file can create.
 */
import { S3Error } from "../errors.ts";
import type { Bucket } from "../model/bucket.ts";
import { DEFAULT_ALIAS, type KmsAction, type KmsKey, type KmsKeyName, kmsKeyArn } from "../model/kms-key.ts";
import type { DecisionContext } from "./decision.ts";
import { callerEffects, denied, identityEffect } from "./identity.ts";

// Not exported: without the symbol no other file can create the type below.
declare const granted: unique symbol;

/** Proof that a key may be used. */
export interface KeyGrant {
  readonly [granted]: "kms-key";
  readonly name: KmsKeyName & { readonly id: string };
}

/** For what a key is to be used. */
export interface KeyUse {
  readonly action: KmsAction;
  readonly key: Pick<KmsKey, "id" | "accountId" | "region" | "alias">;
  /** ARN of the object. */
  readonly objectArn: string;
  /** What the client gave as encryption context. */
  readonly context: Readonly<Record<string, string>>;
  /** The encryption of an existing object is to be changed: AWS has another error then for another signature. */
  readonly isUpdate?: boolean;
}

/**
 * @throws S3Error `AccessDenied`; `InvalidArgument` unless the request is signed with Signature Version 4 ("All GET and PUT requests
 *   for an object protected by KMS will fail if they're not made via SSL or using SigV4", API_PutObject), and for an update of an
 *   object `InvalidRequest`
 */
export function authorizeKey(asked: Omit<DecisionContext, "buckets" | "findObject">, use: KeyUse): KeyGrant {
  const { caller, principal, policies, facts, keys } = asked;
  const { action, key } = use;
  if (caller.kind === "anonymous" || facts().signatureVersion === "AWS") {
    if (use.isUpdate === true) throw updateWithoutV4();
    throw new S3Error("InvalidArgument", {
      message: "Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.",
      details: { ArgumentName: "Authorization" },
    });
  }
  const arn = kmsKeyArn(key);
  const question = { caller, action, facts: facts() };
  if (key.accountId !== caller.account.id) {
    throw denied(question, arn, ` because no resource-based policy allows the ${action} action`);
  }
  const request = { principal, action, resource: arn, keys: keys(key.accountId).with(conditionKeys(use)) };
  const effect = identityEffect(callerEffects(policies, request));
  if (effect === "deny") throw denied(question, arn, " with an explicit deny in an identity-based policy");
  if (effect === "none" && key.alias !== DEFAULT_ALIAS) {
    throw denied(question, arn, ` because no identity-based policy allows the ${action} action`);
  }
  return grantOf(key);
}

/** API_UpdateObjectEncryption, "Errors". */
function updateWithoutV4(): S3Error {
  return new S3Error("InvalidRequest", {
    message:
      "Requests that modify an object encryption configuration require AWS Signature Version 4. Modify the request to use AWS Signature Version 4, and then try again.",
  });
}

/**
 * Authorizes what no caller requests: the lifecycle of a bucket moves its objects. It uses keys of the bucket's own account only.
 * @throws S3Error `AccessDenied`
 */
export function authorizeLifecycleKey(bucket: Bucket, key: KeyUse["key"]): KeyGrant {
  const hasRules = bucket.documents.lifecycle?.rules.some(({ isEnabled }) => isEnabled) === true;
  if (!hasRules || key.accountId !== bucket.accountId) throw new S3Error("AccessDenied");
  return grantOf(key);
}

/**
 * Authorizes what no caller requests: the replication of a bucket reads an object that has got a key since it was written. It uses
 * keys of the bucket's own account only.
 * @throws S3Error `AccessDenied`
 */
export function authorizeReplicationKey(bucket: Bucket, key: KeyUse["key"]): KeyGrant {
  const hasRules = bucket.documents.replication?.rules.some(({ isEnabled }) => isEnabled) === true;
  if (!hasRules || key.accountId !== bucket.accountId) throw new S3Error("AccessDenied");
  return grantOf(key);
}

/** What S3 adds to every encryption context. */
const OBJECT_ARN = "aws:s3:arn";

/** "AWS KMS condition keys" that S3's use of a key has. */
function conditionKeys({ key, objectArn, context }: KeyUse): Record<string, readonly string[]> {
  // Names of condition keys are compared without case: none that the client chooses counts as the object's ARN.
  const chosen = Object.entries(context).filter(([name]) => name.toLowerCase() !== OBJECT_ARN);
  const whole = { [OBJECT_ARN]: objectArn, ...Object.fromEntries(chosen) };
  return {
    "kms:CallerAccount": [key.accountId],
    "kms:ViaService": [`s3.${key.region}.amazonaws.com`],
    "kms:EncryptionContextKeys": Object.keys(whole),
    ...Object.fromEntries(Object.entries(whole).map(([name, value]) => [`kms:EncryptionContext:${name}`, [value]])),
  };
}

function grantOf({ id, accountId, region }: KeyUse["key"]): KeyGrant {
  return { name: { id, accountId, region } } as KeyGrant;
}
