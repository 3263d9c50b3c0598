import { describe, expect, it } from "vitest";
import { blobSlices } from "../../../src/storage/r2/blobs.ts";

const BLOBS = [
  { key: "a", sizeBytes: 5 },
  { key: "empty", sizeBytes: 0 },
  { key: "b", sizeBytes: 1 },
  { key: "c", sizeBytes: 4 },
];
const WHOLE = "AAAAABCCCC";

describe("blobSlices", () => {
  it("cuts every range into exactly its bytes, each blob once and in order", () => {
    const content = new Map([
      ["a", "AAAAA"],
      ["b", "B"],
      ["c", "CCCC"],
    ]);
    for (let offset = 0; offset <= WHOLE.length; offset++) {
      for (let length = 0; offset + length <= WHOLE.length; length++) {
        const slices = blobSlices(BLOBS, { offset, length });
        const joined = slices.map(({ key, range }) =>
          content.get(key)?.slice(range.offset, range.offset + range.length),
        );
        expect([offset, length, joined.join("")]).toEqual([offset, length, WHOLE.slice(offset, offset + length)]);
        expect(slices.every(({ range }) => range.length > 0)).toBe(true);
        expect(new Set(slices.map(({ key }) => key)).size).toBe(slices.length);
      }
    }
  });

  it("returns nothing for no blobs", () => {
    expect(blobSlices([], { offset: 0, length: 0 })).toEqual([]);
  });
});
