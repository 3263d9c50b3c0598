import type { ByteRange, ResolvedRange } from "./object.ts";

/** Fits a range to an object (RFC 9110, 14.1.2). No range is satisfiable on an empty object, as in S3. */
export function resolveRange(range: ByteRange, sizeBytes: number): ResolvedRange | "unsatisfiable" {
  if (sizeBytes === 0) return "unsatisfiable";
  if (range.kind === "suffix") {
    if (range.length === 0) return "unsatisfiable";
    const length = Math.min(range.length, sizeBytes);
    return { offset: sizeBytes - length, length };
  }
  if (range.first >= sizeBytes) return "unsatisfiable";
  const last = Math.min(range.last ?? sizeBytes - 1, sizeBytes - 1);
  return { offset: range.first, length: last - range.first + 1 };
}
