/** Moving a verified body into R2, and deciding a write condition atomically with it. */
import { createHash } from "node:crypto";
import { S3Error } from "../../errors.ts";
import type { WriteCondition } from "../../model/object.ts";
import { compareStates } from "../../model/object.ts";
import type { DelegatedDigest, ObjectBody } from "../../model/object-body.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { callR2, fromR2Error, R2_BAD_DIGEST, r2CalculatedDigest, r2ErrorCode } from "../platform-errors.ts";
import { describeEntry, type Entry, stateOf } from "./entry.ts";
import type { EntryPlace } from "./entry-place.ts";
import { unchangedSince } from "./unchanged.ts";

/** Bodies up to this size are held in memory, which lets R2 decide a condition in the first call. */
export const BUFFERED_BYTES = 1024 * 1024;

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
  if (isBadDigest(put.reason, body)) throw body.delegated.mismatch(r2CalculatedDigest(put.reason));
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
    if (body !== undefined && isBadDigest(error, body)) throw body.delegated.mismatch(digestOf(bytes, body.delegated));
    throw fromR2Error(error);
  }
}

/** What must hold for an entry to be put. */
export interface Guard {
  /** Stands in the entry that is put. */
  readonly writeId: string;
  /** In S3's terms. */
  readonly condition?: WriteCondition | undefined;
  /**
   * What was found at the key when the new entry was made, null for nothing: it must be there unchanged, or a change made
   * meanwhile would be undone.
   */
  readonly madeOf?: R2Object | null | undefined;
}

type Put = (onlyIf: R2Conditional | undefined) => Promise<R2Object | null>;

/**
 * Commits an entry under a guard. For a client's own condition the first attempt is made blind, so that the common outcome
 * costs one call; only when R2 declines is the entry looked at, because a tombstone or a manifest's own ETag may have been
 * in the way.
 * @throws S3Error `PreconditionFailed`, `NoSuchKey` (If-Match on nothing), `ConditionalRequestConflict`
 */
export function commitIf(place: EntryPlace, guard: Guard, put: Put): Promise<R2Object> {
  const blind =
    guard.condition === undefined || guard.madeOf !== undefined ? undefined : blindCondition(guard.condition);
  return commit(place, guard, put, { blind, attempts: MAX_ATTEMPTS });
}

/** The same for a body that can be sent once only: the condition is made exact before it moves. */
export function commitOnce(place: EntryPlace, guard: Guard, put: Put): Promise<R2Object> {
  return commit(place, guard, put, { blind: undefined, attempts: 1 });
}

async function commit(
  place: EntryPlace,
  guard: Guard,
  put: Put,
  { blind, attempts }: { readonly blind: R2Conditional | undefined; readonly attempts: number },
): Promise<R2Object> {
  const { condition, madeOf } = guard;
  if (condition === undefined && madeOf === undefined) {
    const stored = await put(undefined);
    if (stored === null) throw new S3Error("InternalError", { cause: new Error("an unconditional put was declined") });
    return stored;
  }
  let onlyIf = blind;
  let seen = madeOf;
  for (let left = madeOf === undefined ? attempts : 1; left > 0; left--) {
    if (onlyIf === undefined) {
      if (seen === undefined) seen = await headEntry(place);
      onlyIf = await exactCondition(place, guard, seen);
    }
    const stored = onlyIf === undefined ? null : await put(onlyIf);
    if (stored !== null) return stored;
    seen = await headEntry(place);
    // A put that was repeated below us meets the entry it has made itself.
    if (seen !== null && describeEntry(seen).record.w === guard.writeId) return seen;
    onlyIf = undefined;
  }
  throw new S3Error("ConditionalRequestConflict", { details: { ...nameOf(condition), Key: place.key } });
}

/**
 * Refuses a write that cannot succeed before its bytes move. What holds now may no longer hold when it is committed.
 * @throws S3Error `PreconditionFailed` or `NoSuchKey`
 */
export async function refuseAtOnce(place: EntryPlace, condition: WriteCondition | undefined): Promise<void> {
  if (condition !== undefined) requireCondition(await headEntry(place), place.key, condition);
}

/**
 * The R2 condition that holds only while the entry is in the state just seen, which satisfies the guard; undefined if it
 * has changed already.
 * @throws S3Error `PreconditionFailed` or `NoSuchKey` if the state does not satisfy it.
 */
async function exactCondition(
  { store, key }: EntryPlace,
  { condition, madeOf }: Guard,
  seen: R2Object | null,
): Promise<R2Conditional | undefined> {
  if (condition !== undefined) requireCondition(seen, key, condition);
  if (seen === null) return { etagDoesNotMatch: "*" };
  if (madeOf !== undefined || isAboutTheEntry(condition)) return unchangedSince(store, seen);
  return { etagMatches: seen.etag };
}

/** Rather than about the bytes, or about there being any. */
function isAboutTheEntry(condition: WriteCondition | undefined): boolean {
  return condition?.kind === "if-older" || condition?.kind === "if-replica";
}

/** @throws S3Error `PreconditionFailed` or `NoSuchKey` if what was found at the key does not satisfy the condition */
export function requireCondition(seen: R2Object | null, key: string, condition: WriteCondition): void {
  const entry = seen === null ? undefined : describeEntry(seen);
  const present = seen === null || entry === undefined || entry.isTombstone ? undefined : { found: seen, entry };
  const isMet = present === undefined ? isMetByNothing(condition) : isMetBy(condition, present);
  if (isMet) return;
  if (present === undefined) throw new S3Error("NoSuchKey", { details: { Key: key } });
  throw new S3Error("PreconditionFailed", { details: nameOf(condition) });
}

function isMetByNothing({ kind }: WriteCondition): boolean {
  return kind === "if-none-match-any" || kind === "if-older";
}

function isMetBy(condition: WriteCondition, { found, entry }: { found: R2Object; entry: Entry }): boolean {
  switch (condition.kind) {
    case "if-none-match-any":
      return false;
    case "if-match":
      return condition.etag === "*" || condition.etag === entry.etag;
    case "if-older":
      return compareStates(stateOf(found, entry), condition.than) < 0;
    case "if-replica": {
      const { removal, orWriteId } = condition;
      const { p: mark, i: source, w: writeId } = entry.record;
      const isMeant = (mark === "R" && source === removal.source) || writeId === orWriteId;
      return isMeant && compareStates(stateOf(found, entry), removal) < 0;
    }
    default:
      return condition satisfies never;
  }
}

/** The header that a condition came in, for the error. */
function nameOf(condition: WriteCondition | undefined): Record<string, string> {
  switch (condition?.kind) {
    case undefined:
      return {};
    case "if-none-match-any":
      return { Condition: "If-None-Match" };
    case "if-match":
      return { Condition: "If-Match" };
    case "if-older":
    case "if-replica":
      return { Condition: "If-Older" };
    default:
      return condition satisfies never;
  }
}

function headEntry({ store, r2Key }: EntryPlace): Promise<R2Object | null> {
  return callR2(store.head(r2Key));
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

/** What the bytes have in the place of a digest that was left to R2. */
export function digestOf(bytes: Uint8Array, { algorithm }: DelegatedDigest): Uint8Array {
  return createHash(algorithm).update(bytes).digest();
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
