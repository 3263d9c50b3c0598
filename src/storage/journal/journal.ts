/**
 * The journal of changes. Every write of an object goes through it, so that every change covered by a notification or
 * replication rule is reported.
 *
 *   intent row (D1) → the write (R2) → does the bucket still exist? → message (queue) → answer
 *
 * The queue accepts the message before the client is answered. If it refuses, the row is completed instead and a sweep sends
 * the message. So every acknowledged change is reported. The consumer removes the row once it has handled the message. After a
 * crash the row remains, and the sweep finds out by the entry's write id whether the write took effect. A change without a matching rule costs nothing.
 */
import { waitUntil } from "cloudflare:workers";
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Bucket } from "../../model/bucket.ts";
import { leavesNothing, type ObjectChange, type ObjectEvent, removalEvent } from "../../model/event.ts";
import { newWriteId } from "../../model/random-ids.ts";
import type { BucketDeletion, WriteEffect } from "../d1/bucket-deletion.ts";
import type { Addition, QuotaGuard } from "../quota-guard.ts";
import type { Intents } from "./intents.ts";
import type { ChangesMessage, OwnQueue } from "./messages.ts";
import {
  type ChangeOutcome,
  type FinishedMessages,
  finishMessages,
  type IntendedChange,
  type IntendedRemoval,
  type MadeChange,
  planMessages,
  type RequestOrigin,
} from "./plan-messages.ts";
import { issueTicket, type WriteTicket } from "./ticket.ts";

/** A write that the journal reports. */
export interface JournaledWrite<Outcome> {
  /** What it adds to the bucket, for quotas; undefined: nothing. */
  readonly adds: Addition | undefined;
  /** Makes the change; the ticket goes into the entry. */
  commit(ticket: WriteTicket): Promise<Outcome>;
  /** The outcome for the event; undefined if nothing has changed. */
  describe(outcome: Outcome): MadeChange | undefined;
}

/** The journal as one request writes into it. */
export interface RequestJournal {
  readonly origin: RequestOrigin;
  /**
   * Makes a change and reports it.
   * @throws whatever `commit` throws; S3Error `QuotaExceeded`, before anything is recorded; S3Error `NoSuchBucket` if the bucket
   * was deleted meanwhile; S3Error if the event could not be stored
   */
  write<Outcome>(bucket: GrantedBucket, change: IntendedChange, write: JournaledWrite<Outcome>): Promise<Outcome>;
  /**
   * Removes keys and reports their removal. For removals that leave nothing: in a bucket that was never versioned.
   * @param commit removes them; unless it throws, all of them are reported
   */
  removeAll(
    bucket: GrantedBucket,
    keys: readonly string[],
    commit: (ticket: WriteTicket) => Promise<void>,
  ): Promise<void>;
  /**
   * Removes objects and versions, each with an outcome of its own, and reports those that were removed. One D1 call for all.
   * For removals that leave the write id of their ticket: in a delete marker, a tombstone or the stub of a version.
   * @throws as `write`
   */
  removeEach<Outcome>(
    bucket: GrantedBucket,
    removals: readonly IntendedRemoval[],
    removal: EachRemoval<Outcome>,
  ): Promise<readonly Outcome[]>;
}

/** Removals that the journal reports. */
export interface EachRemoval<Outcome> {
  /**
   * Makes them with one ticket each, in the order in which they were intended, and returns their outcomes in that order. If it
   * throws, a sweep finds out which of them took effect; a single one that is refused did not.
   */
  commit(tickets: readonly WriteTicket[]): Promise<readonly Outcome[]>;
  /** The outcome for the event; undefined if nothing was removed, "unclear" if a sweep must find out. */
  describe(outcome: Outcome): ChangeOutcome;
}

/** Whose request changes which bucket. */
interface RequestedBucket {
  readonly origin: RequestOrigin;
  readonly bucket: GrantedBucket;
}

export interface JournalOptions {
  readonly intents: Intents;
  readonly events: OwnQueue<ChangesMessage>;
  readonly deletion: Pick<BucketDeletion, "confirm">;
  readonly quotas: Pick<QuotaGuard, "around">;
}

export class Journal {
  readonly #intents: Intents;
  readonly #events: OwnQueue<ChangesMessage>;
  readonly #deletion: Pick<BucketDeletion, "confirm">;
  readonly #quotas: Pick<QuotaGuard, "around">;

  constructor({ intents, events, deletion, quotas }: JournalOptions) {
    this.#intents = intents;
    this.#events = events;
    this.#deletion = deletion;
    this.#quotas = quotas;
  }

  of(origin: RequestOrigin): RequestJournal {
    return {
      origin,
      write: (bucket, change, write) => this.#write({ origin, bucket }, change, write),
      removeAll: (bucket, keys, commit) => this.#removeAll({ origin, bucket }, keys, commit),
      removeEach: (bucket, removals, removal) => this.#removeEach({ origin, bucket }, removals, removal),
    };
  }

  /** Reports an event that is not a write. It has happened already, even if this call fails. */
  async report(origin: RequestOrigin, bucket: Bucket, change: ObjectChange): Promise<void> {
    await this.#events.send(planMessages(origin, bucket, [change]));
  }

