/**
 * CORS for the console's one origin, on every surface that signed requests reach. It needs no rules of buckets, since every
 * request that it lets through is signed by keys that the page was given: nothing is answered that the same request without a
 * browser would not be. There is no credentials mode, so browsers add neither cookies nor client certificates.
 *
 * Origins are compared as text, with the one that the settings name. For every other origin, the rules of the bucket decide.
 */
import { isHeaderName } from "../protocol/header-values.ts";
import { parseHeaderNames } from "./rules.ts";

/** PATCH is the admin API's. */
const METHODS = "GET, HEAD, PUT, POST, DELETE, PATCH";
/** Browsers keep a preflight's answer for two hours at most (Chromium). */
const MAX_AGE_SECONDS = "7200";
const ALLOWED = "access-control-";

interface Answered {
  readonly method: string;
  readonly headers: Headers;
}

/** Whether it is a preflight from the console, which is answered without a look at anything stored. */
export function isConsolePreflight({ method, headers }: Answered, consoleOrigin: string | undefined): boolean {
  if (method !== "OPTIONS" || consoleOrigin === undefined) return false;
  return headers.get("origin") === consoleOrigin && headers.has("access-control-request-method");
}

/**
 * Adds to any answer that it varies by origin, and to one for the console the headers that let its page read all of it.
 * @param answer its headers can be changed
 */
export function addConsoleCors(answer: { readonly headers: Headers }, request: Answered, consoleOrigin: string): void {
  const { headers } = answer;
  // A cache must not give the console what another origin was answered.
  if (!/(?:^|,)\s*origin\s*(?:,|$)/i.test(headers.get("vary") ?? "")) headers.append("vary", "Origin");
  if (request.headers.get("origin") !== consoleOrigin) return;
  for (const name of [...headers.keys()]) if (name.startsWith(ALLOWED)) headers.delete(name);
  headers.set("access-control-allow-origin", consoleOrigin);
  // Without credentials, `*` is all headers (Fetch, "CORS protocol"): metadata has any name.
  headers.set("access-control-expose-headers", "*");
  if (!isConsolePreflight(request, consoleOrigin)) return;
  headers.set("access-control-allow-methods", METHODS);
  headers.set("access-control-max-age", MAX_AGE_SECONDS);
  const names = parseHeaderNames(request.headers.get("access-control-request-headers"))?.filter(isHeaderName) ?? [];
  if (names.length > 0) headers.set("access-control-allow-headers", names.join(", ").toLowerCase());
}
