/** The form of each field of a record, as docs/storage-schema.md describes it. Names that only a later release knows pass. */
import { parseBase64 } from "../checksum/digests.ts";
import { CHECKSUM_ALGORITHMS, CHECKSUM_BYTES, type ChecksumAlgorithm } from "../model/checksum.ts";
import { STORAGE_CLASSES } from "../model/object.ts";
import { isNullToken, isVersionMarker } from "../model/version.ts";
import type { EntryRecord } from "../storage/r2/entry-record.ts";

type Check = (value: unknown) => boolean;

/** S3's limit on `x-amz-meta-*`, in bytes. */
const MAX_USER_METADATA_BYTES = 2048;
const MAX_TAGS = 10;
export const MAX_KEY_BYTES = 1024;

const encoder = new TextEncoder();
const bytesOf = (text: string) => encoder.encode(text).byteLength;

const isText: Check = (value) => typeof value === "string";
const isName: Check = (value) => typeof value === "string" && value !== "";
const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isOne: Check = (value) => value === 1;
const isToken: Check = (value) => typeof value === "string" && isVersionMarker(value);
const isBlobSetId: Check = (value) => typeof value === "string" && /^[a-z0-9]{27}$/.test(value);
const isList = (value: unknown): value is readonly unknown[] => Array.isArray(value);
const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !isList(value);

function isTuple(value: unknown, checks: readonly Check[], least = checks.length): boolean {
  if (!isList(value) || value.length < least || value.length > checks.length) return false;
  return value.every((part, index) => checks[index]?.(part) === true);
}

function isUserMetadata(value: unknown): boolean {
  if (!isObject(value) || !Object.values(value).every(isText)) return false;
  const sizes = Object.entries(value).map(([name, text]) => bytesOf(name) + bytesOf(String(text)));
  return sizes.reduce((sum, size) => sum + size, 0) <= MAX_USER_METADATA_BYTES;
}

function isTags(value: unknown): boolean {
  return isList(value) && value.length <= MAX_TAGS && value.every((tag) => isTuple(tag, [isName, isText]));
}

function isAlgorithm(value: unknown): value is ChecksumAlgorithm {
  return CHECKSUM_ALGORITHMS.some((algorithm) => algorithm === value);
}

function isChecksum(value: unknown): boolean {
  if (!isTuple(value, [isAlgorithm, isText, (type) => type === "FULL_OBJECT" || type === "COMPOSITE"])) return false;
  const [algorithm, text, type] = value as [ChecksumAlgorithm, string, string];
  const digest = type === "COMPOSITE" ? text.replace(/-\d+$/, "") : text;
  return parseBase64(digest, CHECKSUM_BYTES[algorithm]) !== undefined;
}

function isEncryption(value: unknown): boolean {
  const isFlag: Check = (flag) => flag === 0 || flag === 1;
  return (
    isTuple(value, [(kind) => kind === "C", isName]) ||
    isTuple(value, [(kind) => kind === "K", isName, isKeyArn, isFlag, isText, isCount], 4)
  );
}

function isKeyArn(value: unknown): boolean {
  return typeof value === "string" && /^arn:aws:kms:[a-z0-9-]{1,64}:\d{12}:key\/[0-9a-f-]{36}$/.test(value);
}

function isManifestSummary(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { n, e, b, k, p } = value;
  const hasParts = p === undefined || (isList(p) && p.every((part) => isTuple(part, [isName, isCount])));
  return isCount(n) && isName(e) && isBlobSetId(b) && (k === undefined || isCount(k)) && hasParts;
}

const FIELDS: { readonly [Name in keyof Required<EntryRecord>]: Check } = {
  w: isText,
  o: isName,
  m: isUserMetadata,
  c: isChecksum,
  x: isText,
  s: (value) => STORAGE_CLASSES.some((name) => name === value),
  r: isName,
  g: isTags,
  a: (value) => isList(value) && value.every((grant) => isName(grant)),
  l: (value) => Number.isFinite(value),
  k: isName,
  t: isOne,
  p: (value) => value === 1 || value === "R",
  u: isText,
  v: (value) => isTuple(value, [(revision) => Number.isFinite(revision), isText]),
  i: isName,
  d: (value) => isTuple(value, [isText, (time) => Number.isFinite(time)]),
  q: isOne,
  e: isEncryption,
  A: isBlobSetId,
  n: (value) => isTuple(value, [isText, isText, isRenamed], 2),
  f: isManifestSummary,
  V: isToken,
  P: isToken,
  N: (value) => isToken(value) && isNullToken(String(value)),
  D: isOne,
  R: isCount,
  S: isCount,
  U: isOne,
  L: (value) => isTuple(value, [(mode) => mode === "G" || mode === "C", (until) => Number.isFinite(until)]),
  H: (value) => value === 0 || value === 1,
};

function isRenamed(value: unknown): boolean {
  return isTuple(value, [isText, (time) => Number.isFinite(time), isText]);
}

/** Names of the fields whose value has another form. */
export function invalidFields(record: EntryRecord): string[] {
  const names = Object.keys(FIELDS) as (keyof EntryRecord)[];
  return names.filter((name) => record[name] !== undefined && !FIELDS[name](record[name]));
}

export function isKeyTooLong(key: string): boolean {
  return bytesOf(key) > MAX_KEY_BYTES;
}
