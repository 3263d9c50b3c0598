/** The policy a form carries (sigv4-HTTPPOSTConstructPolicy): base64 of JSON, with an expiration and conditions. */

import { parseIso8601 } from "../../protocol/dates.ts";
import { decodeUtf8 } from "../../protocol/percent-encoding.ts";
import { invalidPolicy, type PolicyCondition, parseCondition } from "./conditions.ts";

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
    // Names are compared as they stand; `EXPIRATION` is another one.
    if (name !== "expiration" && name !== "conditions") throw invalidPolicy(`Unexpected: '${name}'`);
  }
  return { expiration: parseExpiration(members.expiration), conditions: parseConditions(members.conditions) };
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
 * S3 takes what JSON does not: `\$` and `\v` in strings ("Character Escaping"), and a comma after the last member, which
 * stands in the documentation's own example.
 */
function toStrictJson(json: string): string {
  // A string that is not closed goes to the end: looked for from each of its quotes, it would take seconds.
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
  // Lists and objects are not written out: they may be nested deeper than the stack goes.
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
