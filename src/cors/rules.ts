/**
 * Which CORS rule a request matches ("How does Amazon S3 evaluate the CORS configuration on a bucket?"), and the
 * headers that the rule grants ("Testing CORS", and AWS's answers as LocalStack's tests recorded them).
 */
import type { CorsRule } from "../model/bucket.ts";
import { hasControlCharacter, isHeaderName } from "../protocol/header-values.ts";

/** A request across origins, as the browser describes it in a preflight or in the request itself. */
export interface CorsRequest {
  /** `Origin`, as sent: `scheme://host[:port]` or `null`. */
  readonly origin: string;
  /** Of the request itself, or the one that a preflight asks for. Methods are case-sensitive. */
  readonly method: string;
  /** Names in `Access-Control-Request-Headers`; undefined if there are more than are evaluated. */
  readonly requestHeaders: readonly string[] | undefined;
}

export interface CorsMatch {
  readonly rule: CorsRule;
  /** `*` if the rule has that origin, else the origin of the request. */
  readonly allowOrigin: string;
  /** All requested headers in lower case, as S3 answers (LocalStack's recordings of 2025). */
  readonly allowHeaders: readonly string[];
}

/**
 * The first rule that allows the origin, the method and every requested header; undefined without such a rule.
 *
 * Origins are compared as text: they are case-sensitive, and `http://a` is not `http://a:80` (AWS "How do I configure
 * CORS in Amazon S3").
 */
export function evaluateCors(rules: readonly CorsRule[], request: CorsRequest): CorsMatch | undefined {
  const { origin, method } = request;
  // Both are part of the answer. No server passes such values on, but they must not be able to end a header.
  const { requestHeaders } = request;
  if (origin === "" || hasControlCharacter(origin) || !requestHeaders?.every(isHeaderName)) return undefined;
  const allowHeaders = [...new Set(requestHeaders.map((name) => name.toLowerCase()))];
  for (const rule of rules) {
    if (!rule.allowedMethods.some((allowed) => allowed === method)) continue;
    const pattern = rule.allowedOrigins.find((allowed) => matchesPattern(allowed, origin));
    if (pattern === undefined || !allowsHeaders(rule, allowHeaders)) continue;
    return { rule, allowOrigin: pattern === "*" ? "*" : origin, allowHeaders };
  }
  return undefined;
}

/**
 * Browsers ask for a dozen. Any client can send a longer list, which is compared with the rule's list and sent back.
 */
export const MAX_NAMES = 100;
/** S3 limits all headers together to this. */
const MAX_LIST_LENGTH = 8 * 1024;

/**
 * The names in a list header, without empty elements (RFC 9110, 5.6.1). Undefined if there are more than 100, which no
 * rule allows.
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
  return names.every((name) => exact.has(name) || wild.some((pattern) => matchesPattern(pattern, name)));
}

/** The only `*` matches any text, also empty text (ceph/s3-tests, `test_cors_origin_response`, which passes on AWS). */
function matchesPattern(pattern: string, text: string): boolean {
  const star = pattern.indexOf("*");
  if (star === -1) return pattern === text;
  const before = pattern.slice(0, star);
  const after = pattern.slice(star + 1);
  return text.length >= before.length + after.length && text.startsWith(before) && text.endsWith(after);
}

/** AWS's order. */
const VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/**
 * Adds the CORS headers to an answer, also to an error, so that a page can read it.
 *
 * As on AWS, Access-Control-Request-Method and -Headers are also read on the request itself, if a client sends them.
 * Deviation: AWS leaves `Vary` out where no rule matches. An answer of a bucket with rules may differ for another
 * origin, and a cache that does not know this would return the answer without headers to a page of an allowed origin
 * (Fetch, "CORS protocol and HTTP caches").
 *
 * @param rules of the bucket; undefined if it has no rules or is unknown.
 */
export function addCorsHeaders(
  answer: { readonly headers: Headers },
  request: { readonly method: string; readonly headers: Headers },
  rules: readonly CorsRule[] | undefined,
): void {
  if (rules === undefined) return;
  answer.headers.append("vary", VARY);
  const origin = request.headers.get("origin");
  if (origin === null) return;
  const match = evaluateCors(rules, {
    origin,
    method: request.headers.get("access-control-request-method") ?? request.method,
    requestHeaders: parseHeaderNames(request.headers.get("access-control-request-headers")),
  });
  if (match === undefined) return;
  for (const [name, value] of Object.entries(formatCorsHeaders(match))) answer.headers.set(name, value);
}

/** The headers that a rule grants, on a preflight and on the request itself. */
function formatCorsHeaders({ rule, allowOrigin, allowHeaders }: CorsMatch): Record<string, string> {
  return {
    "access-control-allow-origin": allowOrigin,
    "access-control-allow-methods": rule.allowedMethods.join(", "),
    ...(allowHeaders.length > 0 && { "access-control-allow-headers": allowHeaders.join(", ") }),
    ...(rule.exposeHeaders.length > 0 && { "access-control-expose-headers": rule.exposeHeaders.join(", ") }),
    ...(rule.maxAgeSeconds !== undefined && { "access-control-max-age": String(rule.maxAgeSeconds) }),
    // A browser refuses credentials together with `*` (Fetch, "CORS check").
    ...(allowOrigin !== "*" && { "access-control-allow-credentials": "true" }),
  };
}
