/** How one attempt at a delivery ended, and when the next one is due. */
import type { CallOutcome } from "../outbound/fetch.ts";
import type { Receiver } from "../storage/journal/messages.ts";

interface Attempt {
  /** From the first byte sent until the attempt was over. */
  readonly latencyMs: number;
}

export type DeliveryOutcome = Attempt &
  (
    | { readonly kind: "delivered" }
    /** Permanent: the receiver does not exist, or must not be called. `reason` as below. */
    | { readonly kind: "refused"; readonly reason: string }
    /**
     * Can be retried. `reason` is for statistics: one line without secrets, headers or queries of URLs. `isDown`: the
     * receiver gave no answer, so other events would fail as well.
     */
    | { readonly kind: "failed"; readonly reason: string; readonly isDown: boolean }
  );

/** The outcome of an attempt that called a URL. */
export function outcomeOfCall(
  call: CallOutcome,
  latencyMs: number,
  isSuccess: (status: number) => boolean,
): DeliveryOutcome {
  if (call.kind === "failed") return { kind: "failed", reason: call.message, isDown: true, latencyMs };
  if (isSuccess(call.status)) return { kind: "delivered", latencyMs };
  return { kind: "failed", reason: `answered ${call.status}`, isDown: false, latencyMs };
}

/** The reference system's rule for `NS:` topics: "three retries at random 10–20 s gaps". */
const CALLBACK_RETRIES = 3;
const CALLBACK_GAP_SECONDS = { from: 10, to: 20 };

/**
 * 10 s, doubled up to an hour, then every hour: a day in all. Deviation: SNS uses the subscription's delivery policy,
 * which is not supported.
 */
const FIRST_SECONDS = 10;
const LONGEST_SECONDS = 3600;
const BACKED_OFF_RETRIES = 32;

/**
 * Seconds until the next attempt; undefined if there is none.
 * @param attempts made so far, at least one
 * @param random from 0 to 1: spreads the retries of events that failed together
 */
export function nextDelaySeconds(kind: Receiver["kind"], attempts: number, random: number): number | undefined {
  if (kind === "callback") {
    const { from, to } = CALLBACK_GAP_SECONDS;
    return attempts > CALLBACK_RETRIES ? undefined : from + Math.round(random * (to - from));
  }
  if (attempts > BACKED_OFF_RETRIES) return undefined;
  const full = Math.min(FIRST_SECONDS * 2 ** (attempts - 1), LONGEST_SECONDS);
  return Math.max(FIRST_SECONDS, Math.round(full * (0.8 + 0.2 * random)));
}
