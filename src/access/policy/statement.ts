/** One statement of a policy (IAM User Guide, "IAM JSON policy element reference"). */
import { S3Error } from "../../errors.ts";
import type { PolicyUsers } from "../../model/user.ts";
import { type Condition, parseConditions } from "./condition.ts";
import { actionsOf, isAnyKey, isKnownKey, isTopicKey } from "./condition-keys.ts";
import { Effort } from "./effort.ts";
import { asRecord, asStrings } from "./json.ts";
import { KNOWN_ACTIONS, type ResourceKind, TOPIC_POLICY_ACTIONS } from "./known-actions.ts";
import { matchesPattern, type Pattern, parsePattern, reach } from "./pattern.ts";
import { type Principals, parsePrincipals } from "./principal.ts";

export interface Statement {
  readonly effect: "Allow" | "Deny";
  /** Undefined in policies of users: the principal is the user. */
  readonly principals: Principals | undefined;
  readonly actions: Matcher;
  readonly resources: Matcher;
  readonly conditions: readonly Condition[];
}

/** Action or NotAction, Resource or NotResource. */
export interface Matcher {
  readonly negated: boolean;
  readonly patterns: readonly Pattern[];
}

export type PolicyKind =
  | { readonly kind: "bucket"; readonly bucket: string; readonly users: PolicyUsers }
  | { readonly kind: "topic"; readonly topicArn: string; readonly users: PolicyUsers }
  | { readonly kind: "user" };

export interface StatementSyntax {
  readonly kind: PolicyKind;
  /** True from version 2012-10-17 on. */
  readonly variables: boolean;
  /** The policy was accepted before: checks that only help its author are skipped. */
  readonly isStored: boolean;
}

const FIELDS = [
  "Sid",
  "Effect",
  "Principal",
  "NotPrincipal",
  "Action",
  "NotAction",
  "Resource",
  "NotResource",
  "Condition",
];

/** S3 refuses unknown keys, IAM does not. */
const IS_KEY = { bucket: isKnownKey, topic: isTopicKey, user: isAnyKey };

const BUCKET_ARN = "arn:aws:s3:::";
/** Five colons, which variables may not replace ("You can use a policy variable … after the fifth colon"). */
const ANY_ARN = /^arn:[^:$]*:[^:$]*:[^:$]*:[^:$]*:./s;

/** @throws S3Error `MalformedPolicy` */
export function parseStatement(value: unknown, syntax: StatementSyntax): Statement {
  const fields = asRecord(value);
  if (fields === undefined) throw malformed("Invalid policy syntax.");
  const unknown = Object.keys(fields).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw malformed(`Unknown field ${unknown.slice(0, 100)}`);
  checkSid(fields.Sid, syntax);

  const effect = parseEffect(fields.Effect);
  const principals = parseStatementPrincipals(fields, syntax, effect);
  const actions = parseActions(fields, syntax);
  const resources = parseResources(fields, syntax);
  const conditions =
    fields.Condition === undefined
      ? []
      : parseConditions(fields.Condition, { variables: syntax.variables, isKey: IS_KEY[syntax.kind.kind] });
  const statement = { effect, principals, actions, resources, conditions };
  if (syntax.kind.kind === "bucket" && !syntax.isStored) refuseMismatches(statement, syntax.kind.bucket);
  return statement;
}

function checkSid(sid: unknown, { kind }: StatementSyntax): void {
  if (sid === undefined) return;
  if (typeof sid !== "string") throw malformed("Invalid policy syntax.");
  if (kind.kind === "user" && !/^[0-9A-Za-z]*$/.test(sid)) {
    throw malformed(
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    );
  }
}

function parseEffect(effect: unknown): "Allow" | "Deny" {
  if (effect === undefined) throw malformed("Missing required field Effect");
  if (effect !== "Allow" && effect !== "Deny") throw malformed(`Invalid effect: ${String(effect).slice(0, 100)}`);
  return effect;
}

function parseStatementPrincipals(
  fields: Readonly<Record<string, unknown>>,
  { kind }: StatementSyntax,
  effect: "Allow" | "Deny",
): Statement["principals"] {
  const { Principal: principal, NotPrincipal: notPrincipal } = fields;
  if (kind.kind === "user") {
    if (principal !== undefined || notPrincipal !== undefined) {
      throw malformed("Policy document should not specify a principal.");
    }
    return undefined;
  }
  if (principal !== undefined && notPrincipal !== undefined) throw malformed("Invalid policy syntax.");
  if (principal !== undefined) return parsePrincipals(principal, false, kind.users);
  if (notPrincipal === undefined) throw malformed("Missing required field Principal");
  // "NotPrincipal must be used with "Effect":"Deny"": an Allow would apply to the whole world, including anonymous
  // callers.
  if (effect === "Allow") throw malformed("Allow with NotPrincipal is not allowed.");
  return parsePrincipals(notPrincipal, true, kind.users);
}

function parseActions(fields: Readonly<Record<string, unknown>>, { kind }: StatementSyntax): Matcher {
  const { negated, texts } = requireEither(fields, "Action", "NotAction");
  if (kind.kind === "topic") return { negated, patterns: texts.map(parseTopicAction) };
  const names = new Set(texts.map((text) => text.toLowerCase()));
  const patterns = [...names].map((name): Pattern => {
    const pattern = parsePattern(name, { wildcards: true, variables: false });
    const isAction = kind.kind === "bucket" || /^(\*|[\w-]+:[\w*?]+)$/.test(name);
    if (pattern === undefined || !isAction) throw malformed("Policy has invalid action");
    return pattern;
  });
  return { negated, patterns };
}

