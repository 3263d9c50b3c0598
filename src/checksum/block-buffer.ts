/**
 * Collects bytes into blocks that begin at an aligned address, so that a hash may read them as 32-bit words. A full
 * buffer is handed on only when more bytes follow, since some hashes treat the last block differently.
 */

/** A multiple of every block size of the xxHash family, small enough for a fast cache. */
export const BUFFER_BYTES = 16 * 1024;

/** Words are read in the platform's order, which is little-endian wherever V8 runs. */
export class BlockBuffer {
  readonly bytes = new Uint8Array(BUFFER_BYTES);
  readonly words = new Int32Array(this.bytes.buffer);
  /** How many bytes of the buffer are filled. */
  filled = 0;
  /** Bytes of the whole input so far. */
  total = 0;
  readonly #consume: () => void;

  /** @param consume takes all of the buffer */
  constructor(consume: () => void) {
    this.#consume = consume;
  }

  append(input: Uint8Array): void {
    this.total += input.length;
    for (let taken = 0; taken < input.length; ) {
      if (this.filled === BUFFER_BYTES) {
        this.#consume();
        this.filled = 0;
      }
      const piece = input.subarray(taken, taken + BUFFER_BYTES - this.filled);
      this.bytes.set(piece, this.filled);
      this.filled += piece.length;
      taken += piece.length;
    }
  }
}
