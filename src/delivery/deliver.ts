/**
 * The consumer of deliveries. First attempts and retries have a queue each, and a receiver that gives no answer or is slow
 * to give one gets all its events through the queue of retries until it is well: so the first queue never waits for it. With
 * it go the account's other receivers at its host, and all of an account with many such hosts: URLs cost nothing.
 */

import type { Services } from "../services.ts";
import type { ReceiverTally } from "../storage/d1/receivers.ts";
import type { SubscriptionPlace } from "../storage/d1/subscriptions.ts";
import type { DeliveryMessage, Event, TestEvent } from "../storage/journal/messages.ts";
import type { QueueMessage } from "../storage/journal/queues.ts";
import { awsMessage } from "./aws-record.ts";
import { boundQueue } from "./bound-queues.ts";
import { type AfterJob, Patience, runInLanes } from "./fair-share.ts";
import { type DeliveryOutcome, nextDelaySeconds } from "./outcome.ts";
import { causeOf, identify, type ReceiverIdentity } from "./receiver-identity.ts";

/** An answer that takes longer makes a receiver slow. */
const SLOW_MS = 1_000;
/** How long a receiver is kept out of the first queue, unless one of its events goes well and quickly before. */
const AVOID_MS = 60 * 60 * 1000;
/** What comes for it meanwhile waits so long before its first attempt, which is then one of the retries. */
const DIVERTED_SECONDS = 5;
/** What waits so long is a retry whose host, or account, has had its time in a batch. It stays the same attempt. */
const POSTPONED_SECONDS = 60;
/** After trouble of our own, which is no attempt. */
const OWN_TROUBLE_SECONDS = 30;

type DeliveryQueueMessage = QueueMessage<DeliveryMessage>;
type BatchServices = DeliveryServices & Pick<Services, "receivers" | "subscriptions">;

interface Job {
  readonly letter: DeliveryQueueMessage;
  readonly receiver: ReceiverIdentity;
}

/** What is still to be sent when all attempts are over. */
interface Leftover extends Job {
  readonly message: DeliveryMessage;
  readonly delaySeconds: number;
}

interface GivenUp extends Job {
  readonly reason: string;
}

/** Answers for every letter. */
export async function deliver(letters: readonly DeliveryQueueMessage[], services: BatchServices): Promise<void> {
  const batch = new DeliveryBatch(services);
  await batch.run(letters);
  await batch.finish();
}

class DeliveryBatch {
  readonly #services: BatchServices;
  readonly #tallies = new Map<string, ReceiverTally>();
  readonly #leftovers: Leftover[] = [];
  readonly #givenUp: GivenUp[] = [];
  /** Of receivers that gave no answer. */
  readonly #down = new Map<string, DeliveryOutcome>();
  readonly #patience = new Patience();

  constructor(services: BatchServices) {
    this.#services = services;
  }

