import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { formatTraffic, TrafficLine } from "../../../scripts/traffic-line.ts";

const TIME = new Date(2026, 0, 2, 3, 4, 5);
const ERASE = "\r\x1b[2K";

/** A stream that keeps what is written. */
function screen(isTTY: boolean) {
  const written: string[] = [];
  return { isTTY, written, write: (text: string) => written.push(text) };
}

beforeEach(() => {
  vi.useFakeTimers({ now: TIME });
});
afterEach(() => {
  vi.useRealTimers();
});

it.each([
  [{ requests: 1, refused: 0, failed: 0 }, "03:04:05  1 request"],
  [{ requests: 1204, refused: 1000, failed: 2 }, "03:04:05  1,204 requests, 1,000 refused, 2 failed"],
])("formatTraffic names what there was: %j", (traffic, text) => {
  expect(formatTraffic(traffic, TIME)).toBe(text);
});

describe("on a terminal", () => {
  it("rewrites one line with the requests since the start", () => {
    const stdout = screen(true);
    const line = new TrafficLine(stdout);
    line.add({ requests: 2, refused: 0, failed: 0 });
    line.add({ requests: 3, refused: 1, failed: 0 });
    line.close();
    expect(stdout.written).toEqual([`${ERASE}03:04:05  2 requests`, `${ERASE}03:04:05  5 requests, 1 refused`, "\n"]);
  });

  it("erases it before other lines", () => {
    const stdout = screen(true);
    const stderr = screen(true);
    const line = new TrafficLine(stdout);
    line.writeLines(stderr, "first");
    line.add({ requests: 2, refused: 0, failed: 0 });
    line.writeLines(stderr, "second");
    line.close();
    expect(stdout.written).toEqual([`${ERASE}03:04:05  2 requests`, ERASE]);
    expect(stderr.written).toEqual(["first\n", "second\n"]);
  });
});

describe("in a file or pipe", () => {
  it("writes a line ten seconds after the first request of it, and none without requests", () => {
    const stdout = screen(false);
    const line = new TrafficLine(stdout);
    line.add({ requests: 0, refused: 0, failed: 0 });
    vi.advanceTimersByTime(60_000);
    expect(stdout.written).toEqual([]);
    line.add({ requests: 2, refused: 0, failed: 0 });
    vi.advanceTimersByTime(5_000);
    line.add({ requests: 1, refused: 0, failed: 1 });
    vi.advanceTimersByTime(4_999);
    expect(stdout.written).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(stdout.written).toEqual(["03:05:15  3 requests, 1 failed\n"]);
    vi.advanceTimersByTime(60_000);
    expect(stdout.written).toHaveLength(1);
  });

  it("counts from the last line, and writes the rest at the end", () => {
    const stdout = screen(false);
    const line = new TrafficLine(stdout);
    line.add({ requests: 2, refused: 0, failed: 0 });
    vi.advanceTimersByTime(10_000);
    line.add({ requests: 1, refused: 0, failed: 0 });
    line.close();
    line.close();
    expect(stdout.written).toEqual(["03:04:15  2 requests\n", "03:04:15  1 request\n"]);
  });
});
