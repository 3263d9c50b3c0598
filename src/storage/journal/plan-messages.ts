/** Changes as messages: which rules apply to them, how they are packed, and what the finished write adds to them. */
import type { Bucket } from "../../model/bucket.ts";
import { type ChangeOrigin, leavesNothing, type ObjectChange, type ObjectEvent } from "../../model/event.ts";
import { matchNotifications, type NotificationRule } from "../../model/notification.ts";
import { newIntentId } from "../../model/random-ids.ts";
import { matchReplication, type ReplicaState, type ReplicationRule } from "../../model/replication.ts";
import type { ChangesMessage, MatchedChange } from "./messages.ts";

/** Changes of many keys are split into messages that stay well below a queue's 128 KB. */
const MESSAGE_BYTES = 80_000;
/** Each change may go to a hundred subscribers, so a consumer could not spread a message with more changes in one run. */
const MESSAGE_CHANGES = 100;
/** What a finished change adds: sequencer, ETag, size, version id, indexes of its rules. */
const CHANGE_BYTES = 250;

/** The origin of a change as far as it does not depend on the bucket. */
export type RequestOrigin = Omit<ChangeOrigin, "bucket" | "time"> & { readonly time: Date };

export interface IntendedChange {
  readonly key: string;
  readonly event: ObjectEvent;
  /** The version that it is about, if the request names one. */
  readonly versionId?: string | undefined;
  /** The change makes a replica of this state of an object in another bucket: no rule replicates it further. */
  readonly replicaOf?: ReplicaState;
}

/** A removal of an object, of one of its versions, or of a replica. Its event follows from the bucket and the version id. */
export interface IntendedRemoval extends Omit<IntendedChange, "event"> {
  /** A lifecycle rule removes it. */
  readonly isExpiration?: boolean;
}

/** What an event needs to know about a finished write. */
export interface MadeChange {
  /** Without quotes; absent for removals. */
  readonly etag?: string;
  /** Absent for removals. */
  readonly sizeBytes?: number;
  /** Of the version that was written, changed or removed; absent in a bucket that was never versioned. */
  readonly versionId?: string | undefined;
  /** When it took effect. */
  readonly at: Date;
  /** If an earlier attempt made the entry. */
  readonly writeId?: string;
}

interface PlannedChange extends IntendedChange, Omit<ObjectChange, "at" | "sequencer" | "versionId"> {}

/** The messages that report changes; empty if no rule applies. */
export function planMessages(
  origin: RequestOrigin,
  { name, id, region, accountId, ownerId, documents }: Bucket,
  changes: readonly PlannedChange[],
): readonly ChangesMessage[] {
  const { notification, replication } = documents;
  if (notification === undefined && replication === undefined) return [];
  const drafts = new Drafts();
  for (const { replicaOf, versionId, ...others } of changes) {
    const change = { ...others, ...(versionId !== undefined && { versionId }) };
    const { event, key } = change;
    const notifications = notification === undefined ? [] : matchNotifications(notification, event, key);
    // "If you specify an object version ID to delete in a DELETE request, Amazon S3 deletes that object version in the source
    // bucket. But it doesn't replicate the deletion" ("How delete operations affect replication").
    const isOfVersion = documents.versioning !== undefined && versionId !== undefined;
    const isReplicated = replicaOf === undefined && !(leavesNothing(event) && isOfVersion);
    const replications = replication === undefined || !isReplicated ? [] : matchReplication(replication, event, key);
    for (const rule of notifications) drafts.add(change, "notifications", rule);
    for (const rule of replications) drafts.add(change, "replications", rule);
  }
  const { location } = documents;
  const bucket = { name, id, region, ...(location && { location: location.region }), accountId, ownerId };
  return drafts.all.map(({ notifications, replications, changes: matched }) => ({
    kind: "changes",
    id: newIntentId(),
    origin: { ...origin, time: origin.time.getTime(), bucket },
    ...(documents.versioning !== undefined && { isVersioned: true as const }),
    notifications,
    replications,
    changes: matched,
  }));
}

interface Draft {
  readonly notifications: NotificationRule[];
  readonly replications: ReplicationRule[];
  readonly changes: (MatchedChange & { readonly notify: number[]; readonly replicate: number[] })[];
  /** The last one as it was planned: two changes may be about the same key. */
  last?: object;
  /** Its length as JSON, or a little more. */
  bytes: number;
}

