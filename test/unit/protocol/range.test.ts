import { describe, expect, it } from "vitest";
import { resolveRange } from "../../../src/model/object.ts";
import { parseRange } from "../../../src/protocol/range.ts";

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
  ])("takes %j for the whole object", (header) => {
    expect(parseRange(header)).toBeUndefined();
  });
});

describe("resolveRange", () => {
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
  ])("fits %s to %i bytes", (header, size, expected) => {
    const range = parseRange(header);
    expect(range && resolveRange(range, size)).toEqual(expected);
  });
});
