/** Properties of a policy that do not depend on a request. */

import { parseIpRange } from "../../model/ip-address.ts";
import { type Condition, keysOfCondition } from "./condition.ts";
import type { PolicyDocument } from "./document.ts";
import type { Statement } from "./statement.ts";

/**
 * Keys that make a grant to everyone non-public if their values are fixed ("Blocking public access to your Amazon S3
 * storage", "The meaning of public"), and the keys that fix the principal.
 */
const LIMITING_KEYS = new Set(
  [
    "aws:PrincipalAccount",
    "aws:PrincipalArn",
    "aws:PrincipalOrgID",
    "aws:SourceAccount",
    "aws:SourceArn",
    "aws:SourceOwner",
    "aws:SourceVpc",
    "aws:SourceVpce",
    "aws:userid",
    "s3:DataAccessPointAccount",
    "s3:DataAccessPointArn",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
  ].map((key) => key.toLowerCase()),
);

/** "Values broader than /8 for IPv4 and /32 for IPv6" are public. */
const NARROW_PREFIX = { 4: 8, 6: 32 } as const;

/**
 * Whether the policy grants anything to the public, for GetBucketPolicyStatus, BlockPublicPolicy and
 * RestrictPublicBuckets. Denials do not count, as on AWS.
 */
export const isPublicPolicy = cachedForPolicy((policy) =>
  policy.statements.some(
    ({ effect, principals, conditions }) =>
      effect === "Allow" && principals?.everyone === true && !conditions.some(isLimiting),
  ),
);

function isLimiting({ key, operator, qualifier, ifExists, values }: Condition): boolean {
  // These conditions hold for a request that omits the key.
  if (operator.negated || ifExists || qualifier === "ForAllValues" || values.length === 0) return false;
  const name = key.toLowerCase();
  if (operator.family === "ip") {
    return name === "aws:sourceip" && values.every(({ source }) => isNarrow(source));
  }
  if (operator.family !== "string" && operator.family !== "arn") return false;
  return (
    LIMITING_KEYS.has(name) &&
    values.every(({ source, pattern }) => pattern?.isFixed === true && source !== "" && !isEveryone(name, source))
  );
}

/** All anonymous callers have this `aws:userid` ("Principal key values"). */
function isEveryone(key: string, value: string): boolean {
  return key === "aws:userid" && value.toLowerCase() === "anonymous";
}

function isNarrow(source: string): boolean {
  const range = parseIpRange(source);
  return range !== undefined && range.prefixLength >= NARROW_PREFIX[range.version];
}

/** Whether the object's tags must be read before the policy can be evaluated. */
export const needsExistingTags = cachedForPolicy(({ statements }) =>
  statements.flatMap(keysOf).some((key) => key.toLowerCase().startsWith("s3:existingobjecttag/")),
);

/** Whether the policy decides about a caller, an action and a resource without regard to anything else of the request. */
export const isSameForEveryRequest = cachedForPolicy(({ statements }) =>
  statements.every((statement) => statement.conditions.length === 0 && keysOf(statement).length === 0),
);

function keysOf({ resources, conditions }: Statement): readonly string[] {
  return [...resources.patterns.flatMap(({ variables }) => variables), ...conditions.flatMap(keysOfCondition)];
}

/**
 * Caches the result for each policy: a request may need it for a thousand keys. A policy never changes, so the cache
 * changes no result.
 */
function cachedForPolicy(ask: (policy: PolicyDocument) => boolean): (policy: PolicyDocument) => boolean {
  const answers = new WeakMap<PolicyDocument, boolean>();
  return (policy) => {
    const answer = answers.get(policy) ?? ask(policy);
    answers.set(policy, answer);
    return answer;
  };
}
