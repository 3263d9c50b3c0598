import { describe, expect, it } from "vitest";
import { readPack } from "../../../src/console/pack.ts";

/** A pack written by hand, independent of the one that writes them. */
function pack(list: readonly object[], ...contents: readonly number[][]): ArrayBuffer {
  const head = new TextEncoder().encode(`${JSON.stringify(list)}\n`);
  return Uint8Array.from([...head, ...contents.flat()]).buffer;
}

describe("readPack", () => {
  it("returns the bytes of each file by its path", () => {
    const file = { contentType: "text/plain", hash: "h", isImmutable: true };
    const files = readPack(
      pack(
        [
          { ...file, path: "/a", length: 3 },
          { ...file, path: "/b", length: 0 },
          { ...file, path: "/c", length: 2 },
        ],
        [10, 1, 2],
        [],
        [3, 10],
      ),
    );
    expect([...files].map(([path, { gzipped }]) => [path, [...gzipped]])).toEqual([
      ["/a", [10, 1, 2]],
      ["/b", []],
      ["/c", [3, 10]],
    ]);
    expect(files.get("/a")).toMatchObject(file);
  });
});
