/**
 * The consumer of deliveries. First attempts and retries have separate queues. A receiver that is slow or gives no
 * answer is avoided: its events go through the retry queue, so that first attempts at other receivers do not wait for
 * it. The account's other receivers at its host are avoided with it, and all receivers of an account with many such
 * hosts, since an account can use any number of URLs.
 */

import type { Services } from "../services.ts";
import type { ReceiverTally } from "../storage/d1/receivers.ts";
import type { SubscriptionEndpoint } from "../storage/d1/subscriptions.ts";
import type { DeliveryMessage, Event, QueueMessage, TestEvent } from "../storage/journal/messages.ts";
import { awsMessage } from "./aws-record.ts";
import { findBoundQueue } from "./bound-queues.ts";
import { type AfterJob, runGroups, TimeBudget } from "./fair-share.ts";
import { type DeliveryOutcome, nextDelaySeconds } from "./outcome.ts";
import { identifyReceiver, type ReceiverIdentity, responsibleAccount } from "./receiver-identity.ts";

/** A receiver is slow if an attempt takes longer. */
const SLOW_MS = 1_000;
/** How long a receiver is avoided, unless an event is delivered to it quickly before. */
const AVOID_MS = 60 * 60 * 1000;
/** Delay of an avoided receiver's events before their first attempt, which the retry queue makes. */
const AVOIDED_RECEIVER_SECONDS = 5;
/** Delay of a retry whose host or account has spent its time in this batch. It does not count as an attempt. */
const BUDGET_SPENT_SECONDS = 60;
/** Delay after a failure of the deployment itself, which does not count as an attempt. */
const OWN_FAILURE_SECONDS = 30;

type DeliveryQueueMessage = QueueMessage<DeliveryMessage>;
type BatchServices = DeliveryServices & Pick<Services, "receivers" | "subscriptions">;

interface Job {
  readonly message: DeliveryQueueMessage;
  readonly receiver: ReceiverIdentity;
}

/** A message to be sent to the retry queue at the end of the batch. */
interface Resend extends Job {
  readonly body: DeliveryMessage;
  readonly delaySeconds: number;
}

interface GivenUp extends Job {
  readonly reason: string;
}

/** Acknowledges or retries every message. */
export async function deliver(messages: readonly DeliveryQueueMessage[], services: BatchServices): Promise<void> {
  const batch = new DeliveryBatch(services);
  await batch.attemptAll(messages);
  await batch.finish();
}

class DeliveryBatch {
  readonly #services: BatchServices;
  readonly #tallies = new Map<string, ReceiverTally>();
  readonly #resends: Resend[] = [];
  readonly #givenUp: GivenUp[] = [];
  /** By id: receivers that gave no answer in this batch. */
  readonly #down = new Map<string, DeliveryOutcome>();
  readonly #timeBudget = new TimeBudget();

  constructor(services: BatchServices) {
    this.#services = services;
  }

