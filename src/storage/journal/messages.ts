/**
 * The deployment's own queues and what passes through them, and the user's queues that are bound to the Worker. Messages are
 * plain data; a reader distinguishes them by `kind`, never by the queue's name, which the deployer chooses.
 */

import type { AuditSetting } from "../../model/audit.ts";
import type { ChangeOrigin, EventBucket, ObjectChange } from "../../model/event.ts";
import type { ProbeMessage } from "../../model/heartbeat.ts";
import type { LoggedBucket } from "../../model/logged-bucket.ts";
import type { NotificationRule } from "../../model/notification.ts";
import { queueBatches } from "../../model/queue-batches.ts";
import type { ReplicationRule } from "../../model/replication.ts";

/** The rules that apply were chosen when the change was made; later configurations are for later changes. */
export interface ChangesMessage {
  readonly kind: "changes";
  /** Of the intent's row, which is removed once the message has been handled. */
  readonly id: string;
  readonly origin: ChangeOrigin;
  /** The bucket is or was versioned: what a write left may be in the record of a version that another one has replaced. */
  readonly isVersioned?: true;
  readonly notifications: readonly NotificationRule[];
  readonly replications: readonly ReplicationRule[];
  readonly changes: readonly MatchedChange[];
}

export interface MatchedChange extends ObjectChange {
  /** Indexes of `notifications`. */
  readonly notify: readonly number[];
  /** Indexes of `replications`. */
  readonly replicate: readonly number[];
}

/** One event for one receiver. */
export interface DeliveryMessage {
  readonly kind: "delivery";
  /** Of the delivery: the same in every attempt. */
  readonly id: string;
  readonly receiver: Receiver;
  /** Topic messages are for subscriptions only. */
  readonly event: Event | TestEvent | TopicMessage;
  /** Attempts made before this one. */
  readonly attempt: number;
  /** Not attempted yet, but sent to the queue of retries because the receiver was failing or slow. */
  readonly isDiverted?: true;
}

export interface Event {
  readonly origin: ChangeOrigin;
  readonly change: ObjectChange;
  /** `Id` of the rule. */
  readonly configurationId: string;
}

/** The event that topics and queues receive when a configuration names them. */
export interface TestEvent {
  readonly test: {
    readonly bucket: EventBucket;
    /** Milliseconds since 1970. */
    readonly time: number;
    readonly requestId: string;
    /** As a change's. */
    readonly endpoint: string;
  };
}

/** A message of a topic to one of its subscriptions that is not about a bucket. */
export interface TopicMessage {
  readonly topic: {
    /** UUID, the same for all receivers of the message. */
    readonly messageId: string;
    /** Milliseconds since 1970. */
    readonly time: number;
    /** As a change's. */
    readonly endpoint: string;
    readonly content:
      | { readonly type: "Notification"; readonly message: string; readonly subject?: string }
      /** `token` confirms the subscription, also after it was ended. */
      | { readonly type: "SubscriptionConfirmation" | "UnsubscribeConfirmation"; readonly token: string };
  };
}

export type Receiver =
  | { readonly kind: "callback"; readonly url: string }
  | { readonly kind: "subscription"; readonly topicArn: string; readonly subscriptionArn: string }
  | { readonly kind: "queue"; readonly arn: string };

/** Starts work on a task, which is stored in D1. */
export interface ReplicationMessage {
  readonly kind: "replication";
  readonly taskId: string;
}

/** The next page of a job for existing objects, which is stored in D1 as well. */
export interface ReplicationPageMessage {
  readonly kind: "replication-page";
  readonly bucketId: string;
  readonly run: string;
  /** The job's `updatedAt` when it was sent, milliseconds since 1970: only the last message of a waiting job counts. */
  readonly since: number;
}

/** Lines of a bucket's access log, to be written to the target that was configured when the requests came. */
export interface AccessLogMessage {
  readonly kind: "access-log";
  readonly id: string;
  readonly bucket: LoggedBucket;
  /** Of the first line's event, milliseconds since 1970. */
  readonly time: number;
  /** Each line ends with a newline. */
  readonly text: string;
}

/** Lines of the audit: one object of the bucket that was set when they were written. */
export interface AuditMessage {
  readonly kind: "audit";
  /** Part of the object's key. */
  readonly id: string;
  readonly setting: AuditSetting;
  /** Of the first line's event, milliseconds since 1970. */
  readonly time: number;
  /** Each line ends with a newline. */
  readonly text: string;
}

export type OwnMessage =
  | ChangesMessage
  | DeliveryMessage
  | ReplicationMessage
  | ReplicationPageMessage
  | AccessLogMessage
  | AuditMessage;

/** A message as a consumer gets it: it acknowledges it, or asks for another attempt. */
export type QueueMessage<Body> = Pick<Message<Body>, "body" | "ack" | "retry" | "attempts" | "id">;

export interface DeadLetter {
  readonly kind: "dead-letter";
  readonly message: OwnMessage;
  readonly reason: string;
}

/** The account of a dead letter: named, or the account whose bucket or task is to be replicated. */
export type MessageOwner = { readonly accountId: string } | { readonly bucketId: string } | { readonly taskId: string };

/** The queues of a deployment. */
export interface Queues {
  /** Changes, to be spread over their receivers. */
  readonly events: OwnQueue<ChangesMessage | ProbeMessage>;
  /** First attempts at deliveries. */
  readonly deliveries: OwnQueue<DeliveryMessage | ProbeMessage>;
  /** Deliveries to receivers that are failing or slow, which must not hold up the others. */
  readonly retries: OwnQueue<DeliveryMessage | ProbeMessage>;
  readonly replication: OwnQueue<ReplicationMessage | ReplicationPageMessage | ProbeMessage>;
  /** Lines of access logs and of the audit. */
  readonly accessLogs: OwnQueue<AccessLogMessage | AuditMessage | ProbeMessage>;
  /** Messages that were given up. */
  readonly deadLetters: OwnQueue<DeadLetter | ProbeMessage>;
  /** `QUEUE_<NAME>` bindings by name in lower case with hyphens: `QUEUE_MY_JOBS` is `my-jobs`. */
  readonly bound: ReadonlyMap<string, Queue>;
}

export class OwnQueue<Message> {
  readonly #queue: Queue<Message>;

  constructor(queue: Queue<Message>) {
    this.#queue = queue;
  }

  /** One call for each 100 messages or 200 KB. @throws any error of the platform; some messages may have been sent */
  async send(messages: readonly Message[], options: { readonly delaySeconds?: number } = {}): Promise<void> {
    const [only, ...others] = messages;
    if (only === undefined) return;
    if (others.length === 0) {
      await this.#queue.send(only, options);
      return;
    }
    for (const batch of queueBatches(messages)) {
      await this.#queue.sendBatch(
        batch.map((body) => ({ body })),
        options,
      );
    }
  }
}
