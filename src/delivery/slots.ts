/** A Worker waits for six answers at a time ("simultaneous open connections"); one is left for the queues and D1. */
export const CONNECTIONS = 5;

/** Work that may go on at the same time, first come, first served. */
export class Slots {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  async use<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const waiting = this.#waiting.shift();
      if (waiting === undefined) this.#free++;
      else waiting();
    }
  }
}
