/** The CORS headers of answers ("Testing CORS", and AWS's answers as LocalStack's tests recorded them). */
import type { CorsRule } from "../model/cors.ts";
import { type CorsMatch, evaluateCors, parseHeaderNames } from "./evaluate.ts";

/** In AWS's order. */
const VARY = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";

/**
 * Adds what a browser must read on the answer to a request, also where that answer is an error: a page may then see
 * what went wrong.
 *
 * As on AWS, Access-Control-Request-Method and -Headers count on real requests too where a client sends them.
 * Deviation: AWS leaves `Vary` out where no rule fits. Any answer of a bucket with rules might have been another one for
 * another origin, and a cache that was not told would hand the answer without headers to a page that may have them
 * (Fetch, "CORS protocol and HTTP caches").
 *
 * @param rules of the bucket; undefined if it has none or is not known.
 */
export function addCorsHeaders(
  answer: Headers,
  request: { readonly method: string; readonly headers: Headers },
  rules: readonly CorsRule[] | undefined,
): void {
  if (rules === undefined) return;
  answer.append("vary", VARY);
  const origin = request.headers.get("origin");
  if (origin === null) return;
  const match = evaluateCors(rules, {
    origin,
    method: request.headers.get("access-control-request-method") ?? request.method,
    requestHeaders: parseHeaderNames(request.headers.get("access-control-request-headers")),
  });
  if (match === undefined) return;
  for (const [name, value] of Object.entries(formatCorsHeaders(match))) answer.set(name, value);
}

/** All that a rule grants, on a preflight and on the request itself. */
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
