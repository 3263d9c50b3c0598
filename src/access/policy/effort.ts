/**
 * What deciding one request may cost. Matching is linear in the text, but what it is multiplied with is chosen by strangers
 * and tenants: a thousand keys of a deletion, a policy of 20 KB, a header of 8 KB put in for every variable.
 */
import { S3Error } from "../../errors.ts";

/** Characters looked at. No single decision of the largest policies takes as many; some 50 ms. */
export const MAX_STEPS = 30_000_000;

export class Effort {
  readonly #limit: number;
  #spent = 0;

  constructor(limit = MAX_STEPS) {
    this.#limit = limit;
  }

  get spent(): number {
    return this.#spent;
  }

  /** @throws S3Error `SlowDown` once it has become too much: less may be asked for at once. */
  spend(steps: number): void {
    this.#spent += steps;
    if (this.#spent > this.#limit) throw new S3Error("SlowDown");
  }
}
