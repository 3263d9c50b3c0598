import { describe, expect, it } from "vitest";
import { parseRange, resolveRange } from "../../../src/model/byte-range.ts";

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

  it.each([1, 65_536])("the last %i bytes of an empty object are the whole object", (length) => {
    expect(resolveRange({ kind: "suffix", length }, 0)).toBeUndefined();
  });
});

const HUGE = "9".repeat(30);
const MAX = Number.MAX_SAFE_INTEGER;

describe("parseRange", () => {
  it.each([
    ["bytes=0-0", { kind: "from", first: 0, last: 0 }],
    ["bytes=5-9", { kind: "from", first: 5, last: 9 }],
    ["Bytes=005-09", { kind: "from", first: 5, last: 9 }],
    [" bytes=5- ", { kind: "from", first: 5 }],
    ["bytes=-7", { kind: "suffix", length: 7 }],
    ["bytes=-0", { kind: "suffix", length: 0 }],
    [`bytes=0-${HUGE}`, { kind: "from", first: 0, last: MAX }],
    [`bytes=${HUGE}-${HUGE}9`, { kind: "from", first: MAX, last: MAX }],
    [`bytes=-${HUGE}`, { kind: "suffix", length: MAX }],
  ])("reads %s", (header, expected) => {
    expect(parseRange(header)).toEqual(expected);
  });

  it.each([
    null,
    "",
    "bytes",
    "bytes=",
    "bytes=-",
    "bytes=a-b",
    "bytes=1-a",
    "bytes=+1-2",
    "bytes=1.0-2",
    "bytes=5-4",
    `bytes=${HUGE}9-${HUGE}`,
    "bytes=0-1,3-4",
    "bytes=0-1,",
    "items=0-1",
    "0-1",
    "bytes=--1",
    "bytes= -1",
    "bytes= 0-1",
    "bytes=0 -1",
    "bytes=0- 1",
    "bytes =0-1",
    "bytes=\t-1",
  ])("reads %j as the whole object", (header) => {
    expect(parseRange(header)).toBeUndefined();
  });
});

describe("resolveRange of a header", () => {
  it.each([
    ["bytes=0-0", 10, { offset: 0, length: 1 }],
    ["bytes=0-", 10, { offset: 0, length: 10 }],
    ["bytes=9-9", 10, { offset: 9, length: 1 }],
    ["bytes=5-100", 10, { offset: 5, length: 5 }],
    [`bytes=5-${HUGE}`, 10, { offset: 5, length: 5 }],
    ["bytes=-3", 10, { offset: 7, length: 3 }],
    ["bytes=-100", 10, { offset: 0, length: 10 }],
    ["bytes=10-", 10, "unsatisfiable"],
    ["bytes=10-20", 10, "unsatisfiable"],
    [`bytes=${HUGE}-`, 10, "unsatisfiable"],
    ["bytes=-0", 10, "unsatisfiable"],
    ["bytes=0-", 0, "unsatisfiable"],
    ["bytes=0-0", 0, "unsatisfiable"],
    ["bytes=-0", 0, "unsatisfiable"],
    ["bytes=-1", 0, undefined],
  ])("resolves %s against %i bytes", (header, size, expected) => {
    const range = parseRange(header);
    expect(range && resolveRange(range, size)).toEqual(expected);
  });
});
