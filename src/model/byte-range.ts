/**
 * Byte ranges, from the request to the answer (RFC 9110, 14): `Range` is parsed, resolved against the size of an
 * object, and answered as `Content-Range`.
 */
import { invalidArgument } from "../errors.ts";

/** First and last position as requested, both inclusive. */
export type ByteRange =
  | { readonly kind: "from"; readonly first: number; readonly last?: number }
  | { readonly kind: "suffix"; readonly length: number };

/** The part of an object to read: a range, or one of its parts by position, from 1. */
export type Selection = ByteRange | { readonly kind: "part"; readonly partNumber: number };

/** A range within the size of an object. */
export interface ResolvedRange {
  readonly offset: number;
  readonly length: number;
}

const SINGLE_RANGE = /^bytes=(\d*)-(\d*)$/i;

/**
 * Parses `bytes=0-99`, `bytes=100-` and `bytes=-100`.
 *
 * Undefined means the whole object: no header, another unit, a malformed or inverted range, and more than one range,
 * which S3 does not serve.
 */
export function parseRange(header: string | null): ByteRange | undefined {
  const match = SINGLE_RANGE.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [, first = "", last = ""] = match;
  if (first === "") return last === "" ? undefined : { kind: "suffix", length: toPosition(last) };
  if (last === "") return { kind: "from", first: toPosition(first) };
  // Compared before they are rounded: both may be beyond what a number holds exactly.
  if (BigInt(first) > BigInt(last)) return undefined;
  return { kind: "from", first: toPosition(first), last: toPosition(last) };
}

/** No object has 2^53 bytes, so every larger position means the same. */
function toPosition(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}

export const COPY_SOURCE_RANGE_HEADER = "x-amz-copy-source-range";

/** A range with both ends, which S3 requires in this header. */
export interface CopySourceRange extends Extract<ByteRange, { kind: "from" }> {
  readonly last: number;
  readonly header: string;
}

/** Unlike `Range`, a malformed value is an error. */
export function parseCopySourceRange(header: string | null): CopySourceRange | undefined {
  if (header === null) return undefined;
  const [, first, last] = /^bytes=(\d{1,15})-(\d{1,15})$/.exec(header) ?? [];
  if (first === undefined || last === undefined || Number(first) > Number(last)) {
    const message =
      "The x-amz-copy-source-range value must be of the form bytes=first-last where first and last are the zero-based offsets of the first and last bytes to copy";
    throw invalidArgument(message, COPY_SOURCE_RANGE_HEADER, header);
  }
  return { kind: "from", first: Number(first), last: Number(last), header };
}

/** `Range` header of a range. */
export function formatRange(range: ByteRange): string {
  return range.kind === "suffix" ? `bytes=-${range.length}` : `bytes=${range.first}-${range.last ?? ""}`;
}

/**
 * Resolves a range against the size of an object (RFC 9110, 14.1.2). For an empty object only a suffix range is
 * satisfiable, and means the whole object (tried on AWS by versitygw's authors).
 * @returns undefined for the whole object, as without a range
 */
export function resolveRange(range: ByteRange, sizeBytes: number): ResolvedRange | "unsatisfiable" | undefined {
  if (range.kind === "suffix") {
    if (range.length === 0) return "unsatisfiable";
    if (sizeBytes === 0) return undefined;
    const length = Math.min(range.length, sizeBytes);
    return { offset: sizeBytes - length, length };
  }
  if (range.first >= sizeBytes) return "unsatisfiable";
  const last = Math.min(range.last ?? sizeBytes - 1, sizeBytes - 1);
  return { offset: range.first, length: last - range.first + 1 };
}

/** `Content-Range` of a 206. */
export function formatContentRange(range: ResolvedRange, sizeBytes: number): string {
  return `bytes ${range.offset}-${range.offset + range.length - 1}/${sizeBytes}`;
}
