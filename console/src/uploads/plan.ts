/** How a file is cut. */

const MIB = 1024 ** 2;

/** Files up to this size are one request. */
export const SINGLE_MAX_BYTES = 16 * MIB;
/** Small enough that five of them in memory are little, and that a repeated one costs little. */
const PART_BYTES = 8 * MIB;
/** S3's limit. */
const MAX_PARTS = 10_000;

export interface Part {
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/** Undefined for a file that is sent as a whole. Parts have equal sizes except the last. */
export function planParts(sizeBytes: number): readonly Part[] | undefined {
  if (sizeBytes <= SINGLE_MAX_BYTES) return undefined;
  const size = Math.max(PART_BYTES, Math.ceil(sizeBytes / MAX_PARTS / MIB) * MIB);
  return Array.from({ length: Math.ceil(sizeBytes / size) }, (_none, index) => ({
    number: index + 1,
    start: index * size,
    end: Math.min(sizeBytes, (index + 1) * size),
  }));
}
