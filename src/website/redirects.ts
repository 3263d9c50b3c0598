/**
 * Which routing rule a request matches, where that redirects it ("Configuring advanced conditional redirects"), and the
 * `Location` header that says so.
 *
 * The sender of a request cannot decide where a Location leads: keys are percent-encoded. Text of the bucket's owner
 * stays as written, except for characters that no URL may contain.
 */
import type { Redirect, RoutingRule } from "../model/website.ts";
import { percentEncodeByte, uriEncode } from "../protocol/percent-encoding.ts";

export interface Redirection {
  readonly status: number;
  readonly location: string;
}

/** The first rule without an error code that matches the requested key. Evaluated before any object is read. */
export function findRuleForKey(rules: readonly RoutingRule[], key: string): RoutingRule | undefined {
  return rules.find(({ condition }) => condition?.errorCode === undefined && matchesKeyPrefix(condition, key));
}

/** The first rule with this error code that matches the requested key. */
export function findRuleForError(rules: readonly RoutingRule[], key: string, status: number): RoutingRule | undefined {
  return rules.find(({ condition }) => condition?.errorCode === status && matchesKeyPrefix(condition, key));
}

function matchesKeyPrefix(condition: RoutingRule["condition"], key: string): boolean {
  return key.startsWith(condition?.keyPrefix ?? "");
}

export interface WebsiteRequest {
  /** As requested: without the index document's suffix. */
  readonly key: string;
  readonly scheme: RedirectTarget["scheme"];
  readonly host: string;
  /** The prefix of keys in paths of this host, encoded: empty, or `bucket/`. */
  readonly base: string;
  /** Without `?`, as sent. */
  readonly query: string;
}

/**
 * The redirect of a rule. Parts of the URL that the rule does not name come from the request. As on AWS, the query of
 * the request is dropped only if the rule replaces the whole key.
 *
 * @param defaultStatus for rules without HttpRedirectCode
 */
export function applyRule(rule: RoutingRule, request: WebsiteRequest, defaultStatus: 301 | 302): Redirection {
  const { redirect } = rule;
  const target = {
    scheme: redirect.protocol ?? request.scheme,
    host: redirect.hostName ?? request.host,
    rest: `${redirect.hostName === undefined ? request.base : ""}${newKey(rule, request.key)}`,
    query: redirect.replaceKeyWith === undefined ? request.query : "",
  };
  return { status: redirect.statusCode ?? defaultStatus, location: formatLocation(target) };
}

function newKey({ condition, redirect }: RoutingRule, key: string): string {
  const { replaceKeyWith, replaceKeyPrefixWith }: Redirect = redirect;
  if (replaceKeyWith !== undefined) return encodeWritten(replaceKeyWith);
  if (replaceKeyPrefixWith === undefined) return encodeKey(key);
  const rest = key.slice(condition?.keyPrefix?.length ?? 0);
  return encodeWritten(replaceKeyPrefixWith) + encodeKey(rest);
}

/** A key after a `/`. A slash at its beginning is encoded, because the rest would otherwise be a host (`//host/…`). */
export function encodeKey(key: string): string {
  return uriEncode(key, "keep-slash").replace(/^\/+/, (slashes) => "%2F".repeat(slashes.length));
}

/**
 * Text of a configuration, of an object's redirect location, or a query as sent: `?`, `#` and escapes keep their
 * meaning (single-page sites use `#!/` as a prefix). Control characters, blanks, quotes and everything beyond ASCII are
 * percent-encoded.
 */
export function encodeWritten(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x7e]|["<>\\^`{|}]|%(?![0-9A-Fa-f]{2})/gu, (character) => {
    return Array.from(new TextEncoder().encode(character), percentEncodeByte).join("");
  });
}

export interface RedirectTarget {
  readonly scheme: "http" | "https";
  /** Host with port, or with more if a rule says so. */
  readonly host: string;
  /** The text after the slash that follows the host, encoded. */
  readonly rest: string;
  /** Without `?`, as sent; empty without a query. */
  readonly query: string;
}

export function formatLocation({ scheme, host, rest, query }: RedirectTarget): string {
  return `${scheme}://${encodeWritten(host)}/${rest}${query === "" ? "" : `?${encodeWritten(query)}`}`;
}
