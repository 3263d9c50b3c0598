/** User metadata, `x-amz-meta-*` ("Working with object metadata", UsingMetadata). */
import { invalidArgument, S3Error } from "../errors.ts";
import { hasControlCharacter, isHeaderName } from "./header-values.ts";
import { decodeUtf8, utf8Length } from "./percent-encoding.ts";

const PREFIX = "x-amz-meta-";
/** "The sum of the number of bytes in the UTF-8 encoding of each key and value." */
export const MAX_USER_METADATA_BYTES = 2048;

/**
 * Reads the metadata from request headers: names in lower case without the prefix, values decoded. Decoded words may
 * contain any text, also control characters (recorded on AWS by LocalStack): answers always contain it encoded.
 *
 * @throws S3Error `MetadataTooLarge` over 2 KB; `InvalidArgument` for bare control characters and an empty name.
 */
export function parseUserMetadata(headers: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  return collect(headers, (raw, header) => {
    if (hasControlCharacter(raw)) throw invalidArgument("Metadata contains control characters.", header, raw);
    return decodeEncodedWords(raw.trim());
  });
}

/** The same from the fields of a form, whose values are not decoded, trimmed or refused (seen on AWS). */
export function parseFormMetadata(fields: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  return collect(fields, (value) => value);
}

function collect(
  headers: Iterable<readonly [string, string]>,
  decode: (raw: string, header: string) => string,
): Readonly<Record<string, string>> {
  const entries: [string, string][] = [];
  let sizeBytes = 0;
  for (const [header, raw] of headers) {
    const lower = header.toLowerCase();
    if (!lower.startsWith(PREFIX)) continue;
    const name = lower.slice(PREFIX.length);
    if (name === "") throw invalidArgument("Metadata must have a name.", lower, raw);
    const value = decode(raw, lower);
    sizeBytes += utf8Length(name) + utf8Length(value);
    entries.push([name, value]);
  }
  if (sizeBytes > MAX_USER_METADATA_BYTES) {
    throw new S3Error("MetadataTooLarge", {
      details: { Size: String(sizeBytes), MaxSizeAllowed: String(MAX_USER_METADATA_BYTES) },
    });
  }
  return Object.fromEntries(entries);
}

/**
 * The response headers of stored metadata. Values that a header would change or cannot carry become encoded words; text
 * that looks like an encoded word does not. As on AWS, `x-amz-missing-meta` counts the names that are not header names,
 * which forms allow.
 */
export function formatUserMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { headers, missing } = format(metadata, (value) => (isPlain(value) ? value : formatEncodedWord(value)));
  return { ...headers, ...(missing > 0 && { "x-amz-missing-meta": String(missing) }) };
}

/** Headers from which `parseUserMetadata` reads the same metadata. Names that are not header names cannot be sent. */
export function formatMetadataToSend(metadata: Readonly<Record<string, string>>): Record<string, string> {
  return format(metadata, (value) =>
    isPlain(value) && decodeEncodedWords(value) === value ? value : formatEncodedWord(value),
  ).headers;
}

function format(
  metadata: Readonly<Record<string, string>>,
  formatValue: (value: string) => string,
): { readonly headers: Record<string, string>; readonly missing: number } {
  const all = Object.entries(metadata);
  if (all.length === 0) return { headers: {}, missing: 0 };
  const named = all.filter(([name]) => isHeaderName(name));
  const headers = named.map(([name, value]) => [`${PREFIX}${name}`, formatValue(value)] as const);
  return { headers: Object.fromEntries(headers), missing: all.length - named.length };
}

/** Whether a header carries the value as it is. */
function isPlain(value: string): boolean {
  return /^[\t\u0020-\u007e]*$/.test(value) && value === value.trim();
}

/** Encoded words (RFC 2047) carry text beyond ASCII in metadata headers ("User-defined object metadata"). */
const ENCODED_WORD = /=\?([A-Za-z0-9-]+)(?:\*[A-Za-z0-9-]+)?\?([BbQq])\?([^?\s]*)\?=/;
const RUN = new RegExp(`${ENCODED_WORD.source}(?:[ \\t\\r\\n]+${ENCODED_WORD.source})*`, "g");

/** Decodes encoded words. Words that are malformed or in an unknown character set stay as they are. */
export function decodeEncodedWords(text: string): string {
  return text.includes("=?") ? text.replace(RUN, decodeRun) : text;
}

/** Adjacent words are one text: the space between them is not part of it, and encoders split characters. */
function decodeRun(run: string): string {
  let bytes: number[] = [];
  let charset: string | undefined;
  let decoded = "";
  for (const word of run.split(/[ \t\r\n]+/)) {
    const [, wordCharset = "", encoding = "", content = ""] = ENCODED_WORD.exec(word) ?? [];
    const wordBytes = encoding.toUpperCase() === "B" ? decodeBase64(content) : decodeQ(content);
    const normalised = wordCharset.toLowerCase();
    if (charset !== undefined && charset !== normalised) {
      const part = decodeBytes(bytes, charset);
      if (part === undefined) return run;
      decoded += part;
      bytes = [];
    }
    if (wordBytes === undefined) return run;
    charset = normalised;
    for (const byte of wordBytes) bytes.push(byte);
  }
  const rest = decodeBytes(bytes, charset ?? "");
  return rest === undefined ? run : decoded + rest;
}

function decodeBytes(bytes: readonly number[], charset: string): string | undefined {
  if (charset === "utf-8" || charset === "us-ascii") return decodeUtf8(Uint8Array.from(bytes));
  return charset === "iso-8859-1" ? Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") : undefined;
}

function decodeBase64(text: string): number[] | undefined {
  try {
    return Array.from(atob(text), (character) => character.charCodeAt(0));
  } catch {
    return undefined;
  }
}

function decodeQ(text: string): number[] | undefined {
  const bytes: number[] = [];
  for (const [token] of text.matchAll(/=[0-9A-Fa-f]{2}|./gs)) {
    if (token === "=" || token.charCodeAt(0) > 0x7e) return undefined;
    bytes.push(token.length === 3 ? Number.parseInt(token.slice(1), 16) : token === "_" ? 0x20 : token.charCodeAt(0));
  }
  return bytes;
}

/**
 * One encoded word of any length. As on AWS (recorded by LocalStack), text that is mostly ASCII uses the Q encoding,
 * other text Base64.
 */
export function formatEncodedWord(text: string): string {
  const bytes = new TextEncoder().encode(text);
  const plain = text.replaceAll(/[^\t\n\r\u0020-\u007e]/g, "").length;
  return plain > text.length - plain
    ? `=?UTF-8?Q?${Array.from(bytes, quoteByte).join("")}?=`
    : `=?UTF-8?B?${btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))}?=`;
}

function quoteByte(byte: number): string {
  const character = String.fromCharCode(byte);
  if (character === " ") return "_";
  if (/^[!-<>@-^`-~]$/.test(character)) return character;
  return `=${byte.toString(16).toUpperCase().padStart(2, "0")}`;
}
