/** Moving a verified body into R2. */
import { parseHex } from "../../checksum/digests.ts";
import { digestHex } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import { inTime } from "../../model/deadline.ts";
import type { DelegatedDigest, ObjectBody } from "../../model/object-body.ts";
import { collect, StreamPieces } from "../../model/pieces.ts";
import { waitsFor } from "../platform/waits.ts";
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
export function streamBody(
  { store, r2Key }: R2Location,
  body: ObjectBody,
  options: R2PutOptions,
): Promise<R2Object | null> {
  return streamTo(body, {
    callMs: waitsFor(store).callMs,
    put: (bytes) => store.put(r2Key, bytes, { ...options, ...digestOption(body.delegated) }),
  });
}

/** The call of R2 that takes a stream. */
export interface StreamTarget<Stored> {
  readonly callMs: number;
  put(bytes: ReadableStream): Promise<Stored | null>;
}

/**
 * Streams a body into a call of R2, which commits only after the stream's clean end. Null if R2 declines.
 * @throws S3Error
 */
export async function streamTo<Stored>(
  body: ObjectBody,
  { callMs, put: begin }: StreamTarget<Stored>,
): Promise<Stored | null> {
  const { delegated } = body;
  const pipe = new FixedLengthStream(body.sizeBytes);
  const abandon = new AbortController();
  const moved = Promise.allSettled([transfer(body, pipe.writable, { signal: abandon.signal, callMs })]);
  const answer = begin(pipe.readable);
  const [put] = await Promise.allSettled([whileMoving(answer, moved, callMs)]);
  if (put.status === "fulfilled" && put.value !== null) return put.value;
  // R2 may answer without reading the body to its end, and then the body must not wait for R2.
  abandon.abort(new Error(ABANDONED));
  if (put.status === "rejected" && put.reason instanceof S3Error) throw body.failure() ?? put.reason;
  const [move] = await moved;
  const failure = body.failure();
  if (failure !== undefined) throw failure;
  if (put.status === "fulfilled") return put.value;
  if (isBadDigest(put.reason, delegated)) throw delegated.mismatch(r2CalculatedDigest(put.reason));
  const fromR2 = fromR2Error(put.reason);
  if (r2ErrorCode(put.reason) !== undefined && fromR2.code !== "InternalError") throw fromR2;
  if (move.status === "rejected" && !isAbandonment(move.reason)) throw asBodyError(move.reason);
  // Too few bytes are noticed only when the pipe is closed, on R2's side of it.
  throw /FixedLengthStream/.test(String(put.reason)) ? asBodyError(put.reason) : fromR2;
}

/** The platform's own pipe passes on a copy of the error. */
const ABANDONED = "R2 does not take the body";

function isAbandonment(reason: unknown): boolean {
  return reason instanceof Error && reason.message === ABANDONED;
}

/** R2's answer, unless R2 stops taking the body or does not answer after its end. */
function whileMoving<Stored>(
  answer: Promise<Stored | null>,
  moved: Promise<[PromiseSettledResult<void>]>,
  callMs: number,
): Promise<Stored | null> {
  return new Promise((resolve, reject) => {
    answer.then(resolve, reject);
    moved
      .then(([move]) => {
        if (move.status === "rejected" && move.reason instanceof NotTaken) throw move.reason.answer;
        return inTime(answer, { ms: callMs, what: "R2 put" });
      })
      .catch(reject);
  });
}

/** R2 does not read what is there for it. */
class NotTaken extends Error {
  override readonly name = "NotTaken";
  readonly answer: unknown;

  constructor(answer: unknown) {
    super("R2 has stopped taking the body");
    this.answer = answer;
  }
}

/**
 * Writes everything and closes the sink. As with `pipeTo`, a failure of one side ends the other. The body may come as slowly as its
 * sender likes, but each piece of it must be taken in time.
 */
async function transfer(
  { content, sizeBytes }: ObjectBody,
  sink: WritableStream<Uint8Array>,
  { signal, callMs }: { readonly signal: AbortSignal; readonly callMs: number },
): Promise<void> {
  const pieces = content instanceof ReadableStream ? new StreamPieces(content, sizeBytes) : content;
  const writer = sink.getWriter();
  const end = (reason: unknown) => Promise.allSettled([pieces.cancel(reason), writer.abort(reason)]);
  const taken = (step: Promise<void>) =>
    inTime(step, { ms: callMs, what: "R2 put, the next bytes" }).catch((error: unknown) => {
      throw error instanceof S3Error ? new NotTaken(error) : error;
    });
  signal.addEventListener("abort", () => void end(signal.reason));
  try {
    for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) {
      await taken(writer.write(piece));
    }
    await taken(writer.close());
  } catch (error) {
    // What holds the body is freed, but it need not be waited for.
    void end(error);
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