  async run(letters: readonly DeliveryQueueMessage[]): Promise<void> {
    const jobs = await this.#identify(letters);
    const troubles = await this.#services.receivers.troubles(
      jobs.map(({ receiver }) => receiver),
      Date.now(),
    );
    const toTry = jobs.filter((job) => {
      if (isRetry(job.letter.body) || !troubles.has(job.receiver.id)) return true;
      this.#divert(job);
      return false;
    });
    // Of those that share a host or an account, the ones that are well themselves come before patience is lost.
    const isIll = ({ receiver }: Job) => Number(troubles.get(receiver.id) === "own");
    toTry.sort((left, right) => isIll(left) - isIll(right));
    const groups = Map.groupBy(toTry, ({ receiver: { accountId, host } }) => `${accountId} ${host}`);
    await runInLanes(
      [...groups.values()].map((group) => ({ accountId: group[0]?.receiver.accountId ?? "", jobs: group })),
      (job) => this.#attempt(job),
      (job) => this.#skip(job),
    );
  }

  /** Sends on what is left, then answers for it, then counts. */
  async finish(): Promise<void> {
    const { queues, receivers } = this.#services;
    for (const [delaySeconds, leftovers] of Map.groupBy(this.#leftovers, (leftover) => leftover.delaySeconds)) {
      const messages = leftovers.map(({ message }) => message);
      await settle(leftovers, () => queues.retries.send(messages, { delaySeconds }));
    }
    await settle(this.#givenUp, () =>
      queues.deadLetters.send(
        this.#givenUp.map(({ letter, reason }) => ({ kind: "dead-letter", message: letter.body, reason })),
      ),
    );
    try {
      await receivers.record([...this.#tallies.values()], Date.now());
    } catch (error) {
      // Nobody is told twice for the sake of a count.
      console.error(JSON.stringify({ consumer: "delivery", uncounted: this.#tallies.size, cause: String(error) }));
    }
  }

  async #identify(letters: readonly DeliveryQueueMessage[]): Promise<Job[]> {
    const arns = letters.flatMap(({ body: { receiver } }) =>
      receiver.kind === "subscription" ? [receiver.subscriptionArn] : [],
    );
    const places: ReadonlyMap<string, SubscriptionPlace> = await this.#services.subscriptions.places(arns);
    return Promise.all(
      letters.map(async (letter) => {
        const { receiver } = letter.body;
        const place = receiver.kind === "subscription" ? places.get(receiver.subscriptionArn) : undefined;
        return { letter, receiver: await identify(receiver, place ?? { accountId: causeOf(letter.body) }) };
      }),
    );
  }

  async #attempt(job: Job): Promise<AfterJob> {
    const { letter, receiver } = job;
    const options = { isRetry: isRetry(letter.body) };
    if (this.#down.has(receiver.id) || this.#patience.isOver(receiver, options)) {
      this.#skip(job);
      return "go on";
    }
    let outcome: DeliveryOutcome;
    try {
      outcome = await attemptDelivery(letter.body, this.#services);
    } catch (error) {
      console.error(JSON.stringify({ consumer: "delivery", id: letter.body.id, cause: String(error) }));
      letter.retry({ delaySeconds: OWN_TROUBLE_SECONDS });
      return "go on";
    }
    this.#settle(job, outcome);
    if (!isTrouble(outcome)) return "go on";
    if (isDown(outcome)) this.#down.set(receiver.id, { ...outcome, latencyMs: 0 });
    this.#patience.lose(receiver, outcome.latencyMs);
    const now = Date.now();
    this.#services.receivers.avoid(receiver, now + AVOID_MS, now);
    return this.#patience.isOver(receiver, options) ? "stop" : "go on";
  }

  /** If the receiver has just given no answer, a retry counts as tried with it. Everything else can wait. */
  #skip(job: Job): void {
    const outcome = this.#down.get(job.receiver.id);
    if (outcome === undefined || !isRetry(job.letter.body)) this.#divert(job);
    else this.#settle(job, outcome);
  }

  #divert(job: Job): void {
    const message: DeliveryMessage = { ...job.letter.body, isDiverted: true };
    const delaySeconds = isRetry(job.letter.body) ? POSTPONED_SECONDS : DIVERTED_SECONDS;
    this.#leftovers.push({ ...job, message, delaySeconds });
  }

  #settle(job: Job, outcome: DeliveryOutcome): void {
    const { letter, receiver } = job;
    const attempts = letter.body.attempt + 1;
    const delaySeconds =
      outcome.kind === "failed" ? nextDelaySeconds(receiver.kind, attempts, Math.random()) : undefined;
    const isGivenUp = outcome.kind !== "delivered" && delaySeconds === undefined;
    this.#count(receiver, outcome, { isRetry: attempts > 1, isGivenUp });
    if (outcome.kind === "delivered") letter.ack();
    else if (delaySeconds === undefined) this.#givenUp.push({ ...job, reason: outcome.reason });
    else this.#leftovers.push({ ...job, message: { ...letter.body, attempt: attempts }, delaySeconds });
  }

  #count(
    receiver: ReceiverIdentity,
    outcome: DeliveryOutcome,
    { isRetry, isGivenUp }: { isRetry: boolean; isGivenUp: boolean },
  ): void {
    const { id } = receiver;
    const before = this.#tallies.get(id) ?? { delivered: 0, givenUp: 0, failed: 0, retried: 0 };
    const isDelivered = outcome.kind === "delivered";
    const lastFailure = outcome.kind === "delivered" ? this.#tallies.get(id)?.lastFailure : outcome.reason;
    this.#tallies.set(id, {
      ...receiver,
      delivered: before.delivered + Number(isDelivered),
      failed: before.failed + Number(!isDelivered),
      retried: before.retried + Number(isRetry),
      givenUp: before.givenUp + Number(isGivenUp),
      ...(lastFailure !== undefined && { lastFailure }),
      isFailing: !isDelivered,
      ...(isTrouble(outcome) && { avoidUntil: Date.now() + AVOID_MS }),
    });
  }
}

function isTrouble(outcome: DeliveryOutcome): boolean {
  return outcome.latencyMs > SLOW_MS || isDown(outcome);
}

function isDown(outcome: DeliveryOutcome): boolean {
  return outcome.kind === "failed" && outcome.isDown;
}

function isRetry({ attempt, isDiverted }: DeliveryMessage): boolean {
  return attempt > 0 || isDiverted === true;
}

/** Acknowledges what has been sent on; what has not comes again. */
async function settle(jobs: readonly Job[], send: () => Promise<void>): Promise<void> {
  if (jobs.length === 0) return;
  try {
    await send();
    for (const { letter } of jobs) letter.ack();
  } catch (error) {
    console.error(JSON.stringify({ consumer: "delivery", unsent: jobs.length, cause: String(error) }));
    for (const { letter } of jobs) letter.retry({ delaySeconds: OWN_TROUBLE_SECONDS });
  }
}

/** What an attempt needs of the services. */
export type DeliveryServices = Pick<Services, "accounts" | "callbacks" | "queues" | "topicDeliveries">;

/** @throws what is our own trouble, such as D1's: then the attempt does not count */
export async function attemptDelivery(message: DeliveryMessage, services: DeliveryServices): Promise<DeliveryOutcome> {
  const { receiver, event, id } = message;
  switch (receiver.kind) {
    case "callback":
      if (!("origin" in event)) return refused("Callbacks are told of events alone.");
      return services.callbacks.deliver(event, receiver.url, id);
    case "queue":
      if ("topic" in event) return refused("Queues do not subscribe to topics.");
      return sendToQueue(event, receiver.arn, services);
    case "subscription":
      return services.topicDeliveries.deliver(event, receiver);
  }
}

async function sendToQueue(
  event: Event | TestEvent,
  arn: string,
  { accounts, queues }: DeliveryServices,
): Promise<DeliveryOutcome> {
  const { bucket } = "test" in event ? event.test : event.origin;
  const queue = boundQueue(arn, bucket, await accounts.rootId(), queues);
  if (queue === undefined) return refused("There is no such queue for this bucket.");
  const startedAt = Date.now();
  try {
    await queue.send(awsMessage(event));
  } catch (error) {
    const reason = `The queue did not take the message: ${String(error).slice(0, 200)}`;
    return { kind: "failed", reason, isDown: true, latencyMs: Date.now() - startedAt };
  }
  return { kind: "delivered", latencyMs: Date.now() - startedAt };
}

function refused(reason: string): DeliveryOutcome {
  return { kind: "refused", reason, latencyMs: 0 };
}
