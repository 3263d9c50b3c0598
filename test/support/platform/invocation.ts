/** One invocation of the Worker: a request, a batch of a queue or a scheduled run, and what Cloudflare allows it. */
import { AsyncLocalStorage } from "node:async_hooks";

export interface Plan {
  readonly subrequests: number;
  readonly queriesOfD1: number;
}

/** Cloudflare Workers "Limits", as of 2026-11: 10,000 subrequests on Workers Paid; D1 "Limits": 1,000 queries an invocation. */
export const PAID: Plan = { subrequests: 10_000, queriesOfD1: 1_000 };
/** "Limits": 1,000 subrequests to Cloudflare's services; D1 "Limits": 50 queries. */
export const FREE: Plan = { subrequests: 1_000, queriesOfD1: 50 };

/** "Limits", "Simultaneous open connections": further calls wait until one of these has received its headers. */
const MAX_WAITING_CALLS = 6;

export class Invocation {
  readonly plan: Plan;
  subrequests = 0;
  queriesOfD1 = 0;
  lists = 0;
  /** The most calls that were waiting for a connection at the same time. */
  mostQueued = 0;
  #open = 0;
  readonly #queue: (() => void)[] = [];

  constructor(plan: Plan) {
    this.plan = plan;
  }

  /** @throws Error as the platform does */
  count(isD1: boolean): void {
    if (++this.subrequests > this.plan.subrequests) throw new Error("Too many subrequests.");
    if (isD1 && ++this.queriesOfD1 > this.plan.queriesOfD1) {
      throw new Error("Too many API requests by single worker invocation.");
    }
  }

  /** Makes a call when it has one of the connections. */
  async connected<Result>(make: () => Promise<Result>): Promise<Result> {
    if (this.#open === MAX_WAITING_CALLS) {
      const turn = new Promise<void>((resolve) => this.#queue.push(resolve));
      this.mostQueued = Math.max(this.mostQueued, this.#queue.length);
      await turn;
    } else this.#open++;
    try {
      return await make();
    } finally {
      const next = this.#queue.shift();
      if (next === undefined) this.#open--;
      else next();
    }
  }
}

const current = new AsyncLocalStorage<Invocation>();
let begun = 0;

/** Undefined for calls of a test itself. */
export function currentInvocation(): Invocation | undefined {
  return current.getStore();
}

/** Between two invocations a second passes on the platform's clock. */
export function invocationsBegun(): number {
  return begun;
}

export function invoke<Result>(work: (invocation: Invocation) => Result, plan: Plan = PAID): Result {
  begun++;
  const invocation = new Invocation(plan);
  return current.run(invocation, () => work(invocation));
}
