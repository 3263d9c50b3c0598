import { describe, expect, it } from "vitest";
import { compareBytes } from "../../../src/model/byte-order.ts";

/** The definition: as memcmp on UTF-8. */
function byDefinition(left: string, right: string): number {
  return Math.sign(Buffer.compare(Buffer.from(left, "utf8"), Buffer.from(right, "utf8")));
}

const samples = [
  "",
  "\0",
  " ",
  "a",
  "a\0",
  "a/",
  "a0",
  "ab",
  "b",
  "~",
  "\u007f",
  "\u0080",
  "é",
  "\u07ff",
  "\u0800",
  "\ud7ff",
  "\ue000",
  "\uffff",
  "\u{10000}",
  "\u{1f600}",
  "\u{10ffff}",
  "a\uffff",
  "a\u{10000}",
  "a\u{10000}b",
  "\u{1f600}\uffff",
  "\u{1f600}\u{10000}",
];

describe("compareBytes", () => {
  it("orders any two strings as their UTF-8 bytes", () => {
    for (const left of samples) {
      for (const right of samples) {
        expect([left, right, Math.sign(compareBytes(left, right))]).toEqual([left, right, byDefinition(left, right)]);
      }
    }
  });

  it("orders random strings as their UTF-8 bytes", () => {
    let state = 1;
    const next = (limit: number) => {
      state = (Math.imul(state, 1103515245) + 12345) >>> 0;
      return (state >>> 8) % limit;
    };
    const points = [0x41, 0x42, 0x7f, 0xe9, 0x7ff, 0xffff, 0xfffd, 0x10000, 0x10ffff, 0x1f600];
    const text = () =>
      Array.from({ length: next(5) }, () => String.fromCodePoint(points[next(points.length)] ?? 0)).join("");
    for (let round = 0; round < 5000; round++) {
      const [left, right] = [text(), text()];
      expect([left, right, Math.sign(compareBytes(left, right))]).toEqual([left, right, byDefinition(left, right)]);
    }
  });

  it("differs from JavaScript's own order where UTF-8 does", () => {
    expect("\uffff" < "\u{10000}").toBe(false);
    expect(compareBytes("\uffff", "\u{10000}")).toBeLessThan(0);
  });
});
