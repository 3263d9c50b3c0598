/** The deployment's own queues, and those of the user that are bound to the Worker. */
import type {
  ChangesMessage,
  DeliveryMessage,
  OwnMessage,
  ReplicationMessage,
  ReplicationPageMessage,
} from "./messages.ts";

/** Limits of one `sendBatch` ("Queues limits": 100 messages, 256 KB), with room for what the platform adds. */
const BATCH_MESSAGES = 100;
const BATCH_BYTES = 200_000;

/** A message as a consumer gets it: it acknowledges it, or asks for another attempt. */
export type QueueMessage<Body> = Pick<Message<Body>, "body" | "ack" | "retry" | "attempts" | "id">;

export interface DeadLetter {
  readonly kind: "dead-letter";
  readonly message: OwnMessage;
  readonly reason: string;
}

/** Whose such a letter is: the account's, or that of the account whose bucket, or task, is to be replicated. */
export type MessageOwner = { readonly accountId: string } | { readonly bucketId: string } | { readonly taskId: string };

export interface Queues {
  /** Changes, to be spread over their receivers. */
  readonly events: OwnQueue<ChangesMessage>;
  /** First attempts at deliveries. */
  readonly deliveries: OwnQueue<DeliveryMessage>;
  /** Deliveries to receivers that are failing or slow, which must not hold up the others. */
  readonly retries: OwnQueue<DeliveryMessage>;
  readonly replication: OwnQueue<ReplicationMessage | ReplicationPageMessage>;
  /** What was given up. */
  readonly deadLetters: OwnQueue<DeadLetter>;
  /** `QUEUE_<NAME>` bindings by name in lower case with hyphens: `QUEUE_MY_JOBS` is `my-jobs`. */
  readonly bound: ReadonlyMap<string, Queue>;
}

export class OwnQueue<Message> {
  readonly #queue: Queue<Message>;

  constructor(queue: Queue<Message>) {
    this.#queue = queue;
  }

  /** One call for each 100 messages or 200 KB. @throws whatever the platform throws; some may have been sent by then */
  async send(messages: readonly Message[], options: { readonly delaySeconds?: number } = {}): Promise<void> {
    const [only, ...others] = messages;
    if (only === undefined) return;
    if (others.length === 0) {
      await this.#queue.send(only, options);
      return;
    }
    for (const batch of batches(messages)) {
      await this.#queue.sendBatch(
        batch.map((body) => ({ body })),
        options,
      );
    }
  }
}

function batches<Message>(messages: readonly Message[]): Message[][] {
  const all: Message[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const message of messages) {
    const size = new TextEncoder().encode(JSON.stringify(message)).byteLength;
    const last = all.at(-1);
    if (last === undefined || last.length === BATCH_MESSAGES || bytes + size > BATCH_BYTES) {
      all.push([message]);
      bytes = size;
    } else {
      last.push(message);
      bytes += size;
    }
  }
  return all;
}
