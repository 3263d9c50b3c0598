interface Waiting {
  readonly places: number;
  start(): void;
}

/** Limits how much work runs at the same time, in order of arrival. */
export class ConcurrencyLimit {
  #free: number;
  readonly #waiting: Waiting[] = [];

  constructor(count: number) {
    this.#free = count;
  }

  /** @param places that the work takes up; 0: it never waits */
  async run<T>(work: () => Promise<T>, places = 1): Promise<T> {
    if (places > 0 && (this.#free < places || this.#waiting.length > 0)) {
      await new Promise<void>((start) => this.#waiting.push({ places, start }));
    } else this.#free -= places;
    try {
      return await work();
    } finally {
      this.#free += places;
      this.#startNext();
    }
  }

  #startNext(): void {
    for (let next = this.#waiting[0]; next !== undefined && next.places <= this.#free; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#free -= next.places;
      next.start();
    }
  }
}
