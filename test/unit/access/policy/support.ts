/** Policies and requests for the tables of this folder. */

import { type PolicyDocument, parsePolicy } from "../../../../src/access/policy/document.ts";
import { evaluatePolicy, type PolicyDecision } from "../../../../src/access/policy/evaluate.ts";
import { ConditionKeys } from "../../../../src/access/policy/policy-request.ts";
import type { PolicyPrincipal, RequestPrincipal } from "../../../../src/access/policy/principal.ts";
import type { PolicyUsers } from "../../../../src/model/user.ts";

export const BUCKET = "demo-b";
export const BUCKET_ARN = `arn:aws:s3:::${BUCKET}`;
export const ACCOUNT_ID = "111122223333";
export const CANONICAL_ID = "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be";

export const ANONYMOUS: RequestPrincipal = { kind: "anonymous" };
export const ACCOUNT: RequestPrincipal = { kind: "account", accountId: ACCOUNT_ID, canonicalId: CANONICAL_ID };
export const STRANGER: RequestPrincipal = { kind: "account", accountId: "999999999999", canonicalId: "f".repeat(64) };

export function user(name: string, path = "/"): RequestPrincipal & { kind: "account" } {
  const arn = `arn:aws:iam::${ACCOUNT_ID}:user${path}${name}`;
  return { kind: "account", accountId: ACCOUNT_ID, canonicalId: CANONICAL_ID, user: { id: idOf(arn), name, arn } };
}

/** The id of the user with this name: `AIDAalice`, `AIDAteam/alice`. */
function idOf(arn: string): string {
  return `AIDA${arn.slice(arn.indexOf("/") + 1)}`;
}

/** The ids of all users that the text names. */
function usersIn(text: string): PolicyUsers {
  const arns = text.match(/arn:aws:iam::\d{12}:user\/[^"]+/g) ?? [];
  return Object.fromEntries(arns.map((arn) => [arn, idOf(arn)]));
}

type Fields = Readonly<Record<string, unknown>>;

/** A statement that allows everyone everything, with the given fields replaced; undefined removes a field. */
export function statement(fields: Fields = {}): Fields {
  const whole = {
    Effect: "Allow",
    Principal: "*",
    Action: "s3:*",
    Resource: [BUCKET_ARN, `${BUCKET_ARN}/*`],
    ...fields,
  };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
}

export function bucketPolicy(...statements: readonly Fields[]): PolicyDocument {
  const text = JSON.stringify({ Version: "2012-10-17", Statement: statements });
  return parsePolicy(text, { kind: "bucket", bucket: BUCKET, users: usersIn(text) });
}

export function userPolicy(...statements: readonly Fields[]): PolicyDocument {
  return parsePolicy(JSON.stringify({ Version: "2012-10-17", Statement: statements }), { kind: "user" });
}

export interface Asked {
  readonly principal?: PolicyPrincipal;
  readonly action?: string;
  /** Key of an object; absent: the bucket. */
  readonly key?: string;
  readonly resource?: string;
  readonly keys?: Readonly<Record<string, string | readonly string[]>>;
  readonly unknown?: readonly string[];
}

export function decide(policy: PolicyDocument, asked: Asked = {}): PolicyDecision {
  const { principal = ANONYMOUS, key, keys = {}, unknown = [] } = asked;
  const { action = key === undefined ? "s3:ListBucket" : "s3:GetObject" } = asked;
  const { resource = key === undefined ? BUCKET_ARN : `${BUCKET_ARN}/${key}` } = asked;
  const entries = Object.entries(keys).map(([name, value]): [string, readonly string[]] => [
    name,
    typeof value === "string" ? [value] : value,
  ]);
  const unknownKeys = unknown.map((prefix) => ({ prefix: prefix.toLowerCase(), decided: "against" as const }));
  return evaluatePolicy(policy, { principal, action, resource, keys: new ConditionKeys(entries, unknownKeys) });
}

/** Only the effect. */
export function effect(policy: PolicyDocument, asked: Asked = {}): PolicyDecision["effect"] {
  return decide(policy, asked).effect;
}
