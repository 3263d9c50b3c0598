/** An aws-chunked encoder for tests, which can also encode incorrectly. */
import { bytesOf, hmacHex, scopeOf, sha256Hex, signingKeyOf, TIMESTAMP } from "./support.ts";

export interface EncodedChunk {
  readonly data: Uint8Array;
  readonly signature: string | undefined;
}

/** Splits the data into chunks, including the empty last one, and signs each, starting from the seed. */
export function signChunks(data: Uint8Array, chunkBytes: number, seedSignature: string): EncodedChunk[] {
  const key = signingKeyOf({});
  const chunks: EncodedChunk[] = [];
  let previous = seedSignature;
  for (const piece of [...cut(data, chunkBytes), new Uint8Array()]) {
    const hash = sha256Hex(piece);
    const empty = sha256Hex(new Uint8Array());
    previous = hmacHex(key, `AWS4-HMAC-SHA256-PAYLOAD\n${TIMESTAMP}\n${scopeOf({})}\n${previous}\n${empty}\n${hash}`);
    chunks.push({ data: piece, signature: previous });
  }
  return chunks;
}

export function plainChunks(data: Uint8Array, chunkBytes: number): EncodedChunk[] {
  return [...cut(data, chunkBytes), new Uint8Array()].map((piece) => ({ data: piece, signature: undefined }));
}

export function signTrailers(trailers: string, previous: string): string {
  const hash = sha256Hex(bytesOf(trailers));
  return hmacHex(signingKeyOf({}), `AWS4-HMAC-SHA256-TRAILER\n${TIMESTAMP}\n${scopeOf({})}\n${previous}\n${hash}`);
}

/** Frames the chunks; `end` follows the header line of the last one. */
export function frame(chunks: readonly EncodedChunk[], end: string): Uint8Array {
  const parts = chunks.flatMap(({ data, signature }) => {
    const extension = signature === undefined ? "" : `;chunk-signature=${signature}`;
    const header = bytesOf(`${data.length.toString(16)}${extension}\r\n`);
    return data.length === 0 ? [header] : [header, data, bytesOf("\r\n")];
  });
  return concat([...parts, bytesOf(end)]);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

function cut(data: Uint8Array, chunkBytes: number): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let offset = 0; offset < data.length; offset += chunkBytes)
    pieces.push(data.subarray(offset, offset + chunkBytes));
  return pieces;
}
