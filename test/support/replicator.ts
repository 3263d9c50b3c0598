/** The Worker's bindings with queues that record what they are sent, so that a test decides when it is processed. */
import type { Env } from "../../src/env.ts";
import type { ChangesMessage, ReplicationMessage } from "../../src/storage/journal/messages.ts";
import { testEnv } from "./s3.ts";
import { handleQueue } from "./worker.ts";

interface Kept<Body> {
  readonly body: Body;
  readonly delaySeconds: number;
}

export interface Replicator {
  readonly env: Env;
  readonly events: ChangesMessage[];
  readonly wakes: Kept<ReplicationMessage>[];
  /** Creates tasks for all changes reported so far. */
  spread(): Promise<void>;
  /** Runs all tasks with a message, regardless of delays. */
  replicate(): Promise<void>;
  /** Both. */
  settle(): Promise<void>;
}

/** @param base bindings to use under the queues */
export function replicator(base: Env = testEnv): Replicator {
  const events: ChangesMessage[] = [];
  const wakes: Kept<ReplicationMessage>[] = [];
  const env: Env = { ...base, EVENTS: queue(events), REPLICATION: keepingQueue(wakes) };
  const spread = async () => {
    while (events.length > 0) await hand(env, events.splice(0));
  };
  const replicate = async () => {
    // Failed attempts are sent again with a delay; one round is enough for a test.
    await hand(
      env,
      wakes.splice(0).map(({ body }) => body),
    );
  };
  return {
    env,
    events,
    wakes,
    spread,
    replicate,
    settle: async () => {
      for (let round = 0; round < 5 && events.length + wakes.length > 0; round++) {
        await spread();
        await replicate();
      }
    },
  };
}

/** Hands messages to the consumers as one batch. @throws Error if any of them is to be retried */
export async function hand(env: Env, bodies: readonly unknown[]): Promise<void> {
  if (bodies.length === 0) return;
  const again: unknown[] = [];
  const messages = bodies.map((body, index) => ({
    id: String(index),
    timestamp: new Date(),
    attempts: 1,
    body: structuredClone(body),
    ack: () => {},
    retry: () => again.push(body),
  }));
  const batch = { queue: "test", messages, ackAll: () => {}, retryAll: () => {} } as unknown as MessageBatch;
  await handleQueue(batch, env);
  if (again.length > 0) throw new Error(`${again.length} messages are to be retried`);
}

function queue<Body>(kept: Body[]): Queue<Body> {
  return {
    send: async (body: Body) => void kept.push(structuredClone(body)),
    sendBatch: async (batch: Iterable<{ body: Body }>) => {
      for (const { body } of batch) kept.push(structuredClone(body));
    },
  } as unknown as Queue<Body>;
}

function keepingQueue<Body>(kept: Kept<Body>[]): Queue<Body> {
  return {
    send: async (body: Body, options?: { delaySeconds?: number }) =>
      void kept.push({ body: structuredClone(body), delaySeconds: options?.delaySeconds ?? 0 }),
    sendBatch: async (batch: Iterable<{ body: Body }>, options?: { delaySeconds?: number }) => {
      for (const { body } of batch)
        kept.push({ body: structuredClone(body), delaySeconds: options?.delaySeconds ?? 0 });
    },
  } as unknown as Queue<Body>;
}
