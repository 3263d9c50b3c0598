/**
 * The aws-chunked framing (S3 API, "sigv4-streaming"): `<hex size>[;chunk-signature=<sig>]\r\n<data>\r\n` each, then a
 * chunk of size 0, trailers if they are announced, and an empty line. Signed or not, nothing looser passes: AWS answers
 * `IncompleteBody` to bare line feeds and to a body without its last line end.
 *
 * Data is handed on as it arrives, before its chunk's signature has been seen to fit. That is safe because the stream
 * around it holds back its last piece and never ends cleanly unless this generator does.
 */
import { S3Error } from "../../errors.ts";
import type { ByteReader } from "./byte-reader.ts";
import type { ChunkSignatures } from "./chunk-signature.ts";
import { canonicalTrailers, parseTrailers, trailerLines } from "./trailers.ts";

/** S3's own minimum, except for the last chunk with data. It also bounds the signatures a body can ask for. */
const MIN_CHUNK_BYTES = 8192;
/** A size, an extension and a signature take 98. */
const MAX_CHUNK_HEADER_BYTES = 256;
const MAX_TRAILER_BYTES = 4096;

export interface AwsChunkedOptions {
  /** Decoded length in bytes; chunks may not exceed it together. */
  readonly sizeBytes: number;
  /** Absent if the chunks are unsigned. */
  readonly signatures: ChunkSignatures | undefined;
  /** Whether trailers are announced and so must follow; none may otherwise. */
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
  // Ten digits reach far beyond 5 GiB and stay exact.
  const [, size, signature = ""] = /^([0-9a-fA-F]{1,10})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(line) ?? [];
  if (size === undefined || (signature !== "") !== signed) throw malformedFraming();
  return { size: Number.parseInt(size, 16), signature };
}

function incompleteBody(message: string, cause?: unknown): S3Error {
  return new S3Error("IncompleteBody", { message, cause });
}

/** In AWS's words, which name the other header. */
export function wrongLength(): S3Error {
  return incompleteBody("You did not provide the number of bytes specified by the Content-Length HTTP header");
}

export function terminatedEarly(cause?: unknown): S3Error {
  return incompleteBody("The request body terminated unexpectedly", cause);
}

function malformedFraming(): S3Error {
  return incompleteBody("The aws-chunked encoding of the request body is malformed.");
}
