/** Puts on condition, decided by R2 together with the put. */
import { S3Error } from "../../errors.ts";
import { findUnmet, findUnmetTime, type WriteCondition } from "../../model/object.ts";
import { callR2 } from "../platform-errors.ts";
import { blindCondition } from "../r2/conditions.ts";
import { uploadedAs } from "../r2/unchanged.ts";
import { requireStored } from "../r2/write.ts";
import type { AdoptedPlace } from "./adopted-stores.ts";

/** Puts of bytes in memory are repeated if other writes come first. */
const MAX_ATTEMPTS = 8;

export interface PutGuard {
  readonly condition: WriteCondition | undefined;
  /** The object that was read when the new one was made: it must be unchanged. */
  readonly madeOf?: R2Object | undefined;
  /** Whether the object at the key was put by this very write: the platform may repeat a put. */
  isOwn(found: R2Object): Promise<boolean>;
}

/** How the bytes are put. */
export interface GuardedPut {
  /** Whether it can be made again. */
  readonly isRepeatable: boolean;
  /** Null if R2 declines by the condition. */
  put(onlyIf: { readonly onlyIf?: R2Conditional }): Promise<R2Object | null>;
}

/**
 * One R2 call without a condition, and with one that R2 decides by itself; else two or more.
 * @throws S3Error `PreconditionFailed`, `NoSuchKey` by the condition; `ConditionalRequestConflict` if another write came first
 */
export async function putIf(
  place: AdoptedPlace,
  guard: PutGuard,
  { isRepeatable, put }: GuardedPut,
): Promise<R2Object> {
  const { condition, madeOf, isOwn } = guard;
  if (condition === undefined && madeOf === undefined) return requireStored(await put({}));
  const attempts = isRepeatable && madeOf === undefined ? MAX_ATTEMPTS : 1;
  let onlyIf = madeOf === undefined && condition !== undefined && isRepeatable ? blindCondition(condition) : undefined;
  let seen = madeOf;
  for (let left = attempts; left > 0; left--) {
    if (onlyIf === undefined) {
      const present = seen ?? (await callR2(place.store.head(place.r2Key)));
      onlyIf = await exactCondition(place, guard, present);
    }
    const stored = onlyIf === undefined ? null : await put({ onlyIf });
    if (stored !== null) return stored;
    const now = await callR2(place.store.head(place.r2Key));
    if (now !== null && (await isOwn(now))) return now;
    if (condition !== undefined) requireMet(place, now, condition);
    seen = madeOf;
    onlyIf = undefined;
  }
  throw new S3Error("ConditionalRequestConflict", { details: { Key: place.r2Key } });
}

/** Holds only while the key is as it was seen; undefined if it has changed already. @throws S3Error if the condition does not hold */
async function exactCondition(
  place: AdoptedPlace,
  { condition, madeOf }: PutGuard,
  seen: R2Object | null,
): Promise<R2Conditional | undefined> {
  if (condition !== undefined) requireMet(place, seen, condition);
  if (seen === null) return { etagDoesNotMatch: "*" };
  const isAboutTime = condition?.kind === "if-dated" || (condition?.kind === "if-match" && condition.lastModified);
  // The same bytes may be written again, by anyone, with the same ETag.
  if (madeOf !== undefined || isAboutTime) return uploadedAs(place.store, seen, isSameVersion);
  return { etagMatches: seen.etag };
}

function isSameVersion(now: R2Object, seen: R2Object): boolean {
  return now.version === seen.version;
}

/** @throws S3Error `PreconditionFailed`, `NoSuchKey` */
function requireMet({ r2Key: key }: AdoptedPlace, found: R2Object | null, condition: WriteCondition): void {
  const unmet = findUnmetHeader(found, condition);
  if (unmet === undefined) return;
  if (found === null) throw new S3Error("NoSuchKey", { details: { Key: key } });
  throw new S3Error("PreconditionFailed", { details: { Condition: unmet } });
}

/** The header of a condition that is not met. */
function findUnmetHeader(found: R2Object | null, condition: WriteCondition): string | undefined {
  switch (condition.kind) {
    case "if-none-match-any":
      return found === null ? undefined : "If-None-Match";
    case "if-dated":
      return findUnmetTime(condition, found?.uploaded);
    case "if-match":
      if (found === null) return "If-Match";
      return findUnmet(condition, { etag: found.etag, sizeBytes: found.size, lastModified: found.uploaded });
    default:
      return condition satisfies never;
  }
}
