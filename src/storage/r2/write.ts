/** Moving a verified body into R2. */
import { parseHex } from "../../checksum/digests.ts";
import { digestHex } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import type { DelegatedDigest, ObjectBody } from "../../model/object-body.ts";
import { collect } from "../../model/pieces.ts";
import { fromR2Error, R2_BAD_DIGEST, r2CalculatedDigest, r2ErrorCode } from "../platform-errors.ts";
import type { R2Location } from "./entry-place.ts";

/** Bodies up to this size are held in memory, which lets R2 decide a condition in the first call. */
export const BUFFERED_BYTES = 1024 * 1024;

/**
 * Reads a small body whole, and verifies it: a delegated digest too, because over bytes in memory it takes less time than a put
 * that R2 refuses.
 * @throws S3Error
 */
export async function readBody(body: ObjectBody): Promise<Uint8Array> {
  const bytes = await readAll(body);
  const { delegated } = body;
  if (delegated !== undefined) {
    const hex = digestHex(delegated.algorithm, bytes);
    if (hex !== delegated.hex) throw delegated.mismatch(parseHex(hex, hex.length / 2));
  }
  return bytes;
}

async function readAll(body: ObjectBody): Promise<Uint8Array> {
  const { content, sizeBytes } = body;
  try {
    if (!(content instanceof ReadableStream)) return await collect(content, sizeBytes);
    const bytes = await new Response(content).bytes();
    if (bytes.byteLength !== sizeBytes) throw new S3Error("IncompleteBody");
    return bytes;
  } catch (error) {
    throw body.failure() ?? asBodyError(error);
  }
}

/**
 * Streams a body of any size into one R2 object; R2 commits only after the stream's clean end.
 * Null if `options.onlyIf` did not hold.
 * @throws S3Error
 */
export async function streamBody(
  { store, r2Key }: R2Location,
  body: ObjectBody,
  options: R2PutOptions,
): Promise<R2Object | null> {
  const { delegated } = body;
  const pipe = new FixedLengthStream(body.sizeBytes);
  const abandon = new AbortController();
  const moved = Promise.allSettled([transfer(body.content, pipe.writable, abandon.signal)]);
  const [put] = await Promise.allSettled([store.put(r2Key, pipe.readable, { ...options, ...digestOption(delegated) })]);
  if (put.status === "fulfilled" && put.value !== null) return put.value;
  // R2 may answer without reading the body to its end, and then the body must not wait for R2.
  abandon.abort(new Error(ABANDONED));
  const [move] = await moved;
  const failure = body.failure();
  if (failure !== undefined) throw failure;
  if (put.status === "fulfilled") return put.value;
  if (isBadDigest(put.reason, delegated)) throw delegated.mismatch(r2CalculatedDigest(put.reason));
  const fromR2 = fromR2Error(put.reason);
  if (fromR2.code !== "InternalError") throw fromR2;
  if (move.status === "rejected" && !isAbandonment(move.reason)) throw asBodyError(move.reason);
  // Too few bytes are noticed only when the pipe is closed, on R2's side of it.
  throw /FixedLengthStream/.test(String(put.reason)) ? asBodyError(put.reason) : fromR2;
}

/** The platform's own pipe passes on a copy of the error. */
const ABANDONED = "R2 does not take the body";

function isAbandonment(reason: unknown): boolean {
  return reason instanceof Error && reason.message === ABANDONED;
}

/** Writes everything and closes the sink. As with `pipeTo`, a failure of one side ends the other. */
async function transfer(
  content: ObjectBody["content"],
  sink: WritableStream<Uint8Array>,
  signal: AbortSignal,
): Promise<void> {
  if (content instanceof ReadableStream) return content.pipeTo(sink, { signal });
  const writer = sink.getWriter();
  const end = (reason: unknown) => Promise.allSettled([content.cancel(reason), writer.abort(reason)]);
  signal.addEventListener("abort", () => void end(signal.reason));
  try {
    for (let piece = await content.next(); piece !== undefined; piece = await content.next()) await writer.write(piece);
    await writer.close();
  } catch (error) {
    await end(error);
    throw error;
  }
}

/** Puts bytes that are in memory. Null if `options.onlyIf` did not hold. */
export async function putBytes(
  { store, r2Key }: R2Location,
  { bytes }: { readonly bytes: Uint8Array },
  options: R2PutOptions,
): Promise<R2Object | null> {
  try {
    return await store.put(r2Key, bytes, options);
  } catch (error) {
    throw fromR2Error(error);
  }
}

/** The outcome of a put without a condition, which R2 has no reason to decline. */
export function requireStored(stored: R2Object | null): R2Object {
  if (stored !== null) return stored;
  throw new S3Error("InternalError", { cause: new Error("an unconditional put was declined") });
}

function digestOption(delegated: DelegatedDigest | undefined): R2PutOptions {
  if (delegated === undefined) return {};
  return delegated.algorithm === "md5" ? { md5: delegated.hex } : { sha256: delegated.hex };
}

function isBadDigest(error: unknown, delegated: DelegatedDigest | undefined): delegated is DelegatedDigest {
  return delegated !== undefined && r2ErrorCode(error) === R2_BAD_DIGEST;
}

/** The client's connection ended, or the client sent fewer bytes than it stated. */
export function asBodyError(cause: unknown): S3Error {
  return cause instanceof S3Error ? cause : new S3Error("IncompleteBody", { cause });
}
