/**
 * `sequencer` of events: "compare the strings of two events for the same object key; the greater is the later" (S3 "Event
 * message structure"). Milliseconds, and within one the order in which this isolate saw the writes end.
 */

/** By how much the clocks of R2 and of this isolate may differ. */
const SKEW_MS = 2_000;

let lastMs = 0;
let step = 0;

/**
 * 16 upper-case hexadecimal digits. What happened long ago is told with its own time; what happened just now comes after
 * whatever this isolate has told before.
 * @param at when the write took effect, by the clock of whoever stored it
 */
export function nextSequencer(at: Date): string {
  const ms = at.getTime();
  if (ms < lastMs - SKEW_MS) return hex(ms, 12) + hex(0, 4);
  step = ms <= lastMs ? step + 1 : 0;
  lastMs = Math.max(lastMs, ms);
  return hex(lastMs, 12) + hex(step, 4);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
