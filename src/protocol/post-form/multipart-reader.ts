/**
 * Reads the parts of a multipart body in order, from a stream (RFC 2046, 5.1). A chunk may end anywhere, also inside a
 * delimiter.
 */
import { S3Error } from "../../errors.ts";

/** The source of the bytes. */
export interface ByteSource {
  /** The next chunk; undefined at the end. */
  take(): Promise<Uint8Array | undefined>;
}

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;
const DASH = 45;
/** Spaces that may follow a delimiter ("transport padding"). */
const MAX_PADDING_BYTES = 256;

export class MultipartReader {
  readonly #source: ByteSource;
  readonly #delimiter: Delimiter;
  // The first delimiter has no line before it. With a CRLF put in front of it, it looks like the others.
  #buffer: Uint8Array = Uint8Array.of(CARRIAGE_RETURN, LINE_FEED);
  #received = 0;

  constructor(source: ByteSource, boundary: string) {
    this.#source = source;
    this.#delimiter = new Delimiter(`\r\n--${boundary}`);
  }

  /** Bytes of the body that have been read or skipped. */
  get position(): number {
    return Math.max(0, this.#received - this.#buffer.length);
  }

  /** Bytes of the shortest end of a form: the delimiter and two dashes. */
  get closingBytes(): number {
    return this.#delimiter.length + 2;
  }

  /**
   * Everything up to the next delimiter.
   * @throws S3Error `MalformedPOSTRequest` without a next delimiter
   */
  async *content(): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const index = this.#delimiter.indexIn(this.#buffer);
      const end = index === -1 ? this.#buffer.length - this.#delimiter.overlap(this.#buffer) : index;
      const piece = this.#buffer.subarray(0, end);
      this.#buffer = this.#buffer.subarray(index === -1 ? end : end + this.#delimiter.length);
      if (piece.length > 0) yield piece;
      if (index !== -1) return;
      await this.#more();
    }
  }

  /** Skips everything up to the next delimiter. @throws S3Error `MalformedPOSTRequest` without a next delimiter */
  async skip(): Promise<void> {
    const content = this.content();
    while (!(await content.next()).done);
  }

  /**
   * After a delimiter: whether another part follows.
   * @throws S3Error `MalformedPOSTRequest`
   */
  async nextPart(): Promise<boolean> {
    while (this.#buffer.length < 2) await this.#more();
    if (this.#buffer[0] === DASH && this.#buffer[1] === DASH) return false;
    const padding = await this.line(MAX_PADDING_BYTES);
    if (padding === undefined || padding.some((byte) => byte !== 32 && byte !== 9)) throw malformed();
    return true;
  }

  /**
   * The next line without its CRLF; undefined if it is longer than `maxBytes`.
   * @throws S3Error `MalformedPOSTRequest` if the body ends first or the line ends in a bare line feed
   */
  async line(maxBytes: number): Promise<Uint8Array | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf(LINE_FEED);
      if ((end === -1 ? this.#buffer.length : end) > maxBytes + 1) return undefined;
      if (end !== -1) {
        const line = this.#buffer.subarray(0, end);
        this.#buffer = this.#buffer.subarray(end + 1);
        if (line.at(-1) !== CARRIAGE_RETURN) throw malformed();
        return line.subarray(0, -1);
      }
      await this.#more();
    }
  }

  async #more(): Promise<void> {
    const piece = await this.#source.take();
    if (piece === undefined) throw malformed();
    this.#received += piece.length;
    if (this.#buffer.length === 0) {
      this.#buffer = piece;
      return;
    }
    const joined = new Uint8Array(this.#buffer.length + piece.length);
    joined.set(this.#buffer);
    joined.set(piece, this.#buffer.length);
    this.#buffer = joined;
  }
}

function malformed(): S3Error {
  return new S3Error("MalformedPOSTRequest");
}

/** Finds a sequence of bytes in a stream of chunks by Horspool's search, which skips most bytes unread. */
export class Delimiter {
  readonly bytes: Uint8Array;
  /** How far to move the window if it ends in this byte. */
  readonly #shifts: Uint8Array;

  /** @param text 1 to 255 characters, one for each byte */
  constructor(text: string) {
    this.bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    const { length } = this.bytes;
    this.#shifts = new Uint8Array(256).fill(length);
    for (const [index, byte] of this.bytes.subarray(0, -1).entries()) this.#shifts[byte] = length - 1 - index;
  }

  get length(): number {
    return this.bytes.length;
  }

  /** Index of the whole delimiter; -1 if the chunk does not contain it. */
  indexIn(piece: Uint8Array): number {
    const last = this.length - 1;
    for (let start = 0; start + last < piece.length; start += this.#shifts[piece[start + last] ?? 0] ?? 1) {
      if (this.#matches(piece, start, this.length)) return start;
    }
    return -1;
  }

  /** How many bytes at the end of a chunk may be the beginning of the delimiter. */
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
