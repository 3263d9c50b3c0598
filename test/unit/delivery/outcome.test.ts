import { describe, expect, it } from "vitest";
import { nextDelaySeconds } from "../../../src/delivery/outcome.ts";
import type { Receiver } from "../../../src/storage/journal/messages.ts";

function delays(kind: Receiver["kind"], random: number): number[] {
  const all: number[] = [];
  for (let attempts = 1; ; attempts++) {
    const delay = nextDelaySeconds(kind, attempts, random);
    if (delay === undefined) return all;
    all.push(delay);
  }
}

describe("nextDelaySeconds", () => {
  it("gives a callback three retries, 10 to 20 s apart", () => {
    expect(delays("callback", 0)).toEqual([10, 10, 10]);
    expect(delays("callback", 1)).toEqual([20, 20, 20]);
  });

  it.each(["subscription", "queue"] as const)(
    "doubles the delay for a %s up to an hour, and ends after a day",
    (kind) => {
      const longest = delays(kind, 1);
      expect(longest.slice(0, 10)).toEqual([10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600]);
      expect(longest.at(-1)).toBe(3600);
      for (const random of [0, 1]) {
        const hours = delays(kind, random).reduce((sum, delay) => sum + delay, 0) / 3600;
        expect(hours).toBeGreaterThan(19);
        expect(hours).toBeLessThan(25);
      }
    },
  );

  it("spreads retries of events that failed together", () => {
    expect(nextDelaySeconds("queue", 10, 0)).toBe(2880);
  });
});
