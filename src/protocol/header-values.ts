/** Values of header fields: entity tags, tokens, and what may be stored or sent (RFC 9110, 5.5, 5.6.2 and 8.8.3). */
import { invalidArgument } from "../errors.ts";

const CONTROL_CHARACTER = /[\u0000-\u0008\u000a-\u001f\u007f]/;

/** Control characters other than the tab, which header values may contain (RFC 9110, 5.5). */
export function hasControlCharacter(text: string): boolean {
  return CONTROL_CHARACTER.test(text);
}

/**
 * Checks a value that will become a response header. Text beyond ASCII is read and written as UTF-8, so its bytes do
 * not change.
 *
 * @throws S3Error `InvalidArgument` for control characters.
 */
export function requireHeaderValue(name: string, value: string): string {
  if (hasControlCharacter(value)) throw invalidArgument("Header value contains control characters.", name, value);
  return value;
}

/** @throws S3Error `InvalidArgument` for characters beyond Latin-1, which AWS refuses in a header that a query sets. */
export function requireLatin1(name: string, value: string): string {
  if (!/[^\u0000-\u00ff]/u.test(value)) return value;
  throw invalidArgument("Header value cannot be represented using ISO-8859-1.", name, value);
}

/** Whether the text is a token (RFC 9110, 5.6.2), as header names are. */
export function isHeaderName(text: string): boolean {
  return /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/.test(text);
}

/** The entity tag with its quotes, as in headers and most documents (RFC 9110, 8.8.3). Our code keeps it without. */
export function formatETag(etag: string): string {
  return `"${etag}"`;
}

/** Removes the quotes. S3 clients send ETags with and without them. */
export function parseETag(text: string): string {
  const trimmed = text.trim();
  return trimmed.length >= 2 && trimmed.startsWith('"') && trimmed.endsWith('"') ? trimmed.slice(1, -1) : trimmed;
}
