/**
 * Queues as Cloudflare promises them, and no better: "Delivery guarantees" (at least once, in any order), "Limits" (messages wait
 * up to days; a consumer is cut off after 15 minutes, and what it has acknowledged is lost with it).
 */
import { vi } from "vitest";
import type { Env } from "../../../src/env.ts";
import { handleQueue } from "../worker.ts";
import { interceptEnv } from "./intercept.ts";

const QUEUES = ["EVENTS", "DELIVERIES", "RETRIES", "REPLICATION", "DEAD_LETTERS"] as const;
const BATCH = 5;
const HOURS_MS = 3 * 60 * 60 * 1000;
const MAX_ROUNDS = 40;

interface Waiting {
  readonly queue: string;
  readonly id: string;
  readonly body: unknown;
  attempts: number;
}

export class QueuePlatform {
  readonly env: Env;
  /** Deliveries that were repeated, and consumers that were cut off. */
  readonly seen = { duplicates: 0, cutOff: 0, batches: 0 };
  #waiting: Waiting[] = [];
  #sent = 0;
  #seed: number;

  constructor(base: Env, seed: number) {
    this.#seed = seed;
    this.env = { ...base, ...Object.fromEntries(QUEUES.map((name) => [name, this.#queue(name)])) };
  }

  /** Delivers until no message is left. Each round begins hours after the one before; the clock must be a fake one. */
  async deliverAll(): Promise<void> {
    for (let round = 0; this.#waiting.length > 0; round++) {
      if (round === MAX_ROUNDS) throw new Error(`${this.#waiting.length} messages are never acknowledged`);
      vi.setSystemTime(Date.now() + HOURS_MS);
      const taken = this.#shuffled(this.#waiting.splice(0));
      const again = taken.filter(() => this.#random() < 0.3);
      this.seen.duplicates += again.length;
      const copies = this.#shuffled([...taken, ...again]);
      const unacknowledged = new Set(taken);
      for (const group of Map.groupBy(copies, ({ queue }) => queue).values()) {
        for (let start = 0; start < group.length; start += BATCH) {
          await this.#deliver(group.slice(start, start + BATCH), unacknowledged);
        }
      }
      this.#waiting.push(...unacknowledged);
    }
  }

  async #deliver(batch: readonly Waiting[], unacknowledged: Set<Waiting>): Promise<void> {
    this.seen.batches++;
    // The first rounds cut off many consumers, each at another call.
    const callsLeft = this.seen.batches % 2 === 0 ? Math.floor(this.#random() * 12) : Number.POSITIVE_INFINITY;
    let calls = 0;
    const isCutOff = () => calls > callsLeft;
    const env = interceptEnv(this.env, async (_call, make) => {
      if (++calls > callsLeft) throw new Error("the Worker has stopped");
      return make();
    });
    const acknowledged = new Set<Waiting>();
    const messages = batch.map((message) => ({
      id: message.id,
      timestamp: new Date(),
      attempts: ++message.attempts,
      body: structuredClone(message.body),
      ack: () => acknowledged.add(message),
      retry: () => acknowledged.delete(message),
    }));
    const queue = batch[0]?.queue.toLowerCase().replaceAll("_", "-");
    await handleQueue({ queue, messages } as unknown as MessageBatch, env).catch((error: unknown) => {
      if (!isCutOff()) throw error;
    });
    if (isCutOff()) this.seen.cutOff++;
    else for (const message of acknowledged) unacknowledged.delete(message);
  }

  #queue(queue: string) {
    const keep = (body: unknown) => {
      this.#waiting.push({ queue, id: `${this.#sent++}`, body: structuredClone(body), attempts: 0 });
    };
    return {
      send: async (body: unknown) => keep(body),
      sendBatch: async (batch: Iterable<{ readonly body: unknown }>) => {
        for (const { body } of batch) keep(body);
      },
    };
  }

  #shuffled<Item>(items: readonly Item[]): Item[] {
    return items
      .map((item) => ({ item, order: this.#random() }))
      .sort((left, right) => left.order - right.order)
      .map(({ item }) => item);
  }

  /** A linear congruential generator: the same orders for the same seed. */
  #random(): number {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    return this.#seed / 2 ** 32;
  }
}
