/** Cache-Control of an answer, as shared caches read it (RFC 9111, 5.2.2). */

/** Directives with which a shared cache must not keep an answer, or not use it without asking again. */
const FORBIDDEN = new Set(["no-store", "no-cache", "private", "must-understand"]);
/** A directive: a token, and a value as a token or quoted. */
const DIRECTIVE = /^\s*([!#$%&'*+.^_`|~0-9a-z-]+)(?:=(?:"([^"\\]*)"|([^\s",;]*)))?\s*$/i;

/**
 * How many seconds a shared cache may use an answer: `s-maxage`, else `max-age`. 0 if it must not, if no time is stated, or if
 * anything about the header is unclear.
 */
export function sharedLifetimeSeconds(cacheControl: string | null): number {
  if (cacheControl === null) return 0;
  const stated = new Map<string, string>();
  for (const part of cacheControl.split(",")) {
    if (part.trim() === "") continue;
    const match = DIRECTIVE.exec(part);
    const name = match?.[1]?.toLowerCase();
    if (match === null || name === undefined || FORBIDDEN.has(name)) return 0;
    if ((name === "max-age" || name === "s-maxage") && stated.has(name)) return 0;
    stated.set(name, match[2] ?? match[3] ?? "");
  }
  const seconds = stated.get("s-maxage") ?? stated.get("max-age") ?? "";
  return /^\d{1,10}$/.test(seconds) ? Number(seconds) : 0;
}
