/** Which CORS rule a request falls under ("How does Amazon S3 evaluate the CORS configuration on a bucket?"). */
import type { CorsRule } from "../model/cors.ts";
import { hasControlCharacter, isHeaderName } from "../protocol/header-value.ts";

/** What a browser says about a request across origins, before it or with it. */
export interface CorsQuestion {
  /** `Origin`, as sent: `scheme://host[:port]` or `null`. */
  readonly origin: string;
  /** Of the request itself, or the one a preflight asks for. Compared with case, as methods are. */
  readonly method: string;
  /** Names in `Access-Control-Request-Headers`; undefined: more than are looked at. */
  readonly requestHeaders: readonly string[] | undefined;
}

export interface CorsMatch {
  readonly rule: CorsRule;
  /** `*` if that is what the rule says, else the origin that asked. */
  readonly allowOrigin: string;
  /** The headers asked for, all of them, in lower case: S3 answers them so (LocalStack's recordings of 2025). */
  readonly allowHeaders: readonly string[];
}

/**
 * The first rule that allows the origin, the method and every header asked for. Undefined if there is none.
 *
 * Origins are compared as they stand: with case, and `http://a` is not `http://a:80` (AWS "How do I configure CORS in
 * Amazon S3").
 */
export function evaluateCors(rules: readonly CorsRule[], question: CorsQuestion): CorsMatch | undefined {
  const { origin, method } = question;
  // Both are sent back. No server hands us such values, and if one did, they could not end a header here.
  const { requestHeaders } = question;
  if (origin === "" || hasControlCharacter(origin) || !requestHeaders?.every(isHeaderName)) return undefined;
  const allowHeaders = [...new Set(requestHeaders.map((name) => name.toLowerCase()))];
  for (const rule of rules) {
    if (!rule.allowedMethods.some((allowed) => allowed === method)) continue;
    const pattern = rule.allowedOrigins.find((allowed) => fits(allowed, origin));
    if (pattern === undefined || !allowsHeaders(rule, allowHeaders)) continue;
    return { rule, allowOrigin: pattern === "*" ? "*" : origin, allowHeaders };
  }
  return undefined;
}

/** Browsers ask for a dozen. A stranger's list is multiplied with a rule's, and sent back. */
const MAX_NAMES = 100;
/** What S3 takes of all headers together. */
const MAX_LIST_LENGTH = 8 * 1024;

/**
 * The names in a list header; empty elements count for nothing (RFC 9110, 5.6.1). Undefined if there are more than 100, for
 * which no rule is asked.
 */
export function parseHeaderNames(list: string | null): readonly string[] | undefined {
  if (list === null) return [];
  if (list.length > MAX_LIST_LENGTH) return undefined;
  const names = list
    .split(",")
    .map((name) => name.trim())
    .filter((name) => name !== "");
  return names.length > MAX_NAMES ? undefined : names;
}

function allowsHeaders({ allowedHeaders }: CorsRule, names: readonly string[]): boolean {
  if (names.length === 0 || allowedHeaders.includes("*")) return true;
  const patterns = allowedHeaders.map((pattern) => pattern.toLowerCase());
  const exact = new Set(patterns);
  const wild = patterns.filter((pattern) => pattern.includes("*"));
  return names.every((name) => exact.has(name) || wild.some((pattern) => fits(pattern, name)));
}

/** The one `*` stands for any text, also for none (ceph/s3-tests, `test_cors_origin_response`, which passes on AWS). */
function fits(pattern: string, text: string): boolean {
  const star = pattern.indexOf("*");
  if (star === -1) return pattern === text;
  const before = pattern.slice(0, star);
  const after = pattern.slice(star + 1);
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}
