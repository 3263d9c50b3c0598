/**
 * SHA-256 of a body. Files are read into a few buffers that are used again: `Blob.arrayBuffer()` leaves its memory to a
 * collector that notices it late, so that a page that hashes 1 GiB in pieces of 8 MiB grows to 1 GiB (Chromium).
 */

const spare: ArrayBuffer[] = [];
const MAX_SPARE = 6;

export async function sha256(body: string | Blob): Promise<Uint8Array> {
  if (typeof body === "string") return digest(new TextEncoder().encode(body));
  const { size } = body;
  if (size === 0) return digest(new Uint8Array());
  const reader = byteReader(body);
  if (reader === undefined) return digest(new Uint8Array(await body.arrayBuffer()));
  let buffer = takeBuffer(size);
  let read = 0;
  try {
    while (read < size) {
      const { done, value } = await reader.read(new Uint8Array(buffer, read, size - read));
      // Each read takes the buffer, and returns it.
      if (value !== undefined) buffer = value.buffer;
      if (done) throw new Error("The file has become shorter.");
      read += value.byteLength;
    }
    return await digest(new Uint8Array(buffer, 0, size));
  } finally {
    if (buffer.byteLength > 0 && spare.length < MAX_SPARE) spare.push(buffer);
    reader.cancel().catch(() => undefined);
  }
}

/** Undefined in browsers whose blobs are no byte streams. */
function byteReader(blob: Blob): ReadableStreamBYOBReader | undefined {
  try {
    return blob.stream().getReader({ mode: "byob" });
  } catch {
    return undefined;
  }
}

function takeBuffer(size: number): ArrayBuffer {
  const index = spare.findIndex(({ byteLength }) => byteLength >= size);
  const [found] = index === -1 ? [] : spare.splice(index, 1);
  if (found !== undefined) return found;
  // One that is too small would only take a place.
  spare.pop();
  return new ArrayBuffer(size);
}

async function digest(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}
