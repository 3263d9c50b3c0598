/** What a check is, and how it ends. */
import type { World } from "./world.ts";

export type Outcome = "ok" | "warn" | "fail" | "skipped";

export interface Verdict {
  readonly outcome: Outcome;
  /** What was seen; of a skipped check the reason. */
  readonly detail: string;
  /** What to change, if it is not the check's own remedy. */
  readonly remedy?: string;
}

export interface Check {
  readonly name: string;
  /** What is sent, for the documentation and `--json`. */
  readonly sends: string;
  readonly expects: string;
  /** What to change if the check fails. */
  readonly remedy: string;
  /** Checks that must not have failed. Without them this one would only repeat their finding. */
  readonly needs?: readonly string[];
  run(world: World): Promise<Verdict>;
}

export const ok = (detail: string): Verdict => ({ outcome: "ok", detail });
export const skipped = (detail: string): Verdict => ({ outcome: "skipped", detail });
export const warn = (detail: string, remedy?: string): Verdict => ({
  outcome: "warn",
  detail,
  ...(remedy !== undefined && { remedy }),
});
export const fail = (detail: string, remedy?: string): Verdict => ({
  outcome: "fail",
  detail,
  ...(remedy !== undefined && { remedy }),
});

/** Ends a check from inside of a helper. */
export class Ended extends Error {
  readonly verdict: Verdict;

  constructor(verdict: Verdict) {
    super(verdict.detail);
    this.verdict = verdict;
  }
}

/** The user has interrupted the command. */
export class Interrupted extends Error {}
