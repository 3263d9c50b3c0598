/**
 * The aws-chunked encoding with its chunk signatures and trailers (S3 API, "sigv4-streaming"). Each chunk is `<hex
 * size>[;chunk-signature=<sig>]\r\n<data>\r\n`; a chunk of size 0 follows, then the trailers if any are announced, and
 * an empty line. Signed or not, the format is strict: AWS answers `IncompleteBody` to bare line feeds and to a body
 * without its last line end.
 *
 * Data is passed on as it arrives, before its chunk's signature has been verified. This is safe because the stream
 * around this generator holds back its last piece and ends cleanly only if the generator does.
 */
import { formatHex } from "../../checksum/digests.ts";
import { createHasher, type Hasher } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import { verifySignature } from "../sigv4/signing-key.ts";
import { chunkStringToSign, trailerStringToSign } from "../sigv4/string-to-sign.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ChunkSeed } from "./content-sha256.ts";

/** S3's minimum, except for the last chunk with data. It also limits the number of signatures in a body. */
const MIN_CHUNK_BYTES = 8192;
/** A size, the extension and a signature take 98. */
const MAX_CHUNK_HEADER_BYTES = 256;
const MAX_TRAILER_BYTES = 4096;

export interface AwsChunkedOptions {
  /** Decoded length in bytes; all chunks together must not exceed it. */
  readonly sizeBytes: number;
  /** Absent if the chunks are unsigned. */
  readonly signatures: ChunkSignatures | undefined;
  /** Whether trailers are announced: then they must follow, and otherwise they must not. */
  readonly trailer: boolean;
}

/**
 * Yields the decoded data and returns the trailers.
 * @throws S3Error `IncompleteBody` on broken or unfinished framing or too much data, `InvalidChunkSizeError`,
 * `SignatureDoesNotMatch`, `MalformedTrailerError`
 */
export async function* decodeAwsChunked(
  reader: ByteReader,
  { sizeBytes, signatures, trailer }: AwsChunkedOptions,
): AsyncGenerator<Uint8Array, ReadonlyMap<string, string>> {
  let left = sizeBytes;
  let previousSize = MIN_CHUNK_BYTES;
  for (let chunk = 1; ; chunk++) {
    const { size, signature } = parseChunkHeader(await reader.line(MAX_CHUNK_HEADER_BYTES), signatures !== undefined);
    if (size > 0 && previousSize < MIN_CHUNK_BYTES) {
      throw new S3Error("InvalidChunkSizeError", {
        details: { Chunk: String(chunk), BadChunkSize: String(previousSize) },
      });
    }
    if (size > left) throw wrongLength();
    for (let rest = size; rest > 0; ) {
      const data = await reader.take(rest);
      if (data === undefined) throw terminatedEarly();
      rest -= data.length;
      signatures?.update(data);
      yield data;
    }
    await signatures?.verifyChunk(signature);
    if (size === 0) break;
    left -= size;
    previousSize = size;
    if ((await reader.line(1)) !== "") throw malformedFraming();
  }
  if (left > 0) throw wrongLength();
  return await readEnd(reader, signatures, trailer);
}

async function readEnd(
  reader: ByteReader,
  signatures: ChunkSignatures | undefined,
  trailer: boolean,
): Promise<ReadonlyMap<string, string>> {
  const text = await reader.rest(MAX_TRAILER_BYTES);
  if (text === undefined) throw new S3Error("MalformedTrailerError");
  const lines = trailerLines(text);
  if (lines === undefined) throw terminatedEarly();
  if (!trailer) {
    if (lines.length > 0) throw new S3Error("MalformedTrailerError");
    return new Map();
  }
  const { values, signature } = parseTrailers(lines);
  if ((signatures === undefined) !== (signature === undefined)) throw new S3Error("MalformedTrailerError");
  if (signature !== undefined) await signatures?.verifyTrailers(canonicalTrailers(values), signature);
  return values;
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
  #chunk: Hasher = createHasher("SHA256");

  constructor(seed: ChunkSeed) {
    this.#seed = seed;
    this.#previous = seed.signature;
  }

  /** Adds data of the current chunk. */
  update(data: Uint8Array): void {
    this.#chunk.update(data);
  }

  /**
   * Ends the current chunk.
   * @throws S3Error `SignatureDoesNotMatch`
   */
  async verifyChunk(signature: string): Promise<void> {
    const sha256 = formatHex(this.#chunk.digest());
    this.#chunk = createHasher("SHA256");
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