/** Packs changes and the rules that apply to them into messages that a queue accepts. Each message contains a rule once. */
class Drafts {
  readonly all: Draft[] = [];
  readonly #sizes = new Map<object, number>();

  add(change: Omit<ObjectChange, "at" | "sequencer">, kind: "notifications" | "replications", rule: Rule): void {
    let draft = this.all.at(-1);
    const isFull =
      draft !== undefined &&
      (draft.bytes + this.#size(change) + this.#size(rule) > MESSAGE_BYTES ||
        (draft.changes.length === MESSAGE_CHANGES && draft.last !== change));
    if (draft === undefined || isFull) {
      draft = { notifications: [], replications: [], changes: [], bytes: 0 };
      this.all.push(draft);
    }
    let matched = draft.changes.at(-1);
    if (matched === undefined || draft.last !== change) {
      matched = { ...change, at: 0, sequencer: "", notify: [], replicate: [] };
      draft.changes.push(matched);
      draft.last = change;
      draft.bytes += this.#size(change);
    }
    const rules: Rule[] = draft[kind];
    let place = rules.indexOf(rule);
    if (place === -1) {
      place = rules.push(rule) - 1;
      draft.bytes += this.#size(rule);
    }
    matched[kind === "notifications" ? "notify" : "replicate"].push(place);
  }

  #size(value: object): number {
    const known = this.#sizes.get(value) ?? new TextEncoder().encode(JSON.stringify(value)).byteLength + CHANGE_BYTES;
    this.#sizes.set(value, known);
    return known;
  }
}

type Rule = NotificationRule | ReplicationRule;

/** What is known of a change once its write has ended: undefined if nothing was changed. */
export type ChangeOutcome = MadeChange | "unclear" | undefined;

/** Messages once their writes have ended. */
export interface FinishedMessages {
  /** With the changes that were made. One that has a new id reports only some changes of an intent, whose row stays. */
  readonly made: readonly ChangesMessage[];
  /** Ids of intents with changes that may have been made. */
  readonly unclear: ReadonlySet<string>;
}

export function finishMessages(
  messages: readonly ChangesMessage[],
  outcomeOf: (change: MatchedChange) => ChangeOutcome,
): FinishedMessages {
  const unclear = new Set<string>();
  const made = messages.flatMap((message) => {
    const changes: MatchedChange[] = [];
    for (const change of message.changes) {
      const outcome = outcomeOf(change);
      if (outcome === "unclear") unclear.add(message.id);
      else if (outcome !== undefined) changes.push(finishChange(change, outcome));
    }
    if (changes.length === 0) return [];
    return [{ ...message, ...(unclear.has(message.id) && { id: newIntentId() }), changes }];
  });
  return { made, unclear };
}

/** The change with what is known only after the write. */
export function finishChange(change: MatchedChange, made: MadeChange): MatchedChange {
  const { at, etag, sizeBytes, versionId, writeId } = made;
  return {
    ...change,
    ...(etag !== undefined && { etag }),
    ...(sizeBytes !== undefined && { sizeBytes }),
    ...(versionId !== undefined && { versionId }),
    ...(writeId !== undefined && { writeId }),
    at: at.getTime(),
    sequencer: nextSequencer(at),
  };
}

/** By how much the clocks of R2 and of this isolate may differ. */
const SKEW_MS = 2_000;

let lastMs = 0;
let step = 0;

/**
 * `sequencer` of an event: "compare the strings of two events for the same object key; the greater is the later" (S3 "Event
 * message structure"). Milliseconds, and within one the order in which this isolate saw the writes end.
 * 16 upper-case hexadecimal digits. A change from long ago has the sequencer of its own time; a recent one
 * comes after every change that this isolate has reported before.
 * @param at when the write took effect, by the clock of the store
 */
export function nextSequencer(at: Date): string {
  const ms = at.getTime();
  if (ms < lastMs - SKEW_MS) return hex(ms, 12) + hex(0, 4);
  step = ms <= lastMs ? step + 1 : 0;
  lastMs = Math.max(lastMs, ms);
  return hex(lastMs, 12) + hex(step, 4);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
