/**
 * The limit on what deciding one request may cost. Matching takes time linear in the text, but strangers and tenants
 * choose the factors: a thousand keys of a deletion, a policy of 20 KB, a header of 8 KB in place of every variable.
 */
import { S3Error } from "../../errors.ts";

/**
 * Characters examined. For one object the policies of a bucket, a user and a session take at most five sixths of this,
 * whatever they and the request's headers contain; all of it is 100 to 200 ms.
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

  /** @throws S3Error `SlowDown` beyond the limit: the client can send smaller requests */
  spend(steps: number): void {
    this.#spent += steps;
    if (this.#spent > this.#limit) throw new S3Error("SlowDown");
  }
}
