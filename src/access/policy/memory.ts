/** What of policies has been worked out for one request, so that a thousand keys cost it once; and what that has cost. */
import type { Condition } from "./condition.ts";
import type { PolicyDocument } from "./document.ts";
import { Effort } from "./effort.ts";
import type { Remainder } from "./evaluate.ts";

export class PolicyMemory {
  readonly effort: Effort;
  readonly #remainders = new WeakMap<PolicyDocument, Map<string, Remainder>>();
  readonly #conditions = new WeakMap<Condition, Map<string, boolean>>();

  constructor(effort = new Effort()) {
    this.effort = effort;
  }

  /** @param question what of a request the remainder hangs on */
  remainder(policy: PolicyDocument, question: string, workOut: () => Remainder): Remainder {
    const known = this.#remainders.get(policy) ?? new Map<string, Remainder>();
    this.#remainders.set(policy, known);
    const remainder = known.get(question) ?? workOut();
    known.set(question, remainder);
    return remainder;
  }

  /**
   * Whether a condition holds that says the same of every object.
   * @param question what else of a request it hangs on
   */
  condition(condition: Condition, question: string, decide: () => boolean): boolean {
    const known = this.#conditions.get(condition) ?? new Map<string, boolean>();
    this.#conditions.set(condition, known);
    const holds = known.get(question) ?? decide();
    known.set(question, holds);
    return holds;
  }
}
