/** User metadata, `x-amz-meta-*` ("Working with object metadata", UsingMetadata). */
import { invalidArgument, S3Error } from "../errors.ts";
import { decodeEncodedWords, formatEncodedWord } from "./encoded-words.ts";
import { hasControlCharacter, isHeaderName } from "./header-value.ts";
import { utf8Length } from "./percent-encoding.ts";

const PREFIX = "x-amz-meta-";
/** "The sum of the number of bytes in the UTF-8 encoding of each key and value." */
export const MAX_USER_METADATA_BYTES = 2048;

/**
 * Takes the metadata out of request headers: names in lower case without the prefix, values decoded. What words decode to
 * may be any text, control characters included (recorded on AWS by LocalStack): it is only ever shown encoded again.
 *
 * @throws S3Error `MetadataTooLarge` over 2 KB; `InvalidArgument` for bare control characters and an empty name.
 */
export function parseUserMetadata(headers: Iterable<readonly [string, string]>): Readonly<Record<string, string>> {
  return collect(headers, (raw, header) => {
    if (hasControlCharacter(raw)) throw invalidArgument("Metadata contains control characters.", header, raw);
    return decodeEncodedWords(raw.trim());
  });
}

/** The same of a form's fields, which are text as they are: nothing in them is decoded, trimmed or refused (seen on AWS). */
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
 * The response headers of stored metadata. Values that a header would change or cannot carry become encoded words, text that
 * looks like one does not; names that are no header names (forms allow them) are counted in `x-amz-missing-meta`, as AWS does.
 */
export function formatUserMetadata(metadata: Readonly<Record<string, string>>): Record<string, string> {
  const { headers, missing } = format(metadata, (value) => (isPlain(value) ? value : formatEncodedWord(value)));
  return { ...headers, ...(missing > 0 && { "x-amz-missing-meta": String(missing) }) };
}

/** Headers that say the same to whoever reads them as `parseUserMetadata` does. Names that are no header names cannot be sent. */
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
  const named = all.filter(([name]) => isHeaderName(name));
  const headers = named.map(([name, value]) => [`${PREFIX}${name}`, formatValue(value)] as const);
  return { headers: Object.fromEntries(headers), missing: all.length - named.length };
}

/** Whether a header carries the value as it is. */
function isPlain(value: string): boolean {
  return /^[\t\u0020-\u007e]*$/.test(value) && value === value.trim();
}
