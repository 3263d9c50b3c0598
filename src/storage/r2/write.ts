/** Moving a verified body into R2, and deciding a write condition atomically with it. */
import { S3Error } from "../../errors.ts";
import type { WriteCondition } from "../../model/object.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { compareVersions } from "../../model/replication.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { describeEntry, versionOf } from "./entry.ts";
import { fromR2Error, R2_BAD_DIGEST, r2ErrorCode } from "./platform-errors.ts";

/** Where an entry stands, and the S3 key it stands for. */
export interface EntryPlace {
  readonly store: R2Bucket;
  readonly r2Key: string;
  readonly key: string;
}

/** Attempts to bring a condition and the entry's present state together before a rival is declared the winner. */
const MAX_ATTEMPTS = 4;

/** Reads a small body whole; all its promises have been checked when this returns, but for a delegated digest. */
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
  store: R2Bucket,
  r2Key: string,
  body: ObjectBody,
  options: R2PutOptions,
): Promise<R2Object | null> {
  const pipe = new FixedLengthStream(body.sizeBytes);
  const abandon = new AbortController();
  const moved = body.stream.pipeTo(pipe.writable, { signal: abandon.signal });
  // Whichever side fails first must not leave the other waiting: R2 may answer without reading the body to its end.
  const stored = store.put(r2Key, pipe.readable, { ...options, ...digestOption(body) }).finally(() => abandon.abort());
  const [put, move] = await Promise.allSettled([stored, moved]);
  const failure = body.failure();
  if (failure !== undefined) throw failure;
  if (put.status === "fulfilled") return put.value;
  if (isBadDigest(put.reason, body)) throw body.delegated.mismatch();
  const fromR2 = fromR2Error(put.reason);
  if (fromR2.code !== "InternalError") throw fromR2;
  if (move.status === "rejected") throw asBodyError(move.reason);
  // Fewer bytes than promised show only when the pipe is closed, on R2's side of it.
  throw /FixedLengthStream/.test(String(put.reason)) ? asBodyError(put.reason) : fromR2;
}

/** Puts bytes that are in memory. Null if `options.onlyIf` did not hold. */
export async function putBytes(
  store: R2Bucket,
  r2Key: string,
  bytes: Uint8Array,
  options: R2PutOptions,
  body?: ObjectBody,
): Promise<R2Object | null> {
  try {
    return await store.put(r2Key, bytes, { ...options, ...(body !== undefined && digestOption(body)) });
  } catch (error) {
    if (body !== undefined && isBadDigest(error, body)) throw body.delegated.mismatch();
    throw fromR2Error(error);
  }
}

/**
 * Commits an entry under a condition. The first attempt is made blind, so that the common outcome costs one call; only
 * when R2 declines is the entry looked at, because a tombstone or a manifest's own ETag may have been in the way.
 * @param decide a condition in S3's terms, or one in R2's that nothing can be said about if it fails
 * @throws S3Error `PreconditionFailed`, `NoSuchKey` (If-Match on nothing), `ConditionalRequestConflict`
 */
export async function commitIf(
  place: EntryPlace,
  decide: { condition?: WriteCondition | undefined; onlyIf?: R2Conditional | undefined },
  put: (onlyIf: R2Conditional | undefined) => Promise<R2Object | null>,
): Promise<R2Object> {
  const { condition } = decide;
  let onlyIf = condition === undefined ? decide.onlyIf : blindCondition(condition);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    if (condition !== undefined && onlyIf === undefined) onlyIf = await exactCondition(place, condition);
    const stored = await put(onlyIf);
    if (stored !== null) return stored;
    if (condition === undefined) break;
    onlyIf = undefined;
  }
  throw new S3Error("ConditionalRequestConflict");
}

/**
 * The R2 condition that holds only while the entry is in the state just seen, which satisfies `condition`.
 * @throws S3Error `PreconditionFailed` or `NoSuchKey` if the state does not satisfy it.
 */
export async function exactCondition(
  { store, r2Key, key }: EntryPlace,
  condition: WriteCondition,
): Promise<R2Conditional> {
  const found = await store.head(r2Key).catch((error: unknown) => {
    throw fromR2Error(error);
  });
  requireCondition(found, key, condition);
  return asSeen(found);
}

/** Holds only while the entry is as it was found. */
export function asSeen(found: R2Object | null): R2Conditional {
  return found === null ? { etagDoesNotMatch: "*" } : { etagMatches: found.etag };
}

/** @throws S3Error `PreconditionFailed` or `NoSuchKey` if what was found at the key does not satisfy the condition */
export function requireCondition(found: R2Object | null, key: string, condition: WriteCondition): void {
  const entry = found === null ? undefined : describeEntry(found);
  const present = entry !== undefined && !entry.isTombstone;
  if (condition.kind === "if-older") {
    if (present && found !== null && compareVersions(versionOf(found, entry), condition.than) >= 0) {
      throw new S3Error("PreconditionFailed", { details: { Condition: "If-Older" } });
    }
    return;
  }
  if (condition.kind === "if-replica") {
    if (!present || found === null) throw new S3Error("NoSuchKey", { details: { Key: key } });
    const { removal, orWriteId } = condition;
    const { p: mark, i: source, w: writeId } = entry.record;
    const isMeant = (mark === "R" && source === removal.source) || writeId === orWriteId;
    if (!isMeant || compareVersions(versionOf(found, entry), removal) >= 0) {
      throw new S3Error("PreconditionFailed", { details: { Condition: "If-Older" } });
    }
    return;
  }
  if (condition.kind === "if-none-match-any") {
    if (present) throw new S3Error("PreconditionFailed", { details: { Condition: "If-None-Match" } });
    return;
  }
  if (!present) throw new S3Error("NoSuchKey", { details: { Key: key } });
  if (condition.etag !== "*" && condition.etag !== entry.etag) {
    throw new S3Error("PreconditionFailed", { details: { Condition: "If-Match" } });
  }
}

/** A replica's own condition, which takes the place of all others. */
export function conditionOf(ticket: WriteTicket, condition: WriteCondition | undefined): WriteCondition | undefined {
  return ticket.replicaOf === undefined ? condition : { kind: "if-older", than: ticket.replicaOf };
}

/** What R2 can decide by itself in the common case; undefined if the entry must be seen first. */
function blindCondition(condition: WriteCondition): R2Conditional | undefined {
  if (condition.kind === "if-none-match-any") return { etagDoesNotMatch: "*" };
  if (condition.kind === "if-older" || condition.kind === "if-replica") return undefined;
  // An inline object's ETag is R2's. Bodies of manifests and tombstones hold random ids, so nobody can name their MD5.
  return /^[0-9a-f]{32}$/.test(condition.etag) ? { etagMatches: condition.etag } : undefined;
}

function digestOption(body: ObjectBody): R2PutOptions {
  if (body.delegated === undefined) return {};
  return body.delegated.algorithm === "md5" ? { md5: body.delegated.hex } : { sha256: body.delegated.hex };
}

function isBadDigest(
  error: unknown,
  body: ObjectBody,
): body is ObjectBody & { delegated: NonNullable<ObjectBody["delegated"]> } {
  return body.delegated !== undefined && r2ErrorCode(error) === R2_BAD_DIGEST;
}

/** The client's connection ended or sent less than it promised. */
function asBodyError(cause: unknown): S3Error {
  return cause instanceof S3Error ? cause : new S3Error("IncompleteBody", { cause });
}
