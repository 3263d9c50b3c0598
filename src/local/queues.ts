/**
 * The queues of a local server survive its end: each message is stored before its sender continues, and removed when the
 * consumer has acknowledged it. A server that starts sends again what is left, so that a message is never lost, and some
 * are delivered twice, which Cloudflare's queues do as well.
 */
import { queueBatches } from "../model/queue-batches.ts";
import type { LocalMessages, StoredMessage } from "./messages.ts";

/** What the simulated queue carries. */
interface Envelope {
  readonly id: number;
  readonly body: unknown;
}

export interface QueueBindings {
  readonly EVENTS: Queue;
  readonly DELIVERIES: Queue;
  readonly RETRIES: Queue;
  readonly REPLICATION: Queue;
  readonly ACCESS_LOGS: Queue;
  readonly DEAD_LETTERS: Queue;
}

type MessageStore = Pick<LocalMessages, "add" | "remove" | "last" | "list">;
/** A stub belongs to the request that has made it. */
type OpenStore = () => { readonly [Method in keyof MessageStore]: Remote<MessageStore[Method]> };
type Remote<Method> = Method extends (...parameters: infer Parameters) => infer Result
  ? (...parameters: Parameters) => Promise<Result>
  : never;

const OWN = ["EVENTS", "DELIVERIES", "RETRIES", "REPLICATION", "ACCESS_LOGS", "DEAD_LETTERS"] as const;

/** The queues as the Worker uses them. */
export function storedQueues(queues: QueueBindings, store: OpenStore): QueueBindings {
  const stored = (name: keyof QueueBindings) => new StoredQueue(name, queues[name], store);
  return {
    EVENTS: stored("EVENTS"),
    DELIVERIES: stored("DELIVERIES"),
    RETRIES: stored("RETRIES"),
    REPLICATION: stored("REPLICATION"),
    ACCESS_LOGS: stored("ACCESS_LOGS"),
    DEAD_LETTERS: stored("DEAD_LETTERS"),
  };
}

class StoredQueue implements Queue {
  readonly #name: string;
  readonly #queue: Queue;
  readonly #store: OpenStore;

  constructor(name: string, queue: Queue, store: OpenStore) {
    this.#name = name;
    this.#queue = queue;
    this.#store = store;
  }

  metrics(): Promise<QueueMetrics> {
    return this.#queue.metrics();
  }

  send(body: unknown, { delaySeconds = 0 }: QueueSendOptions = {}): Promise<QueueSendResponse> {
    return this.sendBatch([{ body }], { delaySeconds });
  }

  async sendBatch(
    messages: Iterable<MessageSendRequest>,
    { delaySeconds = 0 }: QueueSendBatchOptions = {},
  ): Promise<QueueSendBatchResponse> {
    const dueAt = Date.now() + delaySeconds * 1_000;
    const rows = [...messages].map(({ body }) => ({ id: nextId(), queue: this.#name, body, dueAt }));
    const envelopes = rows.map(({ id, body }) => ({ body: { id, body } satisfies Envelope }));
    // At the same time, since the consumer gets the messages later. A row that it removed too early would be sent once more.
    const [added, sent] = await Promise.allSettled([
      this.#store().add(rows),
      this.#queue.sendBatch(envelopes, { delaySeconds }),
    ]);
    const failure = [sent, added].find((each) => each.status === "rejected");
    if (sent.status === "fulfilled" && failure === undefined) return sent.value;
    // What the sender does after an error is enough.
    await this.#store().remove(rows.map(({ id }) => id));
    throw failure?.reason;
  }
}

let lastId = 0;

/** Microseconds, of which each is used once. */
function nextId(): number {
  lastId = Math.max(lastId + 1, Date.now() * 1_000);
  return lastId;
}

/** Runs the consumer, and removes the messages that it does not want to get again. */
export async function consumeStored(
  batch: MessageBatch,
  store: OpenStore,
  consume: (batch: MessageBatch) => Promise<void>,
): Promise<void> {
  const envelopes = batch.messages as readonly Message<Envelope>[];
  const acknowledged = new Set<number>();
  const retried = new Set<number>();
  const messages = envelopes.map((message): Message => {
    const { id, timestamp, attempts, body: envelope } = message;
    return {
      id,
      timestamp,
      attempts,
      body: envelope.body,
      ack() {
        acknowledged.add(envelope.id);
        message.ack();
      },
      retry(options) {
        retried.add(envelope.id);
        message.retry(options);
      },
    };
  });
  const { queue, metadata } = batch;
  const opened = {
    queue,
    metadata,
    messages,
    ackAll() {
      for (const message of messages) message.ack();
    },
    retryAll(options?: QueueRetryOptions) {
      for (const message of messages) message.retry(options);
    },
  };
  try {
    await consume(opened);
    // What the consumer has not decided about counts as acknowledged.
    for (const { body } of envelopes) if (!retried.has(body.id)) acknowledged.add(body.id);
  } finally {
    if (acknowledged.size > 0) await store().remove([...acknowledged]);
  }
}

/** Sends what was left, at the time it is due. What a queue refuses is kept for the next start. */
export async function resumeStored(queues: QueueBindings, store: OpenStore): Promise<void> {
  const last = await store().last();
  for (
    let page = await store().list(0, last);
    page.length > 0;
    page = await store().list(page.at(-1)?.id ?? last, last)
  ) {
    for (const [name, messages] of Map.groupBy(page, ({ queue }) => queue)) {
      const own = OWN.find((each) => each === name);
      if (own === undefined) continue;
      for (const batch of queueBatches(messages.map(sendAgain))) {
        await queues[own].sendBatch(batch).catch((error: unknown) => {
          console.error(JSON.stringify({ queue: own, unsent: batch.length, cause: String(error) }));
        });
      }
    }
  }
}

function sendAgain({ id, body, dueAt }: StoredMessage): MessageSendRequest<Envelope> {
  return { body: { id, body }, delaySeconds: Math.max(0, Math.ceil((dueAt - Date.now()) / 1_000)) };
}
