/**
 * Bytes in large pieces. The platform hands out the body of a request in pieces of 4 KiB unless it is asked for more, and
 * each piece that passes through JavaScript costs several promises. Moved in pieces of 256 KiB that share one memory, a body
 * costs a JavaScript loop no more CPU than the platform's own pump (measured in workerd, 8 MiB into R2).
 */

/** Bytes that are read once, in order, by one reader. */
export interface Pieces {
  /**
   * The next piece, of at least one byte; undefined at the end. Its memory belongs to the caller, who may change it, until the
   * next call.
   */
  next(): Promise<Uint8Array | undefined>;
  /** Frees the source; without effect after the end. A call of `next` that is waiting for bytes ends. */
  cancel(reason: unknown): Promise<void>;
}

const PIECE_BYTES = 256 * 1024;

interface SizedReader {
  /** Resolves with fewer than `min` bytes only at the end of the stream. */
  read(
    view: Uint8Array<ArrayBuffer>,
    options: { readonly min: number },
  ): Promise<{ readonly done: boolean; readonly value?: Uint8Array<ArrayBuffer> | undefined }>;
  cancel(reason: unknown): Promise<void>;
}

/** The pieces of a stream. They are full, except the last, if it is a byte stream, as the platform's streams are. */
export class StreamPieces implements Pieces {
  readonly #stream: ReadableStream<Uint8Array>;
  /** Opened by the first read: a server that drains what a refused request sends cannot drain a locked stream. */
  #reader: SizedReader | undefined;
  readonly #pieceBytes: number;
  #memory: ArrayBuffer | undefined;

  /** @param atMostBytes how much the stream is expected to hold, so that little memory is taken for a small one */
  constructor(stream: ReadableStream<Uint8Array>, atMostBytes = PIECE_BYTES) {
    this.#stream = stream;
    this.#pieceBytes = Math.max(1, Math.min(PIECE_BYTES, atMostBytes));
  }

  async next(): Promise<Uint8Array | undefined> {
    for (;;) {
      const memory = this.#memory ?? new ArrayBuffer(this.#pieceBytes);
      this.#memory = undefined;
      const { done, value } = await this.#open().read(new Uint8Array(memory), { min: memory.byteLength });
      if (value !== undefined && value.length > 0) {
        this.#memory = value.buffer;
        return value;
      }
      if (done) return undefined;
    }
  }

  /** Leaves the memory of the last piece to the caller: the next piece gets another. */
  keep(): void {
    this.#memory = undefined;
  }

  async cancel(reason: unknown): Promise<void> {
    this.#memory = undefined;
    await this.#open().cancel(reason);
  }

  #open(): SizedReader {
    this.#reader ??= openReader(this.#stream);
    return this.#reader;
  }
}

function openReader(stream: ReadableStream<Uint8Array>): SizedReader {
  try {
    return stream.getReader({ mode: "byob" });
  } catch {
    // Streams created in JavaScript often are no byte streams. Their memory may still be in use where they were created.
    const reader = stream.getReader();
    return {
      read: async () => {
        const { done, value } = await reader.read();
        return { done, value: value && new Uint8Array(value) };
      },
      cancel: (reason) => reader.cancel(reason),
    };
  }
}

/** A stream as pieces, and pieces as they are. */
export function toPieces(content: ReadableStream<Uint8Array> | Pieces): Pieces {
  return content instanceof ReadableStream ? new StreamPieces(content) : content;
}

/**
 * All bytes in one memory.
 * @throws RangeError if there are not exactly `sizeBytes` of them
 */
export async function collect(pieces: Pieces, sizeBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  const whole = new Uint8Array(sizeBytes);
  let filled = 0;
  for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) {
    whole.set(piece, filled);
    filled += piece.length;
  }
  if (filled !== sizeBytes) throw new RangeError(`${filled} bytes instead of ${sizeBytes}`);
  return whole;
}
