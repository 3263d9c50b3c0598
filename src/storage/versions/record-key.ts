/**
 * Where the record of a version is in R2: at `~v/<bucketId>/<encoded key>!!<token>`. `~` never begins a bucket id.
 *
 * R2 lists records in the order of S3 keys and, within one key, newest first, for every key of 1 to 1,024 bytes:
 *
 * - Characters up to `!` are written as `!` and a letter, in their order. So an encoded key contains no control character,
 *   a prefix of a key is a prefix of the encoded key, and `!!` ends a key before any longer key that begins with it.
 * - An encoded key of more than `DIRECT_BYTES` bytes is cut at the first character that ends at or after that byte, followed
 *   by the SHA-256 of the whole key, which the record's metadata holds. Such a name is always longer than one that is not
 *   cut. Keys with the same head are neighbours, and a listing sorts them itself.
 */
import { createHash } from "node:crypto";
import type { VersionToken } from "../../model/version.ts";
import { clusterOfEntry, PREFIX_BYTES } from "../r2/entry-place.ts";

export const RECORD_PREFIX = "~v/";
const END_OF_KEY = "!!";
/** Encoded keys up to this many bytes are used as they are. A head, the hash and the rest are at most 1,016 bytes. */
export const DIRECT_BYTES = 920;
const BUCKET_ID_LENGTH = 12;
const TOKEN_LENGTH = 32;
/** SHA-256 in base64url. */
const HASH_LENGTH = 43;
/** For U+0000 to `!`. */
const LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh";
const LAST_ESCAPED = LETTERS.length - 1;

export function recordPrefix(bucketId: string): string {
  return `${RECORD_PREFIX}${bucketId}/`;
}

/** All records of a key begin with it, and no others. */
export function recordsOfKey(bucketId: string, key: string): string {
  const head = recordHead(key);
  const name = head === undefined ? encodeKey(key) : head + createHash("sha256").update(key).digest("base64url");
  return recordPrefix(bucketId) + name + END_OF_KEY;
}

/**
 * The same for the key of an entry. If that contains a hash of the S3 key, its head is the longer one, and the hash of the
 * records is the same.
 */
export function recordsOfEntry(entry: string): string {
  const bucketId = entry.slice(0, PREFIX_BYTES - 1);
  const name = entry.slice(PREFIX_BYTES);
  if (clusterOfEntry(entry) === undefined) return recordsOfKey(bucketId, name);
  const { head } = cut(name.slice(0, -HASH_LENGTH));
  return recordPrefix(bucketId) + encodeKey(head) + name.slice(-HASH_LENGTH) + END_OF_KEY;
}

export function recordKey(bucketId: string, key: string, token: VersionToken): string {
  return recordsOfKey(bucketId, key) + token;
}

export function tokenOfRecord(r2Key: string): VersionToken {
  return r2Key.slice(-TOKEN_LENGTH);
}

export function bucketOfRecord(r2Key: string): string {
  return r2Key.slice(RECORD_PREFIX.length, RECORD_PREFIX.length + BUCKET_ID_LENGTH);
}

/** What a record's key says: its token, and the S3 key or, if that was cut, the head. */
export function parseRecordKey(r2Key: string): {
  readonly token: VersionToken;
  readonly name: { readonly key: string } | { readonly head: string };
} {
  const token = tokenOfRecord(r2Key);
  const encoded = r2Key.slice(RECORD_PREFIX.length + BUCKET_ID_LENGTH + 1, -TOKEN_LENGTH - END_OF_KEY.length);
  const { head, isWhole } = cut(decodeKey(encoded));
  return { token, name: isWhole ? { key: head } : { head: encodeKey(head) } };
}

/** The S3 key of a record that does not say it; the head if it was cut. */
export function keyOfRecord(r2Key: string): string {
  const { name } = parseRecordKey(r2Key);
  return "key" in name ? name.key : name.head;
}

/** The encoded head of a key that is too long to be used as it is; undefined for all others. */
export function recordHead(key: string): string | undefined {
  const head = headOfKey(key);
  return head === undefined ? undefined : encodeKey(head);
}

/** The same as it is in the key. */
export function headOfKey(key: string): string | undefined {
  // A character is at most 3 bytes for each UTF-16 unit, so most keys need not be looked at.
  if (key.length * 3 <= DIRECT_BYTES) return undefined;
  const { head, isWhole } = cut(key);
  return isWhole ? undefined : head;
}

/** Escapes characters up to `!`; see above. */
export function encodeKey(key: string): string {
  let encoded = "";
  for (let index = 0; index < key.length; index++) {
    const code = key.charCodeAt(index);
    encoded += code <= LAST_ESCAPED ? `!${LETTERS.charAt(code)}` : key.charAt(index);
  }
  return encoded;
}

function decodeKey(encoded: string): string {
  return encoded.replace(/!([A-Za-h])/g, (_, letter: string) => String.fromCharCode(LETTERS.indexOf(letter)));
}

/** The beginning of a key that its record's name keeps. Counted without encoding, since a listing does this for each key. */
function cut(key: string): { readonly head: string; readonly isWhole: boolean } {
  let bytes = 0;
  let end = 0;
  let headEnd: number | undefined;
  while (end < key.length) {
    const codePoint = key.codePointAt(end) ?? 0;
    bytes += sizeOf(codePoint);
    end += codePoint < 0x10000 ? 1 : 2;
    if (headEnd === undefined && bytes >= DIRECT_BYTES) headEnd = end;
    if (bytes > DIRECT_BYTES) return { head: key.slice(0, headEnd), isWhole: false };
  }
  return { head: key, isWhole: true };
}

/** Bytes of a character in an encoded key. */
function sizeOf(codePoint: number): number {
  if (codePoint < 0x80) return codePoint <= LAST_ESCAPED ? 2 : 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}
