/**
 * `Location` headers, built so that nobody who only sends a request decides where they lead: keys are percent-encoded,
 * and what a bucket's owner wrote stays as written but for what no URL may hold.
 */
import { percentEncodeByte, uriEncode } from "../protocol/percent-encoding.ts";

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

export interface Target {
  readonly scheme: "http" | "https";
  /** Host with port, or more if that is what a rule says. */
  readonly host: string;
  /** What follows the slash after the host, encoded. */
  readonly rest: string;
  /** Without `?`, as sent; empty: none. */
  readonly query: string;
}

export function formatLocation({ scheme, host, rest, query }: Target): string {
  return `${scheme}://${encodeWritten(host)}/${rest}${query === "" ? "" : `?${encodeWritten(query)}`}`;
}