  async attemptAll(messages: readonly DeliveryQueueMessage[]): Promise<void> {
    const jobs = await this.#identify(messages);
    const avoided = await this.#services.receivers.findAvoided(
      jobs.map(({ receiver }) => receiver),
      new Date(),
    );
    const toTry = jobs.filter((job) => {
      if (isRetry(job.message.body) || !avoided.has(job.receiver.id)) return true;
      this.#postpone(job);
      return false;
    });
    // Receivers that are avoided themselves come last: the others of their host or account need the time first.
    const isAvoidedItself = ({ receiver }: Job) => Number(avoided.get(receiver.id) === "own");
    toTry.sort((left, right) => isAvoidedItself(left) - isAvoidedItself(right));
    const groups = Map.groupBy(toTry, ({ receiver: { accountId, host } }) => `${accountId} ${host}`);
    await runGroups(
      [...groups.values()].map((group) => ({ accountId: group[0]?.receiver.accountId ?? "", jobs: group })),
      (job) => this.#attempt(job),
      (job) => this.#skip(job),
    );
  }

  /** Sends retries and dead letters, acknowledges their messages, then records statistics. */
  async finish(): Promise<void> {
    const { queues, receivers } = this.#services;
    for (const [delaySeconds, resends] of Map.groupBy(this.#resends, (resend) => resend.delaySeconds)) {
      const messages = resends.map(({ body }) => body);
      await sendAndAcknowledge(resends, () => queues.retries.send(messages, { delaySeconds }));
    }
    await sendAndAcknowledge(this.#givenUp, () =>
      queues.deadLetters.send(
        this.#givenUp.map(({ message, reason }) => ({ kind: "dead-letter", message: message.body, reason })),
      ),
    );
    try {
      await receivers.record([...this.#tallies.values()], new Date());
    } catch (error) {
      // Statistics are not worth a second delivery.
      console.error(JSON.stringify({ consumer: "delivery", uncounted: this.#tallies.size, cause: String(error) }));
    }
  }

  async #identify(messages: readonly DeliveryQueueMessage[]): Promise<Job[]> {
    const arns = messages.flatMap(({ body: { receiver } }) =>
      receiver.kind === "subscription" ? [receiver.subscriptionArn] : [],
    );
    const endpoints: ReadonlyMap<string, SubscriptionEndpoint> = await this.#services.subscriptions.findEndpoints(arns);
    // Most messages of a batch are for the same few receivers.
    const identities = new Map<string, Promise<ReceiverIdentity>>();
    return Promise.all(
      messages.map(async (message) => {
        const { receiver } = message.body;
        const endpoint = receiver.kind === "subscription" ? endpoints.get(receiver.subscriptionArn) : undefined;
        const caller = endpoint ?? { accountId: responsibleAccount(message.body) };
        const key = JSON.stringify([receiver, caller.accountId]);
        const identity = identities.get(key) ?? identifyReceiver(receiver, caller);
        identities.set(key, identity);
        return { message, receiver: await identity };
      }),
    );
  }

  async #attempt(job: Job): Promise<AfterJob> {
    const { message, receiver } = job;
    const options = { isRetry: isRetry(message.body) };
    if (this.#down.has(receiver.id) || this.#timeBudget.isSpent(receiver, options)) {
      this.#skip(job);
      return "continue";
    }
    let outcome: DeliveryOutcome;
    try {
      outcome = await attemptDelivery(message.body, this.#services);
    } catch (error) {
      console.error(JSON.stringify({ consumer: "delivery", id: message.body.id, cause: String(error) }));
      message.retry({ delaySeconds: OWN_FAILURE_SECONDS });
      return "continue";
    }
    this.#finishAttempt(job, outcome);
    if (!isSlowOrDown(outcome)) return "continue";
    if (isDown(outcome)) this.#down.set(receiver.id, { ...outcome, latencyMs: 0 });
    this.#timeBudget.spend(receiver, outcome.latencyMs);
    const now = new Date();
    this.#services.receivers.avoid(receiver, avoidUntil(now), now);
    return this.#timeBudget.isSpent(receiver, options) ? "stop" : "continue";
  }

  /**
   * A retry to a receiver that gave no answer in this batch fails with the same outcome. Anything else is postponed.
   */
  #skip(job: Job): void {
    const outcome = this.#down.get(job.receiver.id);
    if (outcome === undefined || !isRetry(job.message.body)) this.#postpone(job);
    else this.#finishAttempt(job, outcome);
  }

  #postpone(job: Job): void {
    const body: DeliveryMessage = { ...job.message.body, isDiverted: true };
    const delaySeconds = isRetry(job.message.body) ? BUDGET_SPENT_SECONDS : AVOIDED_RECEIVER_SECONDS;
    this.#resends.push({ ...job, body, delaySeconds });
  }

  #finishAttempt(job: Job, outcome: DeliveryOutcome): void {
    const { message, receiver } = job;
    const attempts = message.body.attempt + 1;
    const delaySeconds =
      outcome.kind === "failed" ? nextDelaySeconds(receiver.kind, attempts, Math.random()) : undefined;
    const isGivenUp = outcome.kind !== "delivered" && delaySeconds === undefined;
    this.#count(receiver, outcome, { isRetry: attempts > 1, isGivenUp });
    if (outcome.kind === "delivered") message.ack();
    else if (delaySeconds === undefined) this.#givenUp.push({ ...job, reason: outcome.reason });
    else this.#resends.push({ ...job, body: { ...message.body, attempt: attempts }, delaySeconds });
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
      ...(isSlowOrDown(outcome) && { avoidUntil: avoidUntil(new Date()) }),
    });
  }
}

function avoidUntil(now: Date): Date {
  return new Date(now.getTime() + AVOID_MS);
}

function isSlowOrDown(outcome: DeliveryOutcome): boolean {
  return outcome.latencyMs > SLOW_MS || isDown(outcome);
}

function isDown(outcome: DeliveryOutcome): boolean {
  return outcome.kind === "failed" && outcome.isDown;
}

function isRetry({ attempt, isDiverted }: DeliveryMessage): boolean {
  return attempt > 0 || isDiverted === true;
}

/** Acknowledges messages once their successors are sent; otherwise they are delivered to the consumer again. */
async function sendAndAcknowledge(jobs: readonly Job[], send: () => Promise<void>): Promise<void> {
  if (jobs.length === 0) return;
  try {
    await send();
    for (const { message } of jobs) message.ack();
  } catch (error) {
    console.error(JSON.stringify({ consumer: "delivery", unsent: jobs.length, cause: String(error) }));
    for (const { message } of jobs) message.retry({ delaySeconds: OWN_FAILURE_SECONDS });
  }
}

type DeliveryServices = Pick<Services, "accounts" | "callbacks" | "queues" | "topicDeliveries">;

/** @throws failures of the deployment itself, such as D1's: then the attempt does not count */
async function attemptDelivery(message: DeliveryMessage, services: DeliveryServices): Promise<DeliveryOutcome> {
  const { receiver, event, id } = message;
  switch (receiver.kind) {
    case "callback":
      if (!("origin" in event)) return refused("Callbacks receive only events.");
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
  const queue = findBoundQueue(arn, { bucket, rootAccountId: await accounts.rootId() }, queues);
  if (queue === undefined) return refused("There is no such queue for this bucket.");
  const startedAt = Date.now();
  try {
    await queue.send(awsMessage(event));
  } catch (error) {
    const reason = `The queue did not accept the message: ${String(error).slice(0, 200)}`;
    return { kind: "failed", reason, isDown: true, latencyMs: Date.now() - startedAt };
  }
  return { kind: "delivered", latencyMs: Date.now() - startedAt };
}

function refused(reason: string): DeliveryOutcome {
  return { kind: "refused", reason, latencyMs: 0 };
}
