/**
 * Changes that were begun and not reported: the Worker died between the write and its message, or the queue was unavailable.
 * R2 shows whether the write took effect, since it left its id (`storage/journal/find-made.ts`); then the message is sent,
 * possibly again.
 */
import { isAdopted } from "../model/adopted.ts";
import { newIntentId } from "../model/random-ids.ts";
import { type AdoptedSource, findAdoptedMade } from "../storage/adopted/find-made.ts";
import { type FoundChanges, findMade } from "../storage/journal/find-made.ts";
import type { Intent, Intents } from "../storage/journal/intents.ts";
import type { ChangesMessage, Queues } from "../storage/journal/messages.ts";
import type { RegionStores } from "../storage/r2/entry-place.ts";

/** Younger changes are probably being written, or their message is in the queue. */
const LOOK_AFTER_MS = 60 * 1000;
/** Longer than a message normally waits in its queue, so that few changes are reported twice. */
const LOOK_AGAIN_AFTER_MS = 15 * 60 * 1000;
/** For deletions that will be completed: less than the ten minutes for which their stubs stay afterwards at least. */
const LOOK_AGAIN_IF_BEGUN_AFTER_MS = 4 * 60 * 1000;
/** Longer than any upload takes: a write that has not taken effect by then will not. */
const FORGET_AFTER_MS = 24 * 60 * 60 * 1000;
const INTENTS_PER_RUN = 500;
/** R2 calls of one run; the next run begins with the changes that are left. */
const LOOKS_PER_RUN = 800;

export interface IntentSweep {
  readonly intents: Intents;
  readonly events: Queues["events"];
  readonly stores: RegionStores;
  readonly adopted: AdoptedSource;
  readonly now: Date;
}

/** How many were sent, forgotten, and left for later. */
export async function sweepIntents(sweep: IntentSweep): Promise<{ sent: number; forgotten: number; waiting: number }> {
  const { intents, events } = sweep;
  const now = sweep.now.getTime();
  const due = await intents.outstanding({
    madeBefore: new Date(now - LOOK_AFTER_MS),
    notSeenSince: new Date(now - LOOK_AGAIN_AFTER_MS),
    limit: INTENTS_PER_RUN,
  });
  const complete: ChangesMessage[] = [];
  const narrowed: ChangesMessage[] = [];
  const seen: string[] = [];
  const begunIds: string[] = [];
  const toForget: string[] = [];
  let looks = 0;
  for (const intent of due) {
    const { message, isMade, createdAt } = intent;
    if (!isMade) looks += message.changes.length * (message.isVersioned === true ? 2 : 1);
    if (looks > LOOKS_PER_RUN && seen.length + begunIds.length > 0) break;
    const { made, begun } = isMade ? { made: message.changes, begun: [] } : await find(intent, sweep);
    if (made.length > 0 && begun.length === 0) complete.push({ ...message, changes: made });
    if (made.length > 0 && begun.length > 0) {
      // The consumer of a message removes the row with its id, and this row is still needed.
      complete.push({ ...message, id: newIntentId(), changes: made });
      narrowed.push({ ...message, changes: begun });
    }
    const isOld = now - createdAt.getTime() > FORGET_AFTER_MS;
    if (begun.length > 0) begunIds.push(message.id);
    else if (isOld && made.length === 0) toForget.push(message.id);
    else seen.push(message.id);
  }
  await events.send(complete);
  // After the queue took them: a crash in between sends them once more.
  if (narrowed.length > 0) await intents.narrow(narrowed);
  if (seen.length > 0) await intents.markSeen(seen, sweep.now);
  const lookedAt = new Date(now - LOOK_AGAIN_AFTER_MS + LOOK_AGAIN_IF_BEGUN_AFTER_MS);
  if (begunIds.length > 0) await intents.markSeen(begunIds, lookedAt);
  if (toForget.length > 0) await intents.remove(toForget);
  const waiting = seen.length + begunIds.length - (complete.length - narrowed.length);
  return { sent: complete.length, forgotten: toForget.length, waiting };
}

function find(intent: Intent, { stores, adopted }: IntentSweep): Promise<FoundChanges> {
  return isAdopted(intent.message.origin.bucket) ? findAdoptedMade(intent, adopted) : findMade(intent, stores);
}
