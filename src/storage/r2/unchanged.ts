/**
 * The R2 condition that holds only while an entry is the very one that was read.
 *
 * R2 takes no condition on an object's version, and its ETag is the MD5 of the bytes, which stays the same if only ACL,
 * tags or metadata change. Therefore:
 *
 * - The bodies of manifests, tombstones and delete markers contain an id that is new with every write, so their ETag belongs to one write.
 * - Inline writes of the same bytes are distinguished by the time of upload. A window of one millisecond on either side
 *   of it holds for that millisecond only, and not for an absent key (measured). No ETag is sent with it: in R2, as in
 *   RFC 9110, the time is ignored if an ETag matches.
 *
 * That window does not distinguish two writes in one millisecond. So a young entry is read again after a pause: R2 had
 * reached that millisecond when it returned the entry first, so no write after the pause can get the same time. The pause
 * counts from the first read, so it does not depend on the difference between this machine's clock and R2's.
 */

import { S3Error } from "../../errors.ts";
import { callR2 } from "../platform-errors.ts";
import { describeEntry } from "./entry.ts";

/** How far the clocks of R2's machines may differ from each other. */
export const PAUSE_MS = 20;

/** From this age on an entry needs no second read, even if this machine's clock is ahead of R2's by almost as much. */
export const SETTLED_AGE_MS = 60_000;

/** Undefined if the entry has changed already. No R2 call, or one if a young inline entry is read again. */
export async function unchangedSince(store: R2Bucket, seen: R2Object): Promise<R2Conditional | undefined> {
  const { isManifest, isAbsent } = describeEntry(seen);
  return isManifest || isAbsent ? { etagMatches: seen.etag } : uploadedAs(store, seen, isSameWrite);
}

/** The same for any R2 object. @param isSame whether two reads are of the same write */
export async function uploadedAs(
  store: R2Bucket,
  seen: R2Object,
  isSame: (now: R2Object, seen: R2Object) => boolean,
): Promise<R2Conditional | undefined> {
  const time = seen.uploaded.getTime();
  if (Date.now() - time < SETTLED_AGE_MS) {
    await pause(PAUSE_MS);
    const now = await callR2(store.head(seen.key));
    if (now === null || !isSame(now, seen)) return undefined;
  }
  return { uploadedAfter: new Date(time - 1), uploadedBefore: new Date(time + 1) };
}

function isSameWrite(left: R2Object, right: R2Object): boolean {
  const [one, other] = [left, right].map((object) => describeEntry(object).record.w);
  return left.version === right.version && left.etag === right.etag && one === other;
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** One of several writes of an entry wins each time, so about as many can change it at once. */
export const MAX_REWRITE_ATTEMPTS = 12;
const MAX_DELAY_MS = 10;

/**
 * Makes a change, and repeats it if another write of the entry has come first.
 * @param attempt reads the entry, and puts it on condition that it is unchanged
 * @throws S3Error `ConditionalRequestConflict` if another write came first every time; whatever else `attempt` throws
 */
export async function repeatIfBeaten<Outcome>(attempt: () => Promise<Outcome>): Promise<Outcome> {
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBeaten(error) || made === MAX_REWRITE_ATTEMPTS) throw error;
    }
    // Writes that repeat in step would collide again.
    await pause(Math.random() * MAX_DELAY_MS * made);
  }
}

function isBeaten(error: unknown): boolean {
  return error instanceof S3Error && error.code === "ConditionalRequestConflict";
}