/** Names must be complete: SNS refuses `SNS:*` with this message (seen on AWS by many). */
function parseTopicAction(text: string): Pattern {
  const pattern = parsePattern(text.toLowerCase(), { wildcards: false, variables: false });
  if (pattern !== undefined && TOPIC_POLICY_ACTIONS.has(pattern.source)) return pattern;
  throw malformed("Policy statement action out of service scope!");
}

function parseResources(fields: Readonly<Record<string, unknown>>, syntax: StatementSyntax): Matcher {
  const { kind, variables } = syntax;
  if (kind.kind === "topic")
    return { negated: false, patterns: [parseTopicResource(fields, kind.topicArn, variables)] };
  const { negated, texts } = requireEither(fields, "Resource", "NotResource");
  const arns = new Set(
    texts.map((text) => (kind.kind === "bucket" ? requireBucketArn(text, kind.bucket) : requireArn(text))),
  );
  const patterns = [...arns].map((arn): Pattern => {
    const pattern = parsePattern(arn, { wildcards: true, variables });
    if (pattern === undefined) throw malformed("Policy has invalid resource");
    return pattern;
  });
  return { negated, patterns };
}

/** "Resource: 1 … The value must match the ARN of the policy's topic" ("Policy quotas"); AWS's examples also have `*`. */
function parseTopicResource(
  { Resource: resource, NotResource: notResource }: Readonly<Record<string, unknown>>,
  topicArn: string,
  variables: boolean,
): Pattern {
  if (resource === undefined && notResource === undefined) throw malformed("Missing required field Resource");
  const [text, ...others] = asStrings(resource) ?? [];
  if (notResource !== undefined || text === undefined || others.length > 0) {
    throw malformed("Policy statement must apply to a single resource!");
  }
  const pattern = parsePattern(text, { wildcards: true, variables });
  if (pattern === undefined || !reach(pattern, topicArn).exactly) throw malformed("Policy has invalid resource");
  return pattern;
}

/** The reference system's console and SDK write `bucket/key*`. */
function requireBucketArn(text: string, bucket: string): string {
  if (text.startsWith(BUCKET_ARN)) return text;
  if (text === bucket || text.startsWith(`${bucket}/`)) return `${BUCKET_ARN}${text}`;
  throw malformed("Policy has invalid resource");
}

function requireArn(text: string): string {
  if (text === "*" || ANY_ARN.test(text)) return text;
  throw malformed(`Resource ${text.slice(0, 200)} must be in ARN format or "*".`);
}

/** The kinds of resources of the bucket that the pattern can match; empty if it is about other buckets. */
function resourceKinds(pattern: Pattern, bucket: string): readonly ResourceKind[] {
  const kinds: ResourceKind[] = [];
  if (reach(pattern, `${BUCKET_ARN}${bucket}`).exactly) kinds.push("bucket");
  if (reach(pattern, `${BUCKET_ARN}${bucket}/`).beyond) kinds.push("object");
  return kinds;
}

function matchingActions(pattern: Pattern): readonly string[] {
  if (pattern.isFixed) return KNOWN_ACTIONS.has(pattern.source) ? [pattern.source] : [];
  const reading = { lookUp: () => undefined, effort: new Effort() };
  return [...KNOWN_ACTIONS.keys()].filter((action) => matchesPattern(pattern, action, reading));
}

/**
 * Each action and each resource must be valid, each action must apply to one of the resources, and each condition key
 * must be known to the actions. For a wildcard it is enough that one of its actions fits (seen on AWS by versitygw).
 */
function refuseMismatches({ actions, resources, conditions }: Statement, bucket: string): void {
  const kinds = resources.patterns.map((pattern) => resourceKinds(pattern, bucket));
  if (kinds.some(({ length }) => length === 0)) throw malformed("Policy has invalid resource");
  const meant = actions.patterns.map((pattern) => matchingActions(pattern));
  if (meant.some(({ length }) => length === 0)) throw malformed("Policy has invalid action");
  if (actions.negated) return;
  if (!resources.negated) {
    const kindsMeant = new Set(kinds.flat());
    const fits = (action: string) => {
      const kind = KNOWN_ACTIONS.get(action);
      return kind !== undefined && kindsMeant.has(kind);
    };
    if (!meant.every((list) => list.some(fits))) {
      throw malformed("Action does not apply to any resource(s) in statement");
    }
  }
  // Only few families of keys are limited to certain actions, so this loop is short for any number of conditions.
  const families = new Set(conditions.map(({ key }) => actionsOf(key)));
  for (const family of families) {
    if (family === undefined || family === "*") continue;
    if (!meant.every((list) => list.some((action) => family.has(action)))) {
      throw malformed("Conditions do not apply to combination of actions and resources in statement");
    }
  }
}

function requireEither(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  notName: string,
): { readonly negated: boolean; readonly texts: readonly string[] } {
  const negated = fields[name] === undefined;
  const value = negated ? fields[notName] : fields[name];
  if (value === undefined) throw malformed(`Missing required field ${name}`);
  if (!negated && fields[notName] !== undefined) throw malformed("Invalid policy syntax.");
  const texts = asStrings(value);
  if (texts === undefined) throw malformed("Invalid policy syntax.");
  if (texts.length === 0) throw malformed(`Missing required field ${name} cannot be empty!`);
  return { negated, texts };
}

function malformed(message: string): S3Error {
  return new S3Error("MalformedPolicy", { message });
}
