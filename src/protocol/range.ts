/**
 * The Range header (RFC 9110, 14.2; API_GetObject, Range). What fits an object is for `resolveRange` in
 * `model/byte-range.ts` to say.
 */
import type { ByteRange } from "../model/object.ts";

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

/** Beyond 2^53 no object reaches, so every larger position means the same. */
function toPosition(digits: string): number {
  return Math.min(Number(digits), Number.MAX_SAFE_INTEGER);
}
