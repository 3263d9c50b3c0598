/**
 * The journal of changes: whoever writes an object does it through here, so that no change escapes those who asked to be
 * told of it.
 *
 *   intent row (D1) → the write (R2) → is the bucket still there? → message (queue) → answer
 *
 * The message is accepted before the client is answered; where the queue refuses it, the row is completed instead and a
 * sweep sends it. So no acknowledged change is untold. A crash in between leaves a row that the sweep decides by the
 * entry's write id. A bucket without a rule for the change pays nothing.
 */
import { waitUntil } from "cloudflare:workers";
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Bucket } from "../../model/bucket.ts";
import type { ChangeOrigin, ObjectChange, ObjectEvent } from "../../model/event.ts";
import { matchNotifications, type NotificationRule } from "../../model/notification.ts";
import { newIntentId, newWriteId } from "../../model/random-ids.ts";
import { matchReplication, type ReplicaState, type ReplicationRule } from "../../model/replication.ts";
import type { BucketDeletion } from "../d1/bucket-deletion.ts";
import type { Intents } from "./intents.ts";
import type { ChangesMessage, MatchedChange } from "./messages.ts";
import type { OwnQueue } from "./queues.ts";
import { nextSequencer } from "./sequencer.ts";
import { issueTicket, type WriteTicket } from "./ticket.ts";

/** Changes of many keys are cut into messages that keep well below a queue's 128 KB. */
const MESSAGE_BYTES = 80_000;
/** Each change may go to a hundred subscribers: a message that brings too many could not be spread in one go. */
const MESSAGE_CHANGES = 100;
/** What a finished change adds: sequencer, ETag, size, places of its rules. */
const CHANGE_BYTES = 200;

/** What a request tells of itself, whichever bucket it changes. */
export type RequestOrigin = Omit<ChangeOrigin, "bucket">;

export interface IntendedChange {
  readonly key: string;
  readonly event: ObjectEvent;
  /** The change makes a replica of this state of an object elsewhere: no rule replicates it further. */
  readonly replicaOf?: ReplicaState;
}

/** What a finished write tells its event. */
export interface Landed {
  /** Without quotes; absent for removals. */
  readonly etag?: string;
  /** Absent for removals. */
  readonly sizeBytes?: number;
  /** When it took effect. */
  readonly at: Date;
  /** If an earlier attempt made the entry. */
  readonly writeId?: string;
}

/** The journal as one request writes into it. */
export interface RequestJournal {
  /**
   * Makes a change and tells those who asked for it.
   * @param commit makes it; the ticket goes into the entry
   * @param describe what it came to; undefined if nothing has changed
   * @throws whatever `commit` throws; S3Error `NoSuchBucket` if the bucket was deleted meanwhile; S3Error where the event
   * could be kept nowhere
   */
  write<Outcome>(
    bucket: GrantedBucket,
    change: IntendedChange,
    commit: (ticket: WriteTicket) => Promise<Outcome>,
    describe: (outcome: Outcome) => Landed | undefined,
  ): Promise<Outcome>;
  /**
   * Removes keys and tells those who asked for it.
   * @param commit removes them; all of them are told of unless it throws
   */
  removeAll(
    bucket: GrantedBucket,
    keys: readonly string[],
    commit: (ticket: WriteTicket) => Promise<void>,
  ): Promise<void>;
}

export class Journal {
  readonly #intents: Intents;
  readonly #events: OwnQueue<ChangesMessage>;
  readonly #deletion: Pick<BucketDeletion, "confirm">;

  constructor(intents: Intents, events: OwnQueue<ChangesMessage>, deletion: Pick<BucketDeletion, "confirm">) {
    this.#intents = intents;
    this.#events = events;
    this.#deletion = deletion;
  }

  of(origin: RequestOrigin): RequestJournal {
    return {
      write: (bucket, change, commit, describe) => this.#write(origin, bucket, change, commit, describe),
      removeAll: (bucket, keys, commit) => this.#removeAll(origin, bucket, keys, commit),
    };
  }

  /** Tells of something that is no write: it has happened, whatever becomes of this call. */
  async tell(origin: RequestOrigin, bucket: Bucket, change: ObjectChange): Promise<void> {
    await this.#events.send(plan(origin, bucket, [change]));
  }

