/**
 * Decides by a seed in which order the calls of several requests take effect, and lets time pass by steps instead of waiting. So an
 * interleaving can be repeated, as far as the requests' other work (Durable Objects, digests) ends in the same order.
 *
 * Every R2 call waits for its turn before its effect and before its answer. A turn is given when no request can go on without one.
 * Durable Objects run by themselves, with random delays at their calls, since the platform does not let one event of an isolate end
 * the waiting of another.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { MemoryR2 } from "../memory-r2.ts";

/** Longer ones are limits for calls that hang. */
const LONGEST_PAUSE_MS = 1000;
/** Turns of the event loop in which a request may still be busy with something else than R2. */
const BUSY_TICKS = 12;
/** Of the calls of Durable Objects. */
const LONGEST_DELAY_MS = 4;
/** Turns of the event loop without any progress, after which something waits for what never happens. */
const LONGEST_STANDSTILL = 20_000;

interface Waiting {
  readonly dueAt: number;
  readonly go: () => void;
}

export class Scheduler {
  readonly #random: () => number;
  readonly #setTimeout = globalThis.setTimeout;
  readonly #start = Date.now();
  /** Inside of requests that take turns. */
  readonly #requests = new AsyncLocalStorage<true>();
  #now = 0;
  #waiting: Waiting[] = [];
  #isOver = false;
  /** How many requests are running. */
  active = 0;
  #standstill = 0;
  /** Turns that were given. */
  turns = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Gives turns until `work` ends. Pauses and random delays of the Worker are the scheduler's until then. */
  async run(work: () => Promise<void>): Promise<void> {
    const { setTimeout: original, clearTimeout } = globalThis;
    const random = Math.random;
    const cancelled = new Set<unknown>();
    globalThis.setTimeout = this.#replacement(original, cancelled);
    globalThis.clearTimeout = (id) => {
      cancelled.add(id);
      clearTimeout(id as number);
    };
    Math.random = this.#random;
    try {
      const ended = work().finally(() => {
        this.#isOver = true;
      });
      await Promise.all([ended, this.#giveTurns()]);
    } finally {
      globalThis.setTimeout = original;
      globalThis.clearTimeout = clearTimeout;
      Math.random = random;
    }
  }

  /** The time of this scheduler: a millisecond for each turn. */
  now(): Date {
    return new Date(this.#start + this.#now);
  }

  /** The work of a request, whose R2 calls and pauses take turns. */
  async request<Result>(work: () => Promise<Result>): Promise<Result> {
    this.active += 1;
    try {
      return await this.#requests.run(true, work);
    } finally {
      this.active -= 1;
    }
  }

  #turn(delay = 0): Promise<void> {
    if (this.#requests.getStore() !== true) {
      const delayMs = Math.floor(this.#random() * LONGEST_DELAY_MS);
      return new Promise((go) => this.#setTimeout(go, delayMs));
    }
    return new Promise((go) => {
      this.#waiting.push({ dueAt: this.#now + delay, go });
    });
  }

  /** R2 in memory whose calls wait for turns. */
  memory(): MemoryR2 {
    const memory = new MemoryR2(() => this.now());
    const guard = <Parameters extends unknown[], Result>(call: (...parameters: Parameters) => Promise<Result>) => {
      return async (...parameters: Parameters): Promise<Result> => {
        await this.#turn();
        const result = await call(...parameters);
        await this.#turn();
        return result;
      };
    };
    for (const name of ["head", "get", "put", "delete", "list"] as const) {
      const call = memory[name].bind(memory) as (...parameters: unknown[]) => Promise<unknown>;
      Object.defineProperty(memory, name, { value: guard(call) });
    }
    return memory;
  }

  async #giveTurns(): Promise<void> {
    while (!this.#isOver || this.#waiting.length > 0) {
      await this.#untilBlocked();
      const ready = this.#waiting.filter(({ dueAt }) => dueAt <= this.#now);
      const chosen = ready[Math.floor(this.#random() * ready.length)];
      this.#now += 1;
      if (chosen === undefined) {
        // All that wait are pauses: time goes on to the next one.
        if (this.#waiting.length > 0)
          this.#now = Math.max(this.#now, Math.min(...this.#waiting.map(({ dueAt }) => dueAt)));
        continue;
      }
      this.#waiting = this.#waiting.filter((each) => each !== chosen);
      this.turns += 1;
      this.#standstill = 0;
      chosen.go();
    }
  }

  /** Until each running request waits for a turn, or does something that takes longer. */
  async #untilBlocked(): Promise<void> {
    for (let tick = 0; tick < BUSY_TICKS; tick++) {
      await new Promise<void>((resolve) => this.#setTimeout(resolve, 0));
      this.#standstill += 1;
      if (this.#standstill > LONGEST_STANDSTILL) throw new Error("no request goes on");
      if (this.active > 0 && this.#waiting.length >= this.active) return;
    }
  }

  #replacement(original: typeof globalThis.setTimeout, cancelled: Set<unknown>): typeof globalThis.setTimeout {
    let pauses = 0;
    const replaced = (callback: (...parameters: unknown[]) => void, delay = 0, ...parameters: unknown[]) => {
      if (delay > LONGEST_PAUSE_MS || this.#requests.getStore() !== true)
        return original(callback, delay, ...parameters);
      pauses -= 1;
      const id = pauses;
      void this.#turn(delay).then(() => {
        if (!cancelled.has(id)) callback(...parameters);
      });
      return id;
    };
    return replaced as unknown as typeof globalThis.setTimeout;
  }
}
