/** When a delivery that failed is tried again, and for how long at all. */
import type { Receiver } from "../storage/journal/messages.ts";

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