  async #write<Outcome>(
    origin: RequestOrigin,
    bucket: GrantedBucket,
    change: IntendedChange,
    commit: (ticket: WriteTicket) => Promise<Outcome>,
    describe: (outcome: Outcome) => Landed | undefined,
  ): Promise<Outcome> {
    const writeId = newWriteId();
    const messages = plan(origin, bucket, [{ ...change, writeId }]);
    const replicateIf = messages.flatMap(({ replications }) => replications.map((rule) => rule.tags));
    const ticket = issueTicket({
      writeId,
      ...(change.replicaOf !== undefined && { replicaOf: change.replicaOf }),
      ...(replicateIf.length > 0 && { replicateIf }),
    });
    const confirmed = async () => {
      const outcome = await commit(ticket);
      await this.#deletion.confirm(bucket, change.event.startsWith("ObjectRemoved:") ? "lets go" : "keeps");
      return outcome;
    };
    if (messages.length === 0) return confirmed();
    return this.#around(messages, confirmed, (outcome) => {
      const landed = describe(outcome);
      return landed === undefined ? [] : complete(messages, landed);
    });
  }

  #removeAll(
    origin: RequestOrigin,
    bucket: GrantedBucket,
    keys: readonly string[],
    commit: (ticket: WriteTicket) => Promise<void>,
  ): Promise<void> {
    const changes = keys.map((key) => ({ key, event: "ObjectRemoved:Delete" }) as const);
    const messages = plan(origin, bucket, changes);
    const ticket = issueTicket({ writeId: newWriteId() });
    const confirmed = async () => {
      await commit(ticket);
      await this.#deletion.confirm(bucket, "lets go");
    };
    if (messages.length === 0) return confirmed();
    return this.#around(messages, confirmed, () => complete(messages, { at: new Date() }));
  }

  async #around<Outcome>(
    intended: readonly ChangesMessage[],
    commit: () => Promise<Outcome>,
    finish: (outcome: Outcome) => readonly ChangesMessage[],
  ): Promise<Outcome> {
    await this.#intents.add(intended, new Date());
    let outcome: Outcome;
    try {
      outcome = await commit();
    } catch (error) {
      // After a refusal nothing was written. After anything else the write may have landed: the row stays for the sweep.
      if (error instanceof S3Error && error.status < 500) this.#forget(intended);
      throw error;
    }
    const finished = finish(outcome);
    if (finished.length === 0) this.#forget(intended);
    else await this.#send(finished);
    return outcome;
  }

  /** @throws S3Error if neither the queue nor the database takes it: then the client must not be told that all is well. */
  async #send(messages: readonly ChangesMessage[]): Promise<void> {
    try {
      await this.#events.send(messages);
    } catch (cause) {
      console.error(JSON.stringify({ journal: "the queue refused a message", cause: String(cause) }));
      await this.#intents.markLanded(messages).catch((error: unknown) => {
        throw new S3Error("ServiceUnavailable", { cause: error });
      });
    }
  }

  #forget(messages: readonly ChangesMessage[]): void {
    // What stays if this fails, the sweep finds not to have landed.
    waitUntil(this.#intents.remove(messages.map(({ id }) => id)).catch(() => {}));
  }
}

type PlannedChange = Omit<ObjectChange, "at" | "sequencer"> & Pick<IntendedChange, "replicaOf">;

/** The messages that tell of changes: none if no rule applies. */
function plan(
  origin: RequestOrigin,
  { name, id, region, accountId, ownerId, documents }: Bucket,
  changes: readonly PlannedChange[],
): readonly ChangesMessage[] {
  const { notification, replication } = documents;
  if (notification === undefined && replication === undefined) return [];
  const drafts = new Drafts();
  for (const { replicaOf, ...change } of changes) {
    const { event, key } = change;
    const notifications = notification === undefined ? [] : matchNotifications(notification, event, key);
    const replications =
      replication === undefined || replicaOf !== undefined ? [] : matchReplication(replication, event, key);
    for (const rule of notifications) drafts.add(change, "notifications", rule);
    for (const rule of replications) drafts.add(change, "replications", rule);
  }
  const bucket = { name, id, region, accountId, ownerId };
  return drafts.all.map(({ notifications, replications, changes: matched }) => ({
    kind: "changes",
    id: newIntentId(),
    origin: { ...origin, bucket },
    notifications,
    replications,
    changes: matched,
  }));
}

interface Draft {
  readonly notifications: NotificationRule[];
  readonly replications: ReplicationRule[];
  readonly changes: (MatchedChange & { readonly notify: number[]; readonly replicate: number[] })[];
  /** What it comes to as JSON, or a little more. */
  bytes: number;
}

/** Packs changes and the rules they meet into messages that a queue takes; a rule stands in each message once. */
class Drafts {
  readonly all: Draft[] = [];
  readonly #sizes = new Map<object, number>();

  add(change: Omit<ObjectChange, "at" | "sequencer">, kind: "notifications" | "replications", rule: Rule): void {
    let draft = this.all.at(-1);
    const isFull =
      draft !== undefined &&
      (draft.bytes + this.#size(change) + this.#size(rule) > MESSAGE_BYTES ||
        (draft.changes.length === MESSAGE_CHANGES && draft.changes.at(-1)?.key !== change.key));
    if (draft === undefined || isFull) {
      draft = { notifications: [], replications: [], changes: [], bytes: 0 };
      this.all.push(draft);
    }
    let matched = draft.changes.at(-1);
    if (matched?.key !== change.key) {
      matched = { ...change, at: 0, sequencer: "", notify: [], replicate: [] };
      draft.changes.push(matched);
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

/** The messages once the write has ended. */
function complete(messages: readonly ChangesMessage[], landed: Landed): readonly ChangesMessage[] {
  return messages.map((message) => ({
    ...message,
    changes: message.changes.map((change) => finishChange(change, landed)),
  }));
}

/** The change with what only the finished write tells. */
export function finishChange(change: MatchedChange, { at, ...facts }: Landed): MatchedChange {
  return { ...change, ...facts, at: at.getTime(), sequencer: nextSequencer(at) };
}
