import type { ByteRange, ResolvedRange } from "./object.ts";

/**
 * Fits a range to an object (RFC 9110, 14.1.2). Of an empty object the last bytes are all of it, and no other range is
 * satisfiable (tried on AWS by versitygw's authors).
 * @returns undefined for all of the object, as if no range had been asked for
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
