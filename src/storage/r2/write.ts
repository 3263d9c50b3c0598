/** Moving a verified body into R2. */
import { createHash } from "node:crypto";
import { S3Error } from "../../errors.ts";
import type { DelegatedDigest, ObjectBody } from "../../model/object-body.ts";
import { fromR2Error, R2_BAD_DIGEST, r2CalculatedDigest, r2ErrorCode } from "../platform-errors.ts";
import type { R2Location } from "./entry-place.ts";

/** Bodies up to this size are held in memory, which lets R2 decide a condition in the first call. */
export const BUFFERED_BYTES = 1024 * 1024;

/** Bytes in memory, and the digest of theirs that R2 is to check. */
export interface BytesToPut {
  readonly bytes: Uint8Array;
  readonly delegated?: DelegatedDigest | undefined;
}

/** Reads a small body whole. Everything the request stated about it has been checked then, except a delegated digest. */
export async function readBody(body: ObjectBody): Promise<Uint8Array> {
  try {
    const bytes = await new Response(body.stream).bytes();
    if (bytes.byteLength !== body.sizeBytes) throw new S3Error("IncompleteBody");
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
  const moved = body.stream.pipeTo(pipe.writable, { signal: abandon.signal });
  // If one side fails, the other must not wait for it: R2 may answer without reading the body to its end.
  const stored = store
    .put(r2Key, pipe.readable, { ...options, ...digestOption(delegated) })
    .finally(() => abandon.abort());
  const [put, move] = await Promise.allSettled([stored, moved]);
  const failure = body.failure();
  if (failure !== undefined) throw failure;
  if (put.status === "fulfilled") return put.value;
  if (isBadDigest(put.reason, delegated)) throw delegated.mismatch(r2CalculatedDigest(put.reason));
  const fromR2 = fromR2Error(put.reason);
  if (fromR2.code !== "InternalError") throw fromR2;
  if (move.status === "rejected") throw asBodyError(move.reason);
  // Too few bytes are noticed only when the pipe is closed, on R2's side of it.
  throw /FixedLengthStream/.test(String(put.reason)) ? asBodyError(put.reason) : fromR2;
}

/** Puts bytes that are in memory. Null if `options.onlyIf` did not hold. */
export async function putBytes(
  { store, r2Key }: R2Location,
  { bytes, delegated }: BytesToPut,
  options: R2PutOptions,
): Promise<R2Object | null> {
  try {
    return await store.put(r2Key, bytes, { ...options, ...digestOption(delegated) });
  } catch (error) {
    if (isBadDigest(error, delegated)) throw delegated.mismatch(digestOf(bytes, delegated));
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

/** The bytes' own digest of the algorithm of one that was left to R2. */
export function digestOf(bytes: Uint8Array, { algorithm }: DelegatedDigest): Uint8Array {
  return createHash(algorithm).update(bytes).digest();
}

function isBadDigest(error: unknown, delegated: DelegatedDigest | undefined): delegated is DelegatedDigest {
  return delegated !== undefined && r2ErrorCode(error) === R2_BAD_DIGEST;
}

/** The client's connection ended, or the client sent fewer bytes than it stated. */
export function asBodyError(cause: unknown): S3Error {
  return cause instanceof S3Error ? cause : new S3Error("IncompleteBody", { cause });
}
