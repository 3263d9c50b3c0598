/**
 * What deciding one request may cost. Matching is linear in the text, but what it is multiplied with is chosen by strangers
 * and tenants: a thousand keys of a deletion, a policy of 20 KB, a header of 8 KB put in for every variable.
 */
import { S3Error } from "../../errors.ts";

/**
 * Characters looked at. The policies of a bucket, a user and a session take at most five sixths of it for one object, whatever
 * they say and the request's headers are; all of it is some 100 to 200 ms.
 */
export const MAX_STEPS = 50_000_000;

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
