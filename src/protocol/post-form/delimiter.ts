/** Finds one fixed sequence of bytes in a stream of pieces: Horspool's search, which steps over most of them unread. */
export class Delimiter {
  readonly bytes: Uint8Array;
  /** How far to go on if the window ends in this byte. */
  readonly #shifts: Uint8Array;

  /** @param text one character a byte, 1 to 255 of them */
  constructor(text: string) {
    this.bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const { length } = this.bytes;
    this.#shifts = new Uint8Array(256).fill(length);
    for (const [index, byte] of this.bytes.subarray(0, -1).entries()) this.#shifts[byte] = length - 1 - index;
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Where it begins; -1 if it is not there as a whole. */
  indexIn(piece: Uint8Array): number {
    const last = this.length - 1;
    for (let start = 0; start + last < piece.length; start += this.#shifts[piece[start + last] ?? 0] ?? 1) {
      if (this.#matches(piece, start, this.length)) return start;
    }
    return -1;
  }

  /** How many bytes at the end of a piece without it may be its beginning. */
  overlap(piece: Uint8Array): number {
    for (let length = Math.min(this.length - 1, piece.length); length > 0; length--) {
      if (this.#matches(piece, piece.length - length, length)) return length;
    }
    return 0;
  }

  #matches(piece: Uint8Array, start: number, length: number): boolean {
    for (let index = length - 1; index >= 0; index--) if (piece[start + index] !== this.bytes[index]) return false;
    return true;
  }
}
