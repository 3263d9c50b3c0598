/**
 * Destinations of a notification configuration that is about to be put: whether the bucket may use them, whether URLs want
 * its events, and S3's test event for topics and queues.
 */
import type { GrantedBucket } from "../access/authorize.ts";
import type { NotificationRule } from "../model/notification.ts";
import type { Accounts } from "../storage/d1/accounts.ts";
import type { Topics } from "../storage/d1/topics.ts";
import type { RequestOrigin } from "../storage/journal/journal.ts";
import type { DeliveryMessage, Receiver, TestEvent } from "../storage/journal/messages.ts";
import type { Queues } from "../storage/journal/queues.ts";
import { awsMessage } from "./aws-record.ts";
import { boundQueue } from "./bound-queues.ts";
import type { Callbacks } from "./callbacks.ts";
import { CONNECTIONS, Slots } from "./slots.ts";

/** For all URLs of a configuration, of which there may be hundreds. */
const HANDSHAKE_MS = 30_000;

export interface UnusableDestination {
  readonly place: string;
  readonly problem: string;
}

/** For one request. */
export interface RequestDestinations {
  /** Topics and queues that do not exist for this bucket, in document order and in S3's words. */
  findMissing(bucket: GrantedBucket, rules: readonly NotificationRule[]): Promise<readonly UnusableDestination[]>;
  /** The first of the URLs that is not to be called or does not answer as a receiver of callbacks must. */
  findUnwilling(rules: readonly NotificationRule[]): Promise<UnusableDestination | undefined>;
  /** Tells topics and queues that they have been named. @returns the queues that did not take it */
  sendTestEvents(bucket: GrantedBucket, rules: readonly NotificationRule[]): Promise<readonly UnusableDestination[]>;
}

interface Means {
  readonly accounts: Pick<Accounts, "rootId">;
  readonly topics: Pick<Topics, "exists" | "receiversOf">;
  readonly queues: Queues;
  readonly callbacks: Callbacks;
}

export class Destinations {
  readonly #means: Means;

  constructor(means: Means) {
    this.#means = means;
  }

  of(origin: RequestOrigin): RequestDestinations {
    return {
      findMissing: (bucket, rules) => this.#findMissing(bucket, rules),
      findUnwilling: (rules) => this.#findUnwilling(rules, origin.endpoint),
      sendTestEvents: (bucket, rules) => this.#sendTestEvents(bucket, rules, origin),
    };
  }

  async #findMissing(bucket: GrantedBucket, rules: readonly NotificationRule[]): Promise<UnusableDestination[]> {
    const { accounts, topics, queues } = this.#means;
    const rootId = await accounts.rootId();
    const problems = distinctArns(rules).map(async ({ kind, arn }) => {
      const exists =
        kind === "topic"
          ? await topics.exists(arn, bucket.accountId)
          : boundQueue(arn, bucket, rootId, queues) !== undefined;
      return exists ? [] : [{ place: arn, problem: `The destination ${kind} does not exist` }];
    });
    return (await Promise.all(problems)).flat();
  }

  async #findUnwilling(rules: readonly NotificationRule[], endpoint: string): Promise<UnusableDestination | undefined> {
    const urls = new Set(rules.flatMap(({ destination }) => (destination.kind === "callback" ? destination.urls : [])));
    // A URL's time begins with its turn. The first refusal is the answer: nobody waits for the rest.
    const slots = new Slots(CONNECTIONS);
    let isOver = false;
    const check = async (place: string) => {
      const problem = isOver ? undefined : await this.#means.callbacks.verify(place, endpoint);
      if (problem !== undefined) throw new Unwilling({ place, problem });
    };
    const checks = [...urls].map((place) => slots.use(() => check(place)));
    let timer: ReturnType<typeof setTimeout> | null = null;
    const tooLate = new Promise<never>((_resolve, reject) => {
      const [place = ""] = urls;
      const problem = `The URLs could not be verified within ${HANDSHAKE_MS / 1000} s.`;
      timer = setTimeout(() => reject(new Unwilling({ place, problem })), HANDSHAKE_MS);
    });
    try {
      await Promise.race([Promise.all(checks), tooLate]);
      return undefined;
    } catch (error) {
      if (error instanceof Unwilling) return error.destination;
      throw error;
    } finally {
      isOver = true;
      clearTimeout(timer);
    }
  }

  async #sendTestEvents(
    bucket: GrantedBucket,
    rules: readonly NotificationRule[],
    origin: RequestOrigin,
  ): Promise<UnusableDestination[]> {
    const { topics, queues, accounts } = this.#means;
    const { name, id, region, accountId, ownerId } = bucket;
    const { time, requestId, endpoint } = origin;
    const event: TestEvent = { test: { bucket: { name, id, region, accountId, ownerId }, time, requestId, endpoint } };
    const arns = distinctArns(rules);
    const rootId = await accounts.rootId();
    const unusable: UnusableDestination[] = [];
    for (const { arn } of arns.filter(({ kind }) => kind === "queue")) {
      try {
        await boundQueue(arn, bucket, rootId, queues)?.send(awsMessage(event));
      } catch {
        unusable.push({ place: arn, problem: "The destination queue did not take the test message" });
      }
    }
    if (unusable.length > 0) return unusable;
    const subscriptions = await topics.receiversOf(
      arns.filter(({ kind }) => kind === "topic").map(({ arn }) => arn),
      bucket,
    );
    const messages = [...subscriptions].flatMap(([topicArn, found]) =>
      found.map(({ arn }) => deliveryOf(event, { kind: "subscription", topicArn, subscriptionArn: arn })),
    );
    await queues.deliveries.send(messages);
    return [];
  }
}

class Unwilling extends Error {
  override readonly name = "Unwilling";
  readonly destination: UnusableDestination;

  constructor(destination: UnusableDestination) {
    super(destination.problem);
    this.destination = destination;
  }
}

/** Each once, in document order. */
function distinctArns(
  rules: readonly NotificationRule[],
): { readonly kind: "topic" | "queue"; readonly arn: string }[] {
  const destinations = rules.flatMap(({ destination }) => (destination.kind === "callback" ? [] : [destination]));
  return destinations.filter(({ arn }, index) => destinations.findIndex((other) => other.arn === arn) === index);
}

function deliveryOf(event: TestEvent, receiver: Receiver): DeliveryMessage {
  return { kind: "delivery", id: crypto.randomUUID(), receiver, event, attempt: 0 };
}
