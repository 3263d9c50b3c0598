/** How one attempt at one delivery ended, whatever kind of receiver it was for. */
import type { Receiver } from "../storage/journal/messages.ts";

interface Attempt {
  /** From the first byte sent until the attempt was over. */
  readonly latencyMs: number;
}

export type DeliveryOutcome = Attempt &
  (
    | { readonly kind: "delivered" }
    /** Trying again cannot help: the receiver is gone, or must not be called. `reason` as below. */
    | { readonly kind: "refused"; readonly reason: string }
    /**
     * Worth another try. `reason` is for statistics: one line without secrets, headers or queries of URLs. `isDown` tells
     * a receiver that gave no answer, and so fails for every event, from one that answered no to this event.
     */
    | { readonly kind: "failed"; readonly reason: string; readonly isDown: boolean }
  );

/** "three retries at random 10–20 s gaps", as the reference system has it for `NS:` topics. */
const CALLBACK_RETRIES = 3;
const CALLBACK_GAP_SECONDS = { from: 10, to: 20 };

/**
 * 10 s, doubled until an hour, then every hour: a day in all. Deviation: SNS goes by the subscription's delivery policy,
 * which is not offered.
 */
const FIRST_SECONDS = 10;
const LONGEST_SECONDS = 3600;
const BACKED_OFF_RETRIES = 32;

/**
 * Seconds until the next attempt; undefined: give up.
 * @param attempts made so far, at least one
 * @param random from 0 to 1: receivers that came back must not get all their events in one second
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
