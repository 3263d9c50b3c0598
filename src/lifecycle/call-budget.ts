/** What a run may use: calls to the platform, which limits them, and time, so that two runs do not overlap. */

export class CallBudget {
  /** No step begins anything after it. */
  readonly until: Date;
  #left: number;

  constructor(calls: number, until: Date) {
    this.#left = calls;
    this.until = until;
  }

  get left(): number {
    return Date.now() > this.until.getTime() ? 0 : Math.max(0, this.#left);
  }

  /** Calls that were not made, even if there is no time left for them; negative if too many were made. */
  get unused(): number {
    return this.#left;
  }

  /** False if there are not so many calls left, or no time; then none is taken. */
  take(calls: number): boolean {
    if (this.left < calls) return false;
    this.#left -= calls;
    return true;
  }

  /** Calls that were made, whether or not there were so many left. */
  spend(calls: number): void {
    this.#left -= calls;
  }

  /** The part that one of several users may have; `settle` returns what it has not used. */
  share(users: number): { readonly budget: CallBudget; settle(): void } {
    const calls = Math.floor(this.left / users);
    const budget = new CallBudget(calls, this.until);
    return { budget, settle: () => this.spend(calls - budget.#left) };
  }
}
