/**
 * How many refusals have lines. A client whose requests are denied would otherwise decide how much the audit stores. The rest is
 * counted, by code.
 */
import type { OmittedEntry } from "./line.ts";

/** In a second and an isolate, of one account, or of all requests that could not be authenticated. */
export const DENIED_PER_ACCOUNT = 20;
/** In a second and an isolate, of all. */
export const DENIED_PER_SECOND = 60;

export class DenialLimit {
  #second = 0;
  #admitted = 0;
  readonly #admittedOf = new Map<string, number>();
  #omitted: { readonly time: number; until: number; count: number; readonly codes: Map<string, number> } | undefined;

  /** @param time milliseconds since 1970 */
  admit({ account, code }: { readonly account: string; readonly code: string }, time: number): boolean {
    const second = Math.floor(Date.now() / 1000);
    if (second !== this.#second) {
      this.#second = second;
      this.#admitted = 0;
      this.#admittedOf.clear();
    }
    const ofAccount = this.#admittedOf.get(account) ?? 0;
    if (this.#admitted < DENIED_PER_SECOND && ofAccount < DENIED_PER_ACCOUNT) {
      this.#admitted++;
      this.#admittedOf.set(account, ofAccount + 1);
      return true;
    }
    this.#omitted ??= { time, until: time, count: 0, codes: new Map() };
    const omitted = this.#omitted;
    omitted.until = Math.max(omitted.until, time);
    omitted.count++;
    omitted.codes.set(code, (omitted.codes.get(code) ?? 0) + 1);
    return false;
  }

  /** What was left out since the last call. */
  takeOmitted(): OmittedEntry | undefined {
    const omitted = this.#omitted;
    this.#omitted = undefined;
    return omitted && { type: "omitted", ...omitted, codes: Object.fromEntries(omitted.codes) };
  }
}
