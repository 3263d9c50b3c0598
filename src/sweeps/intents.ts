/**
 * Changes that were begun and not told: the Worker died between the write and its message, or the queue was not to be had.
 * R2 knows whether the write landed, since its entry carries the write's id; then the message is sent, once more if need be.
 */
import type { ObjectChange } from "../model/event.ts";
import { finishChange } from "../storage/journal/changes.ts";
import type { Intent, Intents } from "../storage/journal/intents.ts";
import type { ChangesMessage, MatchedChange, Queues } from "../storage/journal/messages.ts";
import { describeEntry } from "../storage/r2/entry.ts";
import { entryKey } from "../storage/r2/entry-place.ts";

/** Younger ones are most likely just being written, or their message is on its way. */
const LOOK_AFTER_MS = 60 * 1000;
/** Longer than a message normally waits in its queue; sooner would tell twice for no reason. */
const LOOK_AGAIN_AFTER_MS = 15 * 60 * 1000;
/** Longer than any upload takes: what has not landed by then will not. */
const FORGET_AFTER_MS = 24 * 60 * 60 * 1000;
const INTENTS_PER_RUN = 500;
/** R2 calls of one run; what is left over comes first in the next. */
const LOOKS_PER_RUN = 800;
const PARALLEL = 5;

export interface IntentSweep {
  readonly intents: Intents;
  readonly events: Queues["events"];
  readonly stores: ReadonlyMap<string, R2Bucket>;
  readonly now: Date;
}

/** How many were sent, forgotten, and left for later. */
export async function sweepIntents(sweep: IntentSweep): Promise<{ sent: number; forgotten: number; waiting: number }> {
  const { intents, events, stores } = sweep;
  const now = sweep.now.getTime();
  const due = await intents.outstanding({
    madeBefore: new Date(now - LOOK_AFTER_MS),
    notSeenSince: new Date(now - LOOK_AGAIN_AFTER_MS),
    limit: INTENTS_PER_RUN,
  });
  const complete: ChangesMessage[] = [];
  const seen: string[] = [];
  const dead: string[] = [];
  let looks = 0;
  for (const intent of due) {
    const { message, hasLanded, createdAt } = intent;
    if (!hasLanded) looks += message.changes.length;
    if (looks > LOOKS_PER_RUN && seen.length > 0) break;
    const finished = hasLanded ? message : await findLanded(intent, stores.get(message.origin.bucket.region));
    if (finished !== undefined) complete.push(finished);
    if (finished === undefined && now - createdAt > FORGET_AFTER_MS) dead.push(message.id);
    else seen.push(message.id);
  }
  await events.send(complete);
  // After the queue took them: a crash in between sends them once more.
  if (seen.length > 0) await intents.markSeen(seen, sweep.now);
  if (dead.length > 0) await intents.remove(dead);
  return { sent: complete.length, forgotten: dead.length, waiting: seen.length - complete.length };
}

/** The message with those of its changes that have been made; undefined if none has. */
async function findLanded({ message, createdAt }: Intent, store: R2Bucket | undefined) {
  if (store === undefined) return undefined;
  const made: MatchedChange[] = [];
  for (let start = 0; start < message.changes.length; start += PARALLEL) {
    const group = message.changes.slice(start, start + PARALLEL);
    const found = await Promise.all(group.map((change) => lookFor(change, message, createdAt, store)));
    made.push(...found.filter((change) => change !== undefined));
  }
  return made.length === 0 ? undefined : { ...message, changes: made };
}

async function lookFor(
  change: MatchedChange,
  { origin }: ChangesMessage,
  createdAt: number,
  store: R2Bucket,
): Promise<MatchedChange | undefined> {
  const found = await store.head(entryKey(origin.bucket.id, change.key));
  const entry = found === null ? undefined : describeEntry(found);
  if (change.writeId === undefined) {
    // What was there before the removal began is still there. Of what came after, nobody can tell: told in doubt.
    const isUntouched = found !== null && found.uploaded.getTime() < createdAt;
    return isUntouched ? undefined : finishChange(change, { at: new Date(createdAt) });
  }
  if (found === null || entry?.record.w !== change.writeId) return undefined;
  const facts: Pick<ObjectChange, "etag" | "sizeBytes"> = entry.isTombstone
    ? {}
    : { etag: entry.etag, sizeBytes: entry.sizeBytes };
  return finishChange(change, { ...facts, at: found.uploaded });
}