  #write<Outcome>(
    requested: RequestedBucket,
    change: IntendedChange,
    write: JournaledWrite<Outcome>,
  ): Promise<Outcome> {
    const { adds, describe } = write;
    if (adds === undefined) return this.#writeOne(requested, change, write);
    return this.#quotas.around(requested.bucket, adds, {
      write: () => this.#writeOne(requested, change, write),
      bytesOf: (outcome) => (adds.bytes === undefined ? 0 : describe(outcome)?.sizeBytes),
    });
  }

  #writeOne<Outcome>(
    { origin, bucket }: RequestedBucket,
    change: IntendedChange,
    { commit, describe }: JournaledWrite<Outcome>,
  ): Promise<Outcome> {
    const writeId = newWriteId();
    const messages = planMessages(origin, bucket, [{ ...change, writeId }]);
    const replicateIf = messages.flatMap(({ replications }) => replications.map((rule) => rule.tags));
    const ticket = issueTicket({
      writeId,
      ...(change.replicaOf !== undefined && { replicaOf: change.replicaOf }),
      ...(replicateIf.length > 0 && { replicateIf }),
    });
    const confirmed = async () => {
      const outcome = await commit(ticket);
      await this.#deletion.confirm(bucket, effectOf([change.event]));
      return outcome;
    };
    if (messages.length === 0) return confirmed();
    return this.#around(messages, { commit: confirmed, isOne: true }, (outcome) => {
      const made = describe(outcome);
      return finishMessages(messages, () => made);
    });
  }

  #removeAll(
    { origin, bucket }: RequestedBucket,
    keys: readonly string[],
    commit: (ticket: WriteTicket) => Promise<void>,
  ): Promise<void> {
    const changes = keys.map((key) => ({ key, event: "ObjectRemoved:Delete" }) as const);
    const messages = planMessages(origin, bucket, changes);
    const ticket = issueTicket({ writeId: newWriteId() });
    const confirmed = async () => {
      await commit(ticket);
      await this.#deletion.confirm(bucket, "adds-nothing");
    };
    if (messages.length === 0) return confirmed();
    return this.#around(messages, { commit: confirmed, isOne: true }, () => {
      const made = { at: new Date() };
      return finishMessages(messages, () => made);
    });
  }

  #removeEach<Outcome>(
    { origin, bucket }: RequestedBucket,
    removals: readonly IntendedRemoval[],
    { commit, describe }: EachRemoval<Outcome>,
  ): Promise<readonly Outcome[]> {
    const isVersioned = bucket.documents.versioning !== undefined;
    const changes = removals.map(({ isExpiration, ...removal }) => {
      const event = removalEvent({ ...removal, isVersioned, ...(isExpiration && { isExpiration }) });
      return { ...removal, event, writeId: newWriteId() };
    });
    const messages = planMessages(origin, bucket, changes);
    const tickets = changes.map(({ writeId, replicaOf }) =>
      issueTicket({ writeId, ...(replicaOf !== undefined && { replicaOf }) }),
    );
    const confirmed = async () => {
      const outcomes = await commit(tickets);
      await this.#deletion.confirm(bucket, effectOf(changes.map(({ event }) => event)));
      return outcomes;
    };
    if (messages.length === 0) return confirmed();
    return this.#around(messages, { commit: confirmed, isOne: removals.length === 1 }, (outcomes) => {
      const made = new Map(outcomes.map((outcome, index) => [tickets[index]?.writeId, describe(outcome)]));
      return finishMessages(messages, ({ writeId }) => made.get(writeId));
    });
  }

  /** @param commit.isOne whether its refusal means that nothing was changed */
  async #around<Outcome>(
    intended: readonly ChangesMessage[],
    { commit, isOne }: { readonly commit: () => Promise<Outcome>; readonly isOne: boolean },
    finish: (outcome: Outcome) => FinishedMessages,
  ): Promise<Outcome> {
    await this.#intents.add(intended, new Date());
    let outcome: Outcome;
    try {
      outcome = await commit();
    } catch (error) {
      // After a refusal nothing was written. After any other error the write may have taken effect: the row stays.
      if (isOne && isRefusal(error)) this.#forget(intended);
      throw error;
    }
    const { made, unclear } = finish(outcome);
    const reported = new Set(made.map(({ id }) => id));
    const unmade = intended.filter(({ id }) => !reported.has(id) && !unclear.has(id));
    if (unmade.length > 0) this.#forget(unmade);
    const isIntent = new Set(intended.map(({ id }) => id));
    const additional = made.filter(({ id }) => !isIntent.has(id));
    if (made.length > 0) await this.#send(made, additional);
    return outcome;
  }

  /**
   * @param additional those without a row
   * @throws S3Error if neither the queue nor the database accepts it; the client must then not get a success.
   */
  async #send(messages: readonly ChangesMessage[], additional: readonly ChangesMessage[]): Promise<void> {
    try {
      await this.#events.send(messages);
    } catch (cause) {
      console.error(JSON.stringify({ journal: "the queue refused a message", cause: String(cause) }));
      try {
        if (additional.length > 0) await this.#intents.add(additional, new Date());
        await this.#intents.markMade(messages);
      } catch (error) {
        throw new S3Error("ServiceUnavailable", { cause: error });
      }
    }
  }

  #forget(messages: readonly ChangesMessage[]): void {
    // If this fails, the sweep finds that the writes did not take effect.
    waitUntil(this.#intents.remove(messages.map(({ id }) => id)).catch(() => {}));
  }
}

function isRefusal(error: unknown): boolean {
  return error instanceof S3Error && (error.status < 500 || error.code === "NotImplemented");
}

/** What changes do to a bucket that is being deleted: a delete marker keeps it from being empty. */
function effectOf(events: readonly ObjectEvent[]): WriteEffect {
  return events.every(leavesNothing) ? "adds-nothing" : "adds";
}
