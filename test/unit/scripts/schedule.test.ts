import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { isDue, startClock, startLifecycleClock } from "../../../scripts/schedule.ts";

describe("isDue", () => {
  // A Saturday.
  const at = (time: string) => new Date(`2026-11-28T${time}:00Z`);

  it.each([
    ["* * * * *", "16:57", true],
    ["*/10 * * * *", "16:50", true],
    ["*/10 * * * *", "16:57", false],
    ["57 16 * * *", "16:57", true],
    ["0,57 1-16/5 * * *", "16:57", true],
    ["0,57 1-15/5 * * *", "16:57", false],
    ["57 16 28 11 *", "16:57", true],
    ["57 16 29 11 *", "16:57", false],
    ["57 16 * * 6", "16:57", true],
    ["57 16 * * 7", "16:57", false],
    // If both days are given, either one suffices.
    ["57 16 1 * 6", "16:57", true],
    ["57 16 28 * 1", "16:57", true],
  ])("%s at %s: %s", (cron, time, expected) => {
    expect(isDue(cron, at(time))).toBe(expected);
  });

  it("takes 0 and 7 for Sunday", () => {
    const sunday = new Date("2026-11-29T00:00:00Z");
    expect([isDue("0 0 * * 0", sunday), isDue("0 0 * * 7", sunday), isDue("0 0 * * 6", sunday)]).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each(["* * * *", "a * * * *", "*/x * * * *"])("refuses %s", (cron) => {
    expect(() => isDue(cron, at("00:00"))).toThrow(/cron expression/);
  });
});

describe("startClock", () => {
  beforeEach(() => vi.useFakeTimers({ now: new Date("2026-11-28T16:48:30Z") }));
  afterEach(() => vi.useRealTimers());

  it("runs what is due once a minute, with the minute's time, until it is stopped", async () => {
    const seen: string[] = [];
    const stop = startClock(["* * * * *", "*/10 * * * *"], async (cron, time) => {
      seen.push(`${cron} ${time.toISOString()}`);
    });
    await vi.advanceTimersByTimeAsync(2 * 60_000 + 35_000);
    stop();
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(seen).toEqual([
      "* * * * * 2026-11-28T16:49:00.000Z",
      "* * * * * 2026-11-28T16:50:00.000Z",
      "*/10 * * * * 2026-11-28T16:50:00.000Z",
      "* * * * * 2026-11-28T16:51:00.000Z",
    ]);
  });

  it("waits for a run to end, and continues after one that failed", async () => {
    let runs = 0;
    const stop = startClock(["* * * * *"], async () => {
      runs += 1;
      if (runs === 1) await new Promise((resolve) => setTimeout(resolve, 90_000));
      else throw new Error("failed");
    });
    await vi.advanceTimersByTimeAsync(31_000);
    expect(runs).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs).toBe(1);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(runs).toBe(3);
    stop();
  });
});

describe("startLifecycleClock", () => {
  beforeEach(() => vi.useFakeTimers({ now: new Date("2026-11-28T16:48:30Z") }));
  afterEach(() => vi.useRealTimers());

  it("runs the lifecycle and inventories every second while a day has only seconds, one run at a time", async () => {
    const seen: string[] = [];
    const stop = startLifecycleClock({ LIFECYCLE_DAY_SECONDS: "10" }, async (cron, time) => {
      seen.push(`${cron} ${time.toISOString()}`);
      if (seen.length === 1) await new Promise((resolve) => setTimeout(resolve, 1_500));
      if (seen.length === 3) throw new Error("failed");
    });
    await vi.advanceTimersByTimeAsync(4_100);
    stop();
    await vi.advanceTimersByTimeAsync(5_000);
    expect(seen).toEqual([
      "*/2 * * * * 2026-11-28T16:48:31.000Z",
      "1-59/2 * * * * 2026-11-28T16:48:31.000Z",
      "*/2 * * * * 2026-11-28T16:48:33.000Z",
      "1-59/2 * * * * 2026-11-28T16:48:33.000Z",
      "*/2 * * * * 2026-11-28T16:48:34.000Z",
      "1-59/2 * * * * 2026-11-28T16:48:34.000Z",
    ]);
  });

  it("does nothing with ordinary days", async () => {
    let runs = 0;
    const stop = startLifecycleClock({}, async () => {
      runs += 1;
    });
    await vi.advanceTimersByTimeAsync(5_000);
    stop();
    expect(runs).toBe(0);
  });
});
