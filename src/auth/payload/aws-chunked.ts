/**
 * The aws-chunked encoding with its chunk signatures and trailers (S3 API, "sigv4-streaming"). Each chunk is `<hex
 * size>[;chunk-signature=<sig>]\r\n<data>\r\n`; a chunk of size 0 follows, then the trailers if any are announced, and
 * an empty line. Signed or not, the format is strict: AWS answers `IncompleteBody` to bare line feeds and to a body
 * without its last line end.
 *
 * Data is passed on as it arrives, before its chunk's signature has been verified. This is safe because the reader of this
 * decoder releases the last bytes only after the end has been verified.
 */
import { formatHex } from "../../checksum/digests.ts";
import { createHasher, type Hasher, sha256Hex } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import { verifySignature } from "../sigv4/signing-key.ts";
import { chunkStringToSign, EMPTY_SHA256, trailerStringToSign } from "../sigv4/string-to-sign.ts";
import type { ChunkSeed } from "./content-sha256.ts";

/** S3's minimum, except for the last chunk with data. It also limits the number of signatures in a body. */
const MIN_CHUNK_BYTES = 8192;
/** A size, the extension and a signature take 98. */
const MAX_CHUNK_HEADER_BYTES = 256;
const MAX_TRAILER_BYTES = 4096;
const LINE_FEED = 10;

export interface AwsChunkedOptions {
  /** Decoded length in bytes; all chunks together must not exceed it. */
  readonly sizeBytes: number;
  /** Absent if the chunks are unsigned. */
  readonly signatures: ChunkSignatures | undefined;
  /** Whether trailers are announced: then they must follow, and otherwise they must not. */
  readonly trailer: boolean;
}

/** What the next byte belongs to: a chunk's size and signature, its data, the line end after them, or the trailers. */
type Place = "header" | "data" | "line end" | "trailers";

/** Decodes a body piece by piece. A piece may end anywhere. */
export class AwsChunkedDecoder {
  readonly #signatures: ChunkSignatures | undefined;
  readonly #trailer: boolean;
  /** Decoded bytes of the chunks that are still to come. */
  #left: number;
  #place: Place = "header";
  /** The unfinished line or trailers, one character for each byte. */
  #text = "";
  #chunk = { number: 0, sizeBytes: MIN_CHUNK_BYTES, signature: "" };
  /** Bytes of the current chunk that are still to come. */
  #chunkLeft = 0;

  constructor({ sizeBytes, signatures, trailer }: AwsChunkedOptions) {
    this.#left = sizeBytes;
    this.#signatures = signatures;
    this.#trailer = trailer;
  }

