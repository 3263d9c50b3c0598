/**
 * The policy of a form, which is base64 of JSON with an expiration and conditions, and whether the form complies with
 * it (sigv4-HTTPPOSTConstructPolicy).
 */

import { S3Error } from "../../errors.ts";
import { isCustomerKeyName } from "../../protocol/customer-key-headers.ts";
import { parseIso8601 } from "../../protocol/dates.ts";
import { decodeUtf8 } from "../../protocol/percent-encoding.ts";
import { type FileSizeRange, fulfils, invalidPolicy, type PolicyCondition, parseCondition } from "./conditions.ts";

export interface PostPolicy {
  readonly expiration: Date;
  readonly conditions: readonly PolicyCondition[];
}

/**
 * @param text the `policy` field
 * @throws S3Error `InvalidPolicyDocument`
 */
export function parsePolicyDocument(text: string): PostPolicy {
  const members = parseMembers(decodePolicy(text));
  for (const name of Object.keys(members)) {
    // Names are case-sensitive: `EXPIRATION` is unknown.
    if (name !== "expiration" && name !== "conditions") throw invalidPolicy(`Unexpected: '${name}'`);
  }
  return { expiration: parseExpiration(members.expiration), conditions: parseConditions(members.conditions) };
}

/**
 * A policy for an error document: `***` if it has a condition on a customer's key, or cannot be read and may have one. Its base64
 * has no part without the key that would still be the string to sign.
 */
export function shownPolicy(text: string): string {
  return mayHaveCustomerKey(text) ? "***" : text;
}

function mayHaveCustomerKey(text: string): boolean {
  let json: string;
  try {
    json = decodePolicy(text);
  } catch {
    return false;
  }
  try {
    return parsePolicyDocument(text).conditions.some(
      (condition) =>
        condition.operator !== "content-length-range" &&
        condition.field !== undefined &&
        isCustomerKeyName(condition.field),
    );
  } catch {
    // A name may be written with escapes.
    return /customer-key|\\u/i.test(json);
  }
}

function decodePolicy(text: string): string {
  try {
    const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
    const json = decodeUtf8(bytes);
    if (json !== undefined) return json;
  } catch {
    throw invalidPolicy("invalid Base64 encoding.");
  }
  throw invalidPolicy("Invalid JSON.");
}

function parseMembers(json: string): Readonly<Record<string, unknown>> {
  if (json.trim() === "") throw invalidPolicy("Expecting '{' but found End-of-Input");
  let value: unknown;
  try {
    value = JSON.parse(toStrictJson(json));
  } catch {
    throw invalidPolicy("Invalid JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw invalidPolicy("Invalid JSON.");
  return Object.fromEntries(Object.entries(value));
}

/**
 * S3 accepts more than JSON: `\$` and `\v` in strings ("Character Escaping"), and a comma after the last member, as in
 * the documentation's own example.
 */
function toStrictJson(json: string): string {
  // An unclosed string extends to the end: searching for its end from each of its quotes would take seconds.
  return json.replace(/"(?:[^"\\]|\\.)*(?:"|$)|,(?=\s*[\]}])/gs, (token) => {
    if (token === ",") return "";
    return token.replace(/\\(.)/gs, (sequence, character) => {
      if (character === "$") return "$";
      return character === "v" ? "\\u000b" : sequence;
    });
  });
}

function parseExpiration(value: unknown): Date {
  if (value === undefined) throw invalidPolicy("Policy missing expiration.");
  // Lists and objects are not shown: they may be nested deeper than the stack allows.
  const text = typeof value === "object" ? "" : String(value);
  // "in ISO8601 GMT date format": an offset is refused.
  const expiration = typeof value === "string" && /^\S+Z$/.test(value) ? parseIso8601(value) : undefined;
  if (expiration === undefined) throw invalidPolicy(`Invalid 'expiration' value: '${text}'`);
  return expiration;
}

function parseConditions(value: unknown): readonly PolicyCondition[] {
  if (value === undefined) throw invalidPolicy("Policy missing conditions.");
  if (!Array.isArray(value)) throw invalidPolicy("Invalid 'conditions' value: must be a List.");
  return value.map(parseCondition);
}

export interface PolicySubject {
  /** The bucket that the request is addressed to; a field of that name has no meaning. */
  readonly bucket: string;
  /** Values by lower-case name. */
  readonly fields: ReadonlyMap<string, string>;
}

/**
 * Fields that conditions need not cover: the signature's own (of Version 2 as well), and those that AWS documents as
 * ignored.
 */
const EXEMPT: ReadonlySet<string> = new Set(["x-amz-signature", "file", "policy", "awsaccesskeyid", "signature"]);
const IGNORED = "x-ignore-";

export const ANY_FILE_SIZE: FileSizeRange = { minBytes: 0, maxBytes: Number.POSITIVE_INFINITY };

/**
 * @returns the policy's limits for the file, which has not been read yet
 * @throws S3Error `AccessDenied` for an expired policy, a condition that does not hold, and a field without a condition
 */
export function applyPolicy({ expiration, conditions }: PostPolicy, subject: PolicySubject, now: Date): FileSizeRange {
  if (now.getTime() > expiration.getTime()) throw violated("Policy expired.");
  // The bucket is in the URL but counts as a field: a policy that does not name a bucket is valid for none.
  const fields = new Map([...subject.fields, ["bucket", subject.bucket]]);
  const range = checkConditions(conditions, fields);
  const covered = new Set(conditions.map((condition) => ("field" in condition ? condition.field : undefined)));
  for (const field of fields.keys()) {
    if (EXEMPT.has(field) || field.startsWith(IGNORED) || covered.has(field)) continue;
    throw violated(`Extra input fields: ${field}`);
  }
  return range;
}

function checkConditions(conditions: readonly PolicyCondition[], fields: ReadonlyMap<string, string>): FileSizeRange {
  let { minBytes, maxBytes } = ANY_FILE_SIZE;
  for (const condition of conditions) {
    if (condition.operator !== "content-length-range") {
      const value = condition.field === undefined ? undefined : fields.get(condition.field);
      if (!fulfils(condition, value)) throw violated(`Policy Condition failed: ${condition.written}`);
      continue;
    }
    if (condition.range === undefined) throw violated(`Policy Condition failed: ${condition.written}`);
    minBytes = Math.max(minBytes, condition.range.minBytes);
    maxBytes = Math.min(maxBytes, condition.range.maxBytes);
  }
  return { minBytes, maxBytes };
}

function violated(reason: string): S3Error {
  return new S3Error("AccessDenied", { message: `Invalid according to Policy: ${reason}` });
}
