/** What one step may use, so that it fits into an invocation of every plan. */
import type { ScrubReads } from "../storage/scrub/scrub-reads.ts";

/**
 * Calls to R2, D1 and Durable Objects. An invocation may make 50 queries of D1, and 1,000 calls of all kinds, on Workers Free;
 * the request itself takes one or two.
 */
export const MAX_CALLS = 45;
/** After so many bytes a step begins no other R2 object, which may have 5 GiB. */
export const MAX_BYTES = 64 * 1024 * 1024;
/** An invocation may wait for six answers at a time. */
const PARALLEL = 5;
/** Calls with which a stage gets anywhere. */
const LEAST_CALLS = 6;

export class StepBudget {
  readonly #reads: ScrubReads;
  readonly #readsBytes: boolean;
  #reserved = 0;
  #hasBegun = false;

  constructor(reads: ScrubReads, readsBytes: boolean) {
    this.#reads = reads;
    this.#readsBytes = readsBytes;
  }

  get left(): number {
    return Math.max(0, MAX_CALLS - this.#reads.counts.calls - this.#reserved);
  }

  /** Whether it is worth while to begin another page. */
  get isAmple(): boolean {
    return this.left >= LEAST_CALLS && this.mayRead(1);
  }

  /** Whether an R2 object of this size may be read. The first one may have any size. */
  mayRead(sizeBytes: number): boolean {
    const { bytesRead } = this.#reads.counts;
    return bytesRead === 0 || bytesRead + sizeBytes <= MAX_BYTES;
  }

  /**
   * Works on items in their order, several at a time, as long as there are calls for another one. Each step works on one item at
   * least, whatever it takes. Returns how many are done, without the one that is not finished.
   * @param work false: not finished, and no further one is to be begun
   */
  async inOrder<Item>(
    items: readonly Item[],
    callsFor: (item: Item) => number,
    work: (item: Item, index: number) => Promise<boolean>,
  ): Promise<number> {
    const active = new Set<Promise<void>>();
    let next = 0;
    let stoppedAt = items.length;
    for (; next < Math.min(items.length, stoppedAt); next++) {
      const item = items[next];
      if (item === undefined) break;
      const calls = callsFor(item);
      const lanes = this.#readsBytes ? 1 : PARALLEL;
      while (active.size >= lanes || (active.size > 0 && calls > this.left)) await Promise.race(active);
      if (next >= stoppedAt || (calls > this.left && this.#hasBegun)) break;
      if (calls > 0) this.#hasBegun = true;
      this.#reserved += calls;
      const index = next;
      const task: Promise<void> = work(item, index)
        .then((isFinished) => {
          if (!isFinished) stoppedAt = Math.min(stoppedAt, index);
        })
        .finally(() => {
          this.#reserved -= calls;
          active.delete(task);
        });
      // A failure is thrown below.
      task.catch(() => {});
      active.add(task);
    }
    await Promise.all(active);
    return Math.min(next, stoppedAt);
  }
}