  /**
   * Moves the data to the front of the piece, and returns that part of it. So neither the framing nor small chunks make the
   * pieces small.
   * @throws S3Error `IncompleteBody` on broken framing or too much data, `InvalidChunkSizeError`, `SignatureDoesNotMatch`,
   * `MalformedTrailerError`
   */
  async decode(piece: Uint8Array): Promise<Uint8Array> {
    let filled = 0;
    for (let at = 0; at < piece.length; ) {
      if (this.#place === "data") {
        const length = Math.min(this.#chunkLeft, piece.length - at);
        if (at > filled) piece.copyWithin(filled, at, at + length);
        this.#signatures?.update(piece.subarray(filled, filled + length), length === this.#chunk.sizeBytes);
        filled += length;
        at += length;
        this.#chunkLeft -= length;
        if (this.#chunkLeft === 0) await this.#endChunk();
      } else if (this.#place === "trailers") {
        if (this.#text.length + piece.length - at > MAX_TRAILER_BYTES) throw new S3Error("MalformedTrailerError");
        this.#text += latin1(piece.subarray(at));
        at = piece.length;
      } else {
        at = await this.#readLine(piece, at);
      }
    }
    return piece.subarray(0, filled);
  }

  /**
   * Returns the trailers, after the last piece.
   * @throws S3Error `IncompleteBody` on an unfinished body, `MalformedTrailerError`, `SignatureDoesNotMatch`
   */
  async end(): Promise<ReadonlyMap<string, string>> {
    if (this.#place === "line end") throw malformedFraming();
    if (this.#place !== "trailers") throw terminatedEarly();
    const lines = trailerLines(this.#text);
    if (lines === undefined) throw terminatedEarly();
    if (!this.#trailer) {
      if (lines.length > 0) throw new S3Error("MalformedTrailerError");
      return new Map();
    }
    const { values, signature } = parseTrailers(lines);
    if ((this.#signatures === undefined) !== (signature === undefined)) throw new S3Error("MalformedTrailerError");
    if (signature !== undefined) await this.#signatures?.verifyTrailers(canonicalTrailers(values), signature);
    return values;
  }

  /** Reads the header of a chunk or the line end after its data, as far as the piece has it. Returns where it stops. */
  async #readLine(piece: Uint8Array, at: number): Promise<number> {
    const isHeader = this.#place === "header";
    const lineFeed = piece.indexOf(LINE_FEED, at);
    const end = lineFeed === -1 ? piece.length : lineFeed;
    const length = this.#text.length + end - at;
    if (length > (isHeader ? MAX_CHUNK_HEADER_BYTES : 1)) throw isHeader ? terminatedEarly() : malformedFraming();
    this.#text += latin1(piece.subarray(at, end));
    if (lineFeed === -1) return end;
    const line = this.#text.endsWith("\r") ? this.#text.slice(0, -1) : undefined;
    this.#text = "";
    if (isHeader) await this.#beginChunk(line);
    else if (line === "") this.#place = "header";
    else throw malformedFraming();
    return end + 1;
  }

  async #beginChunk(line: string | undefined): Promise<void> {
    const previous = this.#chunk;
    const { size, signature } = parseChunkHeader(line, this.#signatures !== undefined);
    if (size > 0 && previous.sizeBytes < MIN_CHUNK_BYTES) {
      throw new S3Error("InvalidChunkSizeError", {
        details: { Chunk: String(previous.number + 1), BadChunkSize: String(previous.sizeBytes) },
      });
    }
    if (size > this.#left) throw wrongLength();
    this.#left -= size;
    this.#chunk = { number: previous.number + 1, sizeBytes: size, signature };
    this.#chunkLeft = size;
    this.#place = "data";
    if (size === 0) await this.#endChunk();
  }

  async #endChunk(): Promise<void> {
    await this.#signatures?.verifyChunk(this.#chunk.signature);
    if (this.#chunk.sizeBytes > 0) {
      this.#place = "line end";
      return;
    }
    if (this.#left > 0) throw wrongLength();
    this.#place = "trailers";
  }
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes);
}

function parseChunkHeader(line: string | undefined, signed: boolean): { size: number; signature: string } {
  if (line === undefined) throw terminatedEarly();
  // Ten digits cover far more than 5 GiB and stay exact.
  const [, size, signature = ""] = /^([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line) ?? [];
  if (size === undefined || (signature !== "") !== signed) throw malformedFraming();
  return { size: Number.parseInt(size, 16), signature };
}

function incompleteBody(message: string, cause?: unknown): S3Error {
  return new S3Error("IncompleteBody", { message, cause });
}

/** AWS's message, although it names the other header. */
export function wrongLength(): S3Error {
  return incompleteBody("You did not provide the number of bytes specified by the Content-Length HTTP header");
}

export function terminatedEarly(cause?: unknown): S3Error {
  return incompleteBody("The request body terminated unexpectedly", cause);
}

function malformedFraming(): S3Error {
  return incompleteBody("The aws-chunked encoding of the request body is malformed.");
}

/**
 * The chain of chunk signatures. Each signature covers the one before, so no chunk can be changed, dropped, repeated or
 * moved.
 */
export class ChunkSignatures {
  readonly #seed: ChunkSeed;
  #previous: string;
  /** Of the current chunk, if it came in several pieces. */
  #running: Hasher | undefined;
  /** Of the current chunk, if it is empty or came whole. */
  #sha256 = EMPTY_SHA256;

  constructor(seed: ChunkSeed) {
    this.#seed = seed;
    this.#previous = seed.signature;
  }

  /** Adds data of the current chunk. A running digest is a Node stream, so a whole chunk is hashed without one. */
  update(data: Uint8Array, isWhole: boolean): void {
    if (isWhole) {
      this.#sha256 = sha256Hex(data);
    } else {
      this.#running ??= createHasher("SHA256");
      this.#running.update(data);
    }
  }

  /**
   * Ends the current chunk.
   * @throws S3Error `SignatureDoesNotMatch`
   */
  async verifyChunk(signature: string): Promise<void> {
    const sha256 = this.#running === undefined ? this.#sha256 : formatHex(this.#running.digest());
    this.#running = undefined;
    this.#sha256 = EMPTY_SHA256;
    await this.#verify(chunkStringToSign(this.#seed, this.#previous, sha256), signature);
  }

  /**
   * @param canonicalTrailers `name:value\n` each, sorted by name
   * @throws S3Error `SignatureDoesNotMatch`
   */
  async verifyTrailers(canonicalTrailers: string, signature: string): Promise<void> {
    await this.#verify(trailerStringToSign(this.#seed, this.#previous, canonicalTrailers), signature);
  }

  async #verify(stringToSign: string, signature: string): Promise<void> {
    if (!(await verifySignature(this.#seed.signingKey, stringToSign, signature))) {
      throw new S3Error("SignatureDoesNotMatch", {
        message:
          "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
        details: {
          AWSAccessKeyId: this.#seed.accessKeyId,
          StringToSign: stringToSign,
          SignatureProvided: signature,
        },
      });
    }
    this.#previous = signature;
  }
}

/** Trailing headers (S3 API, "sigv4-streaming-trailers"). */
interface Trailers {
  readonly values: ReadonlyMap<string, string>;
  readonly signature: string | undefined;
}

const SIGNATURE = "x-amz-trailer-signature";

/**
 * The lines after the last chunk; undefined if they do not end in an empty line. Each line ends in CRLF. minio-go adds
 * another LF before it, as AWS's examples do ("sigv4-streaming-trailers").
 */
function trailerLines(text: string): readonly string[] | undefined {
  if (text === "\r\n") return [];
  if (!text.endsWith("\r\n\r\n")) return undefined;
  return text
    .slice(0, -4)
    .split("\r\n")
    .map((line) => (line.endsWith("\n") ? line.slice(0, -1) : line));
}

/** @throws S3Error `MalformedTrailerError` on a line that is not a header, and on a repeated name */
function parseTrailers(lines: readonly string[]): Trailers {
  const values = new Map<string, string>();
  for (const line of lines) {
    const [, name, value] =
      /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?)[ \t]*$/.exec(line) ?? [];
    const key = name?.toLowerCase();
    if (key === undefined || value === undefined || values.has(key)) throw new S3Error("MalformedTrailerError");
    values.set(key, value);
  }
  const signature = values.get(SIGNATURE);
  values.delete(SIGNATURE);
  return { values, signature };
}

/** The text that the trailer signature covers: `name:value\n` for each trailer, sorted by name. */
function canonicalTrailers(values: ReadonlyMap<string, string>): string {
  return [...values]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, value]) => `${name}:${value}\n`)
    .join("");
}
