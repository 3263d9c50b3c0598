/**
 * The R2 condition that holds only while an entry is the very one that was read.
 *
 * R2 takes no condition on an object's version, and its ETag is the MD5 of the bytes, which stays the same where only
 * ACL, tags or metadata change. Therefore:
 *
 * - The bodies of manifests and tombstones hold an id that is new with every write: their ETag belongs to one write.
 * - Writes of the same bytes inline are told apart by the time of upload. The window of one millisecond on either side of
 *   it holds for that millisecond alone, and for no absent key (measured). No ETag goes with it: in R2, as in RFC 9110, an
 *   ETag that matches makes the time void.
 *
 * Two writes in one millisecond would be one to that window. So a young entry is looked at again after a pause: R2 had
 * reached that millisecond when it showed the entry first, so after the pause no further write can get it. The pause counts
 * from the first look, and so does not depend on how this machine's clock differs from R2's.
 */

import { S3Error } from "../../errors.ts";
import { callR2 } from "../platform-errors.ts";
import { describeEntry } from "./entry.ts";

/** How far the clocks of the machines that give R2's objects their time may differ. */
const PAUSE_MS = 20;

/** From this age on an entry is settled, even if this machine's clock is ahead of R2's by almost as much. */
const SETTLED_AGE_MS = 60_000;

/** Undefined if the entry has changed already. No R2 call, or one where a young inline entry is looked at again. */
export async function unchangedSince(store: R2Bucket, seen: R2Object): Promise<R2Conditional | undefined> {
  const { isManifest, isTombstone } = describeEntry(seen);
  if (isManifest || isTombstone) return { etagMatches: seen.etag };
  const time = seen.uploaded.getTime();
  if (Date.now() - time < SETTLED_AGE_MS) {
    await pause(PAUSE_MS);
    const now = await callR2(store.head(seen.key));
    if (now === null || !isSameWrite(now, seen)) return undefined;
  }
  return { uploadedAfter: new Date(time - 1), uploadedBefore: new Date(time + 1) };
}

function isSameWrite(left: R2Object, right: R2Object): boolean {
  const [one, other] = [left, right].map((object) => describeEntry(object).record.w);
  return left.version === right.version && left.etag === right.etag && one === other;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Of rivals for one entry one wins each time, so about as many can change it at once. */
const ATTEMPTS = 12;
const MAX_DELAY_MS = 10;

/**
 * Makes a change again after another write of the same entry has come first.
 * @param attempt reads the entry, and puts it on condition that it is unchanged
 * @throws S3Error `ConditionalRequestConflict` once every attempt was beaten; whatever else `attempt` throws
 */
export async function repeatIfBeaten<Outcome>(attempt: () => Promise<Outcome>): Promise<Outcome> {
  for (let made = 1; ; made++) {
    try {
      return await attempt();
    } catch (error) {
      if (!isBeaten(error) || made === ATTEMPTS) throw error;
    }
    // Rivals in step would meet again.
    await pause(Math.random() * MAX_DELAY_MS * made);
  }
}

function isBeaten(error: unknown): boolean {
  return error instanceof S3Error && error.code === "ConditionalRequestConflict";
}
