import { describe, expect, test } from "vitest";
import { collect, type Pieces, StreamPieces, toPieces } from "../../../src/model/pieces.ts";

const KIB = 1024;
const numbered = (length: number) => Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 255);
/** A byte stream, as a request's body is. */
const byteStream = (bytes: Uint8Array<ArrayBuffer>) => new Blob([bytes]).stream();

async function sizesOf(pieces: Pieces): Promise<number[]> {
  const sizes: number[] = [];
  for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) sizes.push(piece.length);
  return sizes;
}

describe("pieces of a byte stream", () => {
  test("are full, except the last", async () => {
    expect(await sizesOf(new StreamPieces(byteStream(numbered(600 * KIB))))).toEqual([256 * KIB, 256 * KIB, 88 * KIB]);
    expect(await sizesOf(new StreamPieces(byteStream(new Uint8Array())))).toEqual([]);
  });

  test("share one memory, unless the last one was kept", async () => {
    const pieces = new StreamPieces(byteStream(numbered(30)), 10);
    const first = await pieces.next();
    expect(first).toEqual(numbered(30).subarray(0, 10));
    const second = await pieces.next();
    expect(first?.length).toBe(0);
    pieces.keep();
    expect(await pieces.next()).toEqual(numbered(30).subarray(20));
    expect(second).toEqual(numbered(30).subarray(10, 20));
  });

  test("lock the stream only when they are read", async () => {
    const stream = byteStream(numbered(10));
    const pieces = new StreamPieces(stream);
    expect(stream.locked).toBe(false);
    await pieces.next();
    expect(stream.locked).toBe(true);
  });

  test("may be more than expected", async () => {
    expect(await collect(new StreamPieces(byteStream(numbered(1000)), 7), 1000)).toEqual(numbered(1000));
  });
});

test("pieces of a stream made in JavaScript are copies", async () => {
  const original = numbered(10);
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(original);
      controller.close();
    },
  });
  (await toPieces(stream).next())?.fill(0);
  expect(original).toEqual(numbered(10));
});

test.each([999, 1001])("%i bytes instead of 1000 are not collected", async (sizeBytes) => {
  await expect(collect(toPieces(byteStream(numbered(sizeBytes))), 1000)).rejects.toThrow(RangeError);
});
