/** Hands batches of deliveries to the Worker as its queues do. */
import { createExecutionContext, createMessageBatch, getQueueResult } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Env } from "../../../src/env.ts";
import type { DeadLetter, DeliveryMessage, Event, Receiver } from "../../../src/storage/journal/messages.ts";
import { envWith } from "../../support/notification.ts";
import { handleQueue } from "../../support/worker.ts";

export interface Sent<Body> {
  readonly body: Body;
  readonly delaySeconds: number | undefined;
}

/** A queue that records what it is sent. */
export function keepingQueue<Body>() {
  const sent: Sent<Body>[] = [];
  return {
    sent,
    async send(body: Body, options: QueueSendOptions = {}) {
      sent.push({ body, delaySeconds: options.delaySeconds });
    },
    async sendBatch(batch: Iterable<{ body: Body }>, options: QueueSendBatchOptions = {}) {
      for (const { body } of batch) sent.push({ body, delaySeconds: options.delaySeconds });
    },
  };
}

export interface Deployment {
  readonly env: Env;
  readonly deliveries: ReturnType<typeof keepingQueue<DeliveryMessage>>;
  readonly retries: ReturnType<typeof keepingQueue<DeliveryMessage>>;
  readonly deadLetters: ReturnType<typeof keepingQueue<DeadLetter>>;
}

/** A deployment with queues that are not consumed. An isolate remembers receivers, so each call acts as another isolate. */
export function deployment(bindings: Readonly<Record<string, unknown>> = {}): Deployment {
  const deliveries = keepingQueue<DeliveryMessage>();
  const retries = keepingQueue<DeliveryMessage>();
  const deadLetters = keepingQueue<DeadLetter>();
  const queues = { DELIVERIES: deliveries, RETRIES: retries, DEAD_LETTERS: deadLetters };
  return { env: envWith({ ...queues, ...bindings }), deliveries, retries, deadLetters };
}

export interface Answered {
  readonly acknowledged: readonly string[];
  readonly retried: readonly string[];
}

/** Hands a batch to the Worker; message ids are those of the deliveries. */
export async function take(messages: readonly { id: string }[], { env }: Deployment): Promise<Answered> {
  const batch = createMessageBatch(
    "any",
    messages.map((body) => ({ id: body.id, timestamp: new Date(), attempts: 1, body })),
  );
  const context = createExecutionContext();
  await handleQueue(batch, env);
  const result = await getQueueResult(batch, context);
  return {
    acknowledged: result.explicitAcks,
    retried: result.retryMessages.map(({ msgId }: { msgId: string }) => msgId),
  };
}

let number = 0;

export function eventOf(key: string, accountId = "000000000001"): Event {
  return {
    origin: {
      bucket: { name: "demo-b", id: "abcdefghijkl", region: "us-east-1", accountId, ownerId: "0a1b" },
      time: Date.parse("2032-02-03T04:05:06.789Z"),
      principalId: "AIDAUSER",
      sourceIp: "203.0.113.9",
      requestId: "0123456789ABCDEF",
      endpoint: "http://s3.localhost:8787",
      callbackVariables: {},
    },
    change: { key, event: "ObjectCreated:Put", etag: "e", sizeBytes: 1, at: 1, sequencer: "00000000000A0001" },
    configurationId: "rule",
  };
}

export function delivery(receiver: Receiver, options: Partial<DeliveryMessage> = {}): DeliveryMessage {
  const id = `delivery-${number++}`;
  return { kind: "delivery", id, receiver, event: eventOf(`key-${id}`), attempt: 0, ...options };
}

export const toUrl = (url: string, options: Partial<DeliveryMessage> = {}) =>
  delivery({ kind: "callback", url }, options);

export interface ReceiverRow {
  readonly kind: string;
  readonly delivered: number;
  readonly given_up: number;
  readonly failed: number;
  readonly retried: number;
  readonly last_success_at: number | null;
  readonly last_failure_at: number | null;
  readonly last_failure: string | null;
  readonly failing_since: number | null;
  readonly avoid_until: number | null;
}

export async function rowOf(name: string): Promise<ReceiverRow | null> {
  return env.DB.prepare("SELECT * FROM receivers WHERE name = ?1").bind(name).first<ReceiverRow>();
}
