import { describe, expect, it } from "vitest";
import { resolveRange } from "../../../src/model/object.ts";

describe("resolveRange", () => {
  // RFC 9110, 14.1.2: its examples are of a representation of 10,000 bytes.
  it.each([
    [{ kind: "from", first: 0, last: 499 }, 10_000, { offset: 0, length: 500 }],
    [{ kind: "from", first: 500, last: 999 }, 10_000, { offset: 500, length: 500 }],
    [{ kind: "suffix", length: 500 }, 10_000, { offset: 9_500, length: 500 }],
    [{ kind: "from", first: 9_500 }, 10_000, { offset: 9_500, length: 500 }],
    [{ kind: "from", first: 0, last: 0 }, 10_000, { offset: 0, length: 1 }],
    [{ kind: "from", first: 9_999 }, 10_000, { offset: 9_999, length: 1 }],
    [{ kind: "from", first: 0, last: 99_999 }, 10_000, { offset: 0, length: 10_000 }],
    [{ kind: "suffix", length: 99_999 }, 10_000, { offset: 0, length: 10_000 }],
    [{ kind: "suffix", length: 1 }, 1, { offset: 0, length: 1 }],
    [{ kind: "from", first: 0, last: Number.MAX_SAFE_INTEGER }, 1, { offset: 0, length: 1 }],
  ] as const)("%j of %i bytes is %j", (range, sizeBytes, expected) => {
    expect(resolveRange(range, sizeBytes)).toEqual(expected);
  });

  it.each([
    [{ kind: "from", first: 10 }, 10],
    [{ kind: "from", first: 10, last: 20 }, 10],
    [{ kind: "from", first: Number.MAX_SAFE_INTEGER }, 10],
    [{ kind: "suffix", length: 0 }, 10],
    [{ kind: "from", first: 0 }, 0],
    [{ kind: "from", first: 0, last: 0 }, 0],
    [{ kind: "suffix", length: 0 }, 0],
  ] as const)("%j of %i bytes is unsatisfiable", (range, sizeBytes) => {
    expect(resolveRange(range, sizeBytes)).toBe("unsatisfiable");
  });

  it.each([1, 65_536])("the last %i bytes of an empty object are all of it", (length) => {
    expect(resolveRange({ kind: "suffix", length }, 0)).toBeUndefined();
  });
});
