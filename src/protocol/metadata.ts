/** User metadata, `x-amz-meta-*` ("Working with object metadata", UsingMetadata). */
import { invalidArgument, S3Error } from "../errors.ts";
import { decodeEncodedWords, formatEncodedWord } from "./encoded-words.ts";
import { hasControlCharacter, isHeaderName } from "./header-value.ts";
import { decodeUtf8, utf8Length } from "./percent-encoding.ts";

const PREFIX = "x-amz-meta-";
/** "The sum of the number of bytes in the UTF-8 encoding of each key and value." */
export const MAX_USER_METADATA_BYTES = 2048;

/**
 * Takes the metadata out of request headers: names in lower case without the prefix, values decoded.
 *
 * @throws S3Error `MetadataTooLarge` over 2 KB; `InvalidArgument` for control characters and an empty name.
 */
export function parseUserMetadata(headers: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  return collect(headers, (raw) => decodeEncodedWords(decodeRawUtf8(raw.trim())));
}

/** The same of a form's fields, which are text as they stand: nothing in them is decoded or trimmed (seen on AWS). */
export function parseFormMetadata(fields: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  return collect(fields, (value) => value);
}

function collect(
  headers: Iterable<readonly [string, string]>,
  decode: (raw: string) => string,
): Readonly<Record<string, string>> {
  const entries: [string, string][] = [];
  let sizeBytes = 0;
  for (const [header, raw] of headers) {
    const lower = header.toLowerCase();
    if (!lower.startsWith(PREFIX)) continue;
    const name = lower.slice(PREFIX.length);
    if (name === "") throw invalidArgument("Metadata must have a name.", lower, raw);
    const value = decode(raw);
    if (hasControlCharacter(value)) throw invalidArgument("Metadata contains control characters.", lower, raw);
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

/** Headers show one character per byte, and clients that send text beyond ASCII unencoded send UTF-8. */
function decodeRawUtf8(value: string): string {
  if (!/[\u0080-\u00ff]/.test(value) || /[^\u0000-\u00ff]/u.test(value)) return value;
  return decodeUtf8(Uint8Array.from(value, (character) => character.charCodeAt(0))) ?? value;
}

/**
 * The response headers of stored metadata. Values that a header would change or cannot carry become encoded words;
 * names that are no header names (forms allow them) are counted in `x-amz-missing-meta`, as AWS does.
 */
export function formatUserMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const headers: [string, string][] = [];
  let missing = 0;
  for (const [name, value] of Object.entries(metadata)) {
    if (isHeaderName(name)) headers.push([`${PREFIX}${name}`, formatValue(value)]);
    else missing++;
  }
  if (missing > 0) headers.push(["x-amz-missing-meta", String(missing)]);
  return Object.fromEntries(headers);
}

function formatValue(value: string): string {
  const isVerbatim = /^[\u0020-\u007e]*$/.test(value) && value === value.trim() && decodeEncodedWords(value) === value;
  return isVerbatim ? value : formatEncodedWord(value);
}
