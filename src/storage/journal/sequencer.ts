/**
 * `sequencer` of events: "compare the strings of two events for the same object key; the greater is the later" (S3 "Event
 * message structure"). Milliseconds, and within one the order in which this isolate saw the writes end.
 */

let lastMs = 0;
let step = 0;

/** 16 upper-case hexadecimal digits. @param at when the write took effect, by the clock of whoever stored it */
export function nextSequencer(at: Date): string {
  const ms = Math.max(lastMs, at.getTime());
  step = ms === lastMs ? step + 1 : 0;
  lastMs = ms;
  return hex(ms, 12) + hex(step, 4);
}

function hex(value: number, digits: number): string {
  return value.toString(16).toUpperCase().padStart(digits, "0");
}
