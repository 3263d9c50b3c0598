/**
 * Checks the destinations of a notification configuration before it is stored: whether the bucket may use topics and
 * queues, and whether URLs want its events. Topics and queues then receive S3's test event.
 */
import type { GrantedBucket } from "../access/authorize.ts";
import { authorizeNotification } from "../access/authorize-sns.ts";
import { ConcurrencyLimit } from "../model/concurrency-limit.ts";
import type { NotificationRule } from "../model/notification.ts";
import { parseTopicArn } from "../model/topic.ts";
import type { Accounts } from "../storage/d1/accounts.ts";
import type { Topics } from "../storage/d1/topics.ts";
import type { DeliveryMessage, Queues, Receiver, TestEvent } from "../storage/journal/messages.ts";
import type { RequestOrigin } from "../storage/journal/plan-messages.ts";
import { awsMessage } from "./aws-record.ts";
import { findBoundQueue } from "./bound-queues.ts";
import type { Callbacks } from "./callbacks.ts";
import { MAX_CONNECTIONS } from "./fair-share.ts";

/** For all URLs of a configuration; there can be hundreds. */
const MAX_HANDSHAKES_MS = 30_000;

const NO_TOPIC = "The destination topic does not exist";
const NOT_ALLOWED = "Permissions on the destination topic do not allow S3 to publish notifications from this bucket";

export interface UnusableDestination {
  /** The ARN or URL, as configured. */
  readonly address: string;
  readonly problem: string;
}

export interface RequestDestinations {
  /** Topics and queues that do not exist for this bucket or do not allow it, in document order, with S3's messages. */
  findInaccessible(bucket: GrantedBucket, rules: readonly NotificationRule[]): Promise<readonly UnusableDestination[]>;
  /** A URL that must not be called, or that fails the handshake; undefined if there is none. */
  findUnverified(rules: readonly NotificationRule[]): Promise<UnusableDestination | undefined>;
  /** Sends the test event to topics and queues. @returns the queues that did not accept it */
  sendTestEvents(bucket: GrantedBucket, rules: readonly NotificationRule[]): Promise<readonly UnusableDestination[]>;
}

interface Dependencies {
  readonly accounts: Pick<Accounts, "rootId">;
  readonly topics: Pick<Topics, "audiences" | "findAccess">;
  readonly queues: Queues;
  readonly callbacks: Callbacks;
}

export class Destinations {
  readonly #dependencies: Dependencies;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
  }

  of(origin: RequestOrigin): RequestDestinations {
    return {
      findInaccessible: (bucket, rules) => this.#findInaccessible(bucket, rules, origin),
      findUnverified: (rules) => this.#findUnverified(rules, origin.endpoint),
      sendTestEvents: (bucket, rules) => this.#sendTestEvents(bucket, rules, origin),
    };
  }

  async #findInaccessible(
    bucket: GrantedBucket,
    rules: readonly NotificationRule[],
    { time }: RequestOrigin,
  ): Promise<UnusableDestination[]> {
    const { accounts, queues } = this.#dependencies;
    const rootAccountId = await accounts.rootId();
    const problems = distinctArns(rules).map(async ({ kind, arn }) => {
      if (kind === "topic") {
        const problem = await this.#findTopicProblem(arn, bucket, time);
        return problem === undefined ? [] : [{ address: arn, problem }];
      }
      const exists = findBoundQueue(arn, { bucket, rootAccountId }, queues) !== undefined;
      return exists ? [] : [{ address: arn, problem: "The destination queue does not exist" }];
    });
    return (await Promise.all(problems)).flat();
  }

  /** Does not reveal whether a topic of another account exists, unless the topic allows the bucket. */
  async #findTopicProblem(arn: string, bucket: GrantedBucket, now: Date): Promise<string | undefined> {
    const access = await this.#dependencies.topics.findAccess(arn);
    if (access !== undefined && authorizeNotification(access, bucket, now) !== undefined) return undefined;
    const isOwn = parseTopicArn(arn)?.accountId === bucket.accountId;
    return access === undefined && isOwn ? NO_TOPIC : NOT_ALLOWED;
  }

  async #findUnverified(
    rules: readonly NotificationRule[],
    endpoint: string,
  ): Promise<UnusableDestination | undefined> {
    const urls = new Set(rules.flatMap(({ destination }) => (destination.kind === "callback" ? destination.urls : [])));
    // A URL's timeout begins with its own check. The first failure is the answer; the other checks are not awaited.
    const limit = new ConcurrencyLimit(MAX_CONNECTIONS);
    let isOver = false;
    const check = async (address: string) => {
      const problem = isOver ? undefined : await this.#dependencies.callbacks.verify(address, endpoint);
      if (problem !== undefined) throw new HandshakeRefused({ address, problem });
    };
    const checks = [...urls].map((url) => limit.run(() => check(url)));
    let timer: ReturnType<typeof setTimeout> | null = null;
    const tooLate = new Promise<never>((_resolve, reject) => {
      const [address = ""] = urls;
      const problem = `The URLs could not be verified within ${MAX_HANDSHAKES_MS / 1000} s.`;
      timer = setTimeout(() => reject(new HandshakeRefused({ address, problem })), MAX_HANDSHAKES_MS);
    });
    try {
      await Promise.race([Promise.all(checks), tooLate]);
      return undefined;
    } catch (error) {
      if (error instanceof HandshakeRefused) return error.destination;
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
    const { topics, queues, accounts } = this.#dependencies;
    const { name, id, region, accountId, ownerId } = bucket;
    const { time, requestId, endpoint } = origin;
    const event: TestEvent = {
      test: { bucket: { name, id, region, accountId, ownerId }, time: time.getTime(), requestId, endpoint },
    };
    const arns = distinctArns(rules);
    const rootAccountId = await accounts.rootId();
    const unusable: UnusableDestination[] = [];
    for (const { arn } of arns.filter(({ kind }) => kind === "queue")) {
      try {
        await findBoundQueue(arn, { bucket, rootAccountId }, queues)?.send(awsMessage(event));
      } catch {
        unusable.push({ address: arn, problem: "The destination queue did not accept the test message" });
      }
    }
    if (unusable.length > 0) return unusable;
    const found = await Promise.all(
      arns.filter(({ kind }) => kind === "topic").map(({ arn }) => topics.findAccess(arn)),
    );
    const grants = found.flatMap((topic) => (topic && authorizeNotification(topic, bucket, time)) ?? []);
    const audiences = await topics.audiences(grants.map(({ topicArn }) => topicArn));
    const messages = grants.flatMap((grant) =>
      audiences
        .confirmedOf(grant)
        .map(({ arn, topicArn }) => deliveryOf(event, { kind: "subscription", topicArn, subscriptionArn: arn })),
    );
    await queues.deliveries.send(messages);
    return [];
  }
}

class HandshakeRefused extends Error {
  override readonly name = "HandshakeRefused";
  readonly destination: UnusableDestination;

  constructor(destination: UnusableDestination) {
    super(destination.problem);
    this.destination = destination;
  }
}

/** In document order, without duplicates. */
function distinctArns(
  rules: readonly NotificationRule[],
): { readonly kind: "topic" | "queue"; readonly arn: string }[] {
  const destinations = rules.flatMap(({ destination }) => (destination.kind === "callback" ? [] : [destination]));
  return destinations.filter(({ arn }, index) => destinations.findIndex((other) => other.arn === arn) === index);
}

function deliveryOf(event: TestEvent, receiver: Receiver): DeliveryMessage {
  return { kind: "delivery", id: crypto.randomUUID(), receiver, event, attempt: 0 };
}
