/**
 * Which routing rule a request matches, where that redirects it ("Configuring advanced conditional redirects"), and the
 * `Location` header that says so.
 *
 * Locations are built so that nobody who only sends a request decides where they lead: keys are percent-encoded,
 * and what a bucket's owner wrote stays as written but for what no URL may hold.
 */
import type { Redirect, RoutingRule } from "../model/website.ts";
import { percentEncodeByte, uriEncode } from "../protocol/percent-encoding.ts";

export interface Redirection {
  readonly status: number;
  readonly location: string;
}

/** The first rule that asks for no error and fits the key as it was asked for, before any object is looked at. */
export function findRuleForKey(rules: readonly RoutingRule[], key: string): RoutingRule | undefined {
  return rules.find(({ condition }) => condition?.errorCode === undefined && matchesKeyPrefix(condition, key));
}

/** The first rule that asks for this error and fits the key as it was asked for. */
export function findRuleForError(rules: readonly RoutingRule[], key: string, status: number): RoutingRule | undefined {
  return rules.find(({ condition }) => condition?.errorCode === status && matchesKeyPrefix(condition, key));
}

function matchesKeyPrefix(condition: RoutingRule["condition"], key: string): boolean {
  return key.startsWith(condition?.keyPrefix ?? "");
}

export interface WebsiteRequest {
  /** As asked for: without the index document's suffix. */
  readonly key: string;
  readonly scheme: RedirectTarget["scheme"];
  readonly host: string;
  /** What stands before keys in paths of this host, encoded: nothing, or `bucket/`. */
  readonly base: string;
  /** Without `?`, as sent. */
  readonly query: string;
}

/**
 * Where the rule leads. What the redirect does not name stays as the request has it. A whole key that takes the place of
 * the request's comes without its query, everything else keeps it (as AWS does).
 *
 * @param defaultStatus of rules without HttpRedirectCode
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

/** A key below a `/` that stands before it. A slash at its own start would make the rest a host (`//host/…`). */
export function encodeKey(key: string): string {
  return uriEncode(key, "keep-slash").replace(/^\/+/, (slashes) => "%2F".repeat(slashes.length));
}

/**
 * Text of a configuration, of an object's redirect location, or a query as it was sent: `?`, `#` and escapes keep their
 * meaning (`#!/` as a prefix is what many a single-page site lives by). Controls, blanks, quotes and everything beyond
 * ASCII are percent-encoded.
 */
export function encodeWritten(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x7e]|["<>\\^`{|}]|%(?![0-9A-Fa-f]{2})/gu, (character) => {
    return Array.from(new TextEncoder().encode(character), percentEncodeByte).join("");
  });
}

export interface RedirectTarget {
  readonly scheme: "http" | "https";
  /** Host with port, or more if that is what a rule says. */
  readonly host: string;
  /** What follows the slash after the host, encoded. */
  readonly rest: string;
  /** Without `?`, as sent; empty: none. */
  readonly query: string;
}

export function formatLocation({ scheme, host, rest, query }: RedirectTarget): string {
  return `${scheme}://${encodeWritten(host)}/${rest}${query === "" ? "" : `?${encodeWritten(query)}`}`;
}
