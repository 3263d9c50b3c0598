/**
 * Policy documents, parsed and checked (IAM User Guide, "Grammar of the IAM JSON policy language"; S3 User Guide,
 * "Policies and permissions in Amazon S3"). Messages are AWS's where AWS has been seen to give one.
 */
import { S3Error } from "../../errors.ts";
import { asRecord, parseStrictJson } from "./json.ts";
import { type PolicyKind, parseStatement, type Statement } from "./statement.ts";

/** A policy that is ready to be evaluated. It contains functions and cannot be stored: store the text. */
export interface PolicyDocument {
  /**
   * ARN of the bucket or topic that the policy is attached to and limited to; undefined for policies of users and
   * sessions.
   */
  readonly attachedTo: string | undefined;
  readonly statements: readonly Statement[];
}

/** "Bucket policies are limited to 20 KB in size", without white space, in UTF-8 bytes. */
export const MAX_POLICY_BYTES = 20 * 1024;
/** "Policy quotas" of "Amazon SNS API permissions", counted the same way. */
export const MAX_TOPIC_POLICY_BYTES = 30 * 1024;
const MAX_TOPIC_STATEMENTS = 100;
/** Including white space, in UTF-8 bytes. */
export const MAX_POLICY_TEXT_BYTES = 64 * 1024;

const VERSIONS = ["2008-10-17", "2012-10-17"];
const FIELDS = ["Version", "Id", "Statement"];

/**
 * @throws S3Error `MalformedPolicy`. A stored policy that cannot be parsed any more must be treated as one that denies
 *   everything.
 */
export function parsePolicy(text: string, kind: PolicyKind): PolicyDocument {
  return parse(text, kind, false);
}

/**
 * Parses a policy that `parsePolicy` has accepted before.
 * @throws S3Error `MalformedPolicy`
 */
export function parseStoredPolicy(text: string, kind: PolicyKind): PolicyDocument {
  return parse(text, kind, true);
}

function parse(text: string, kind: PolicyKind, isStored: boolean): PolicyDocument {
  if (!text.startsWith("{")) throw malformed("Policies must be valid JSON and the first byte must be '{'");
  if (byteLength(text) > MAX_POLICY_TEXT_BYTES) throw tooLarge();
  const document = asRecord(parseStrictJson(text)?.value);
  if (document === undefined) throw malformed("This policy contains invalid Json");
  const maxBytes = kind.kind === "topic" ? MAX_TOPIC_POLICY_BYTES : MAX_POLICY_BYTES;
  if (byteLength(JSON.stringify(document)) > maxBytes) throw tooLarge();

  const unknown = Object.keys(document).find((field) => !FIELDS.includes(field));
  if (unknown !== undefined) throw malformed(`Unknown field ${unknown.slice(0, 100)}`);
  const { Version: version = "2008-10-17", Id: id, Statement: listed } = document;
  if (typeof version !== "string" || !VERSIONS.includes(version)) {
    throw malformed("The policy must contain a valid version string");
  }
  if (id !== undefined && typeof id !== "string") throw malformed("Invalid policy syntax.");
  if (listed === undefined) throw malformed("Missing required field Statement");
  const list: readonly unknown[] = Array.isArray(listed) ? listed : [listed];
  if (list.length === 0) throw malformed("Could not parse the policy: Statement is empty!");
  if (kind.kind === "user") refuseRepeatedSids(list);
  if (kind.kind === "topic") refuseUnnamed(list);

  const syntax = { kind, variables: version === "2012-10-17", isStored };
  return {
    attachedTo: attachmentArn(kind),
    statements: list.map((statement) => parseStatement(statement, syntax)),
  };
}

function attachmentArn(kind: PolicyKind): string | undefined {
  switch (kind.kind) {
    case "bucket":
      return `arn:aws:s3:::${kind.bucket}`;
    case "topic":
      return kind.topicArn;
    case "user":
      return undefined;
    default:
      return kind satisfies never;
  }
}

/** "Each statement in a policy must have a unique statement sid" (SNS): only a single statement may omit it. */
function refuseUnnamed(statements: readonly unknown[]): void {
  if (statements.length > MAX_TOPIC_STATEMENTS) throw malformed("Policy has too many statements");
  const sids = statements.map((statement) => asRecord(statement)?.Sid);
  if (new Set(sids).size < sids.length) throw malformed("Every policy statement must have a unique ID");
}

/** IAM's rule; S3 accepts any Sid. */
function refuseRepeatedSids(statements: readonly unknown[]): void {
  const sids = statements.flatMap((statement) => asRecord(statement)?.Sid ?? []);
  if (new Set(sids).size < sids.length) throw malformed("Statement IDs (SID) in a single policy must be unique.");
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function tooLarge(): S3Error {
  return malformed("Policy exceeds the maximum allowed document size.");
}

function malformed(message: string): S3Error {
  return new S3Error("MalformedPolicy", { message });
}
