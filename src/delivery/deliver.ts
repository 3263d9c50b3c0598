/**
 * The consumer of deliveries. First attempts and retries have a queue each, and a receiver that gives no answer or is slow
 * to give one gets all its events through the queue of retries until it is well: so the first queue never waits for it.
 */
import type { Letter } from "../consumers/index.ts";
import type { Services } from "../services.ts";
import type { ReceiverTally } from "../storage/d1/receivers.ts";
import type { DeliveryMessage } from "../storage/journal/messages.ts";
import { attemptDelivery, type DeliveryServices } from "./attempt.ts";
import { type AfterJob, runInLanes } from "./lanes.ts";
import type { DeliveryOutcome } from "./outcome.ts";
import { identify, type ReceiverIdentity } from "./receiver-identity.ts";
import { nextDelaySeconds } from "./retry-policy.ts";

/** An answer that takes longer makes a receiver slow. */
const SLOW_MS = 1_000;
/** How long a receiver is kept out of the first queue, unless one of its events goes well and quickly before. */
const AVOID_MS = 60 * 60 * 1000;
/** What comes for it meanwhile waits so long before its first attempt, which is then one of the retries. */
const DIVERTED_SECONDS = 5;
/** After trouble of our own, which is no attempt. */
const OWN_TROUBLE_SECONDS = 30;

type DeliveryLetter = Letter<DeliveryMessage>;

interface Job {
  readonly letter: DeliveryLetter;
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
export async function deliver(
  letters: readonly DeliveryLetter[],
  services: DeliveryServices & Pick<Services, "receivers">,
): Promise<void> {
  const batch = new DeliveryBatch(services);
  await batch.run(letters);
  await batch.finish();
}

class DeliveryBatch {
  readonly #services: DeliveryServices & Pick<Services, "receivers">;
  readonly #tallies = new Map<string, ReceiverTally>();
  readonly #leftovers: Leftover[] = [];
  readonly #givenUp: GivenUp[] = [];
  /** Of receivers that gave no answer. */
  readonly #down = new Map<string, DeliveryOutcome>();

  constructor(services: DeliveryServices & Pick<Services, "receivers">) {
    this.#services = services;
  }

  async run(letters: readonly DeliveryLetter[]): Promise<void> {
    const jobs: Job[] = await Promise.all(
      letters.map(async (letter) => ({ letter, receiver: await identify(letter.body.receiver) })),
    );
    const ids = [...new Set(jobs.map(({ receiver }) => receiver.id))];
    const avoided = await this.#services.receivers.avoided(ids, Date.now());
    const toTry = jobs.filter((job) => {
      if (isRetry(job.letter.body) || !avoided.has(job.receiver.id)) return true;
      this.#divert(job);
      return false;
    });
    const groups = Map.groupBy(toTry, ({ receiver }) => receiver.id);
    await runInLanes(
      [...groups.values()],
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

  async #attempt(job: Job): Promise<AfterJob> {
    let outcome: DeliveryOutcome;
    try {
      outcome = await attemptDelivery(job.letter.body, this.#services);
    } catch (error) {
      console.error(JSON.stringify({ consumer: "delivery", id: job.letter.body.id, cause: String(error) }));
      job.letter.retry({ delaySeconds: OWN_TROUBLE_SECONDS });
      return "go on";
    }
    this.#settle(job, outcome);
    if (outcome.kind !== "failed" || !outcome.isDown) return "go on";
    this.#down.set(job.receiver.id, { ...outcome, latencyMs: 0 });
    const now = Date.now();
    this.#services.receivers.avoid(job.receiver.id, now + AVOID_MS, now);
    return "stop";
  }

  /** The receiver has just given no answer: a retry counts as tried with it, a first attempt can wait. */
  #skip(job: Job): void {
    const outcome = this.#down.get(job.receiver.id);
    if (outcome === undefined || !isRetry(job.letter.body)) this.#divert(job);
    else this.#settle(job, outcome);
  }

  #divert(job: Job): void {
    const message: DeliveryMessage = { ...job.letter.body, isDiverted: true };
    this.#leftovers.push({ ...job, message, delaySeconds: DIVERTED_SECONDS });
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
    { id, kind, name }: ReceiverIdentity,
    outcome: DeliveryOutcome,
    { isRetry, isGivenUp }: { isRetry: boolean; isGivenUp: boolean },
  ): void {
    const before = this.#tallies.get(id) ?? { delivered: 0, givenUp: 0, failed: 0, retried: 0 };
    const isDelivered = outcome.kind === "delivered";
    const lastFailure = outcome.kind === "delivered" ? this.#tallies.get(id)?.lastFailure : outcome.reason;
    const isAvoided = outcome.latencyMs > SLOW_MS || (outcome.kind === "failed" && outcome.isDown);
    this.#tallies.set(id, {
      id,
      kind,
      name,
      delivered: before.delivered + Number(isDelivered),
      failed: before.failed + Number(!isDelivered),
      retried: before.retried + Number(isRetry),
      givenUp: before.givenUp + Number(isGivenUp),
      ...(lastFailure !== undefined && { lastFailure }),
      isFailing: !isDelivered,
      ...(isAvoided && { avoidUntil: Date.now() + AVOID_MS }),
    });
  }
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
