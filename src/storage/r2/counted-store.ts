/** R2 with a bound on the calls of one request, however much there is to be passed over. */
import { callR2 } from "./platform-errors.ts";

export class CountedStore {
  readonly #store: R2Bucket;
  #left: number;

  constructor(store: R2Bucket, maxCalls: number) {
    this.#store = store;
    this.#left = maxCalls;
  }

  /** Calls that may still be made. */
  get left(): number {
    return Math.max(0, this.#left);
  }

  list(options: R2ListOptions): Promise<R2Objects> {
    this.#left--;
    return callR2(this.#store.list(options));
  }

  head(key: string): Promise<R2Object | null> {
    this.#left--;
    return callR2(this.#store.head(key));
  }
}
