import { describe, expect, test } from "vitest";
import { formatHex } from "../../../src/checksum/digests.ts";
import { createHasher } from "../../../src/checksum/hasher.ts";
import { XXHASH_VECTORS } from "./xxhash-vectors.ts";

const ALGORITHMS = ["XXHASH64", "XXHASH3", "XXHASH128"] as const;
const LONGEST = Math.max(...XXHASH_VECTORS.map(([bytes]) => bytes));
const SEQUENCE = Uint8Array.from(
  { length: LONGEST },
  (_, i) => Math.imul(Math.imul(i + 1, i + 1), 2654435761 | 0) >>> 24,
);

function digest(algorithm: (typeof ALGORITHMS)[number], pieces: Iterable<Uint8Array>): string {
  const hasher = createHasher(algorithm);
  for (const piece of pieces) hasher.update(piece);
  return formatHex(hasher.digest());
}

function* cut(bytes: Uint8Array, sizes: readonly number[]): Generator<Uint8Array> {
  for (let start = 0, index = 0; start < bytes.length; index++) {
    const end = start + (sizes[index % sizes.length] ?? 1);
    yield bytes.subarray(start, end);
    start = end;
  }
}

describe("published values of the empty input", () => {
  test.each([
    ["XXHASH64", "ef46db3751d8e999"],
    ["XXHASH3", "2d06800538d394c2"],
    ["XXHASH128", "99aa06d3014798d86001c324468d497f"],
  ] as const)("%s", (algorithm, expected) => {
    expect(digest(algorithm, [])).toBe(expected);
    expect(digest(algorithm, [new Uint8Array(), new Uint8Array()])).toBe(expected);
  });
});

describe("values of the reference implementation", () => {
  test.each(XXHASH_VECTORS)("%i bytes", (length, ...expected) => {
    const bytes = SEQUENCE.subarray(0, length);
    expect(ALGORITHMS.map((algorithm) => digest(algorithm, [bytes]))).toEqual(expected);
  });

  test.each([[[1]], [[63, 1]], [[16_384]], [[16_383, 2]], [[7, 1000, 64, 5000]], [[50_000]]])(
    "in chunks of %j bytes, at any offset in their buffer",
    (sizes) => {
      for (const [length, ...expected] of XXHASH_VECTORS.filter(([bytes]) => bytes > 0)) {
        const moved = new Uint8Array(length + 3);
        moved.set(SEQUENCE.subarray(0, length), 3);
        const pieces = [...cut(moved.subarray(3), sizes)];
        expect(ALGORITHMS.map((algorithm) => digest(algorithm, pieces))).toEqual(expected);
      }
    },
  );
});
