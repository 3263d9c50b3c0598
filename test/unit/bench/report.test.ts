import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { CASES } from "../../../bench/cases.ts";
import { cpuAbove, formatPerformance, formatRequest, formatTarget } from "../../../bench/report.ts";
import { isMet, mergeResults, type RequestResult, type Results, type SideFigures } from "../../../bench/results.ts";
import { CASE_TARGETS } from "../../../bench/targets.ts";

const figures = (perSecond: readonly number[], cpuMs?: readonly number[]): SideFigures => ({
  perSecond,
  ...(cpuMs && { cpuMs }),
  p50Ms: 1.5,
  p99Ms: 20,
});

const request: RequestResult = {
  name: "GET 1 KiB",
  connections: 16,
  sides: {
    start: figures([90, 95], [0.5, 0.5]),
    floor: figures([100, 100], [0.4, 0.4]),
    moto: { refused: "501 NotImplemented" },
  },
};

const results: Results = {
  date: "2026-01-02",
  machine: { cores: 2, processor: "P", system: "Linux", memoryGiB: 8, node: "22.1.0", workerd: "1.2", load: 0.1 },
  rounds: 2,
  seconds: 1,
  sides: [
    { name: "start", version: "", residentBytes: 3 * 1024 ** 2 },
    { name: "floor", version: "" },
    { name: "moto", version: "5" },
  ],
  requests: [request],
  sections: [
    { name: "Copy", figures: [{ what: "5 GiB", value: 120, unit: "ms", target: { atMost: 100 }, note: "10 parts" }] },
  ],
};

it("docs/performance.md is what the record of the last run says", () => {
  const root = new URL("../../../", import.meta.url);
  const record = JSON.parse(readFileSync(new URL("bench/results.json", root), "utf8")) as Results;
  expect(readFileSync(new URL("docs/performance.md", root), "utf8")).toBe(formatPerformance(record));
});

it("each target is that of a case", () => {
  const names = CASES.map(({ name }) => name);
  expect(Object.keys(CASE_TARGETS).filter((name) => !names.includes(name))).toEqual([]);
});

describe("the page", () => {
  const page = formatPerformance(results);
  const rows = page.split("\n").filter((line) => line.startsWith("| "));

  it("states ratio, spread and CPU above the floor with their targets", () => {
    expect(rows).toContain("| GET 1 KiB (16) | 0.93 (0.90 to 0.95) | ≥ 0.9: met | 0.10 | ≤ 0.2: met |");
  });

  it("states what a server refuses", () => {
    expect(rows).toContain("| GET 1 KiB | refused | |");
    expect(page).toContain('"refused": moto_server answers such a request with an error.');
  });

  it("states a figure that misses its target", () => {
    expect(rows).toContain("| Copy: 5 GiB | 120 ms | ≤ 100: **missed** | 10 parts |");
  });

  it("states the memory of the servers whose system says it", () => {
    expect(page).toContain("requests of this page: `npm start` 3 MiB.");
  });

  it("says what is known about a request that misses a target, and only then", () => {
    const listing = (perSecond: number) => {
      const sides = { start: figures([perSecond]), floor: figures([100]) };
      return formatPerformance({ ...results, requests: [{ ...request, name: "list of 1,000 keys", sides }] });
    };
    expect(listing(50)).toContain("### Where the time goes\n\n- **list of 1,000 keys.** ");
    expect(listing(100)).not.toContain("### Where the time goes");
  });

  it("states how much CPU the simulator takes to write", () => {
    const sides = { floor: figures([8], [80]) };
    const page = formatPerformance({ ...results, requests: [{ ...request, name: "PUT 8 MiB, unsigned", sides }] });
    expect(page.replaceAll(/\s+/g, " ")).toContain("the simulator takes 10 ms of CPU for each MiB");
  });

  it("says that CPU is not measured where the system does not say", () => {
    const sides = { start: figures([1]), floor: figures([1]) };
    const other = formatPerformance({ ...results, requests: [{ ...request, sides }] });
    expect(other).toContain("| GET 1 KiB (16) | 1.00 (1.00 to 1.00) | ≥ 0.9: met | not measured | |");
  });
});

it("a line of the terminal compares ours with each server", () => {
  expect(formatRequest(request).split("\n")).toEqual([
    "GET 1 KiB (16)",
    "  start: 92.5/s p50 1.50 p99 20.00 cpu 0.50",
    "  floor: ours 0.93 (0.90 to 0.95), 100/s p50 1.50 p99 20.00 cpu 0.40",
    "  moto: refused, 501 NotImplemented",
  ]);
});

it("CPU above the floor is the difference of the medians", () => {
  expect(cpuAbove(figures([1], [3, 1, 2]), figures([1], [1, 1, 4]))).toBe(1);
  expect(cpuAbove(figures([1]), figures([1], [1]))).toBeUndefined();
});

it("a target is met at its bound", () => {
  expect(isMet(0.9, { atLeast: 0.9 })).toBe(true);
  expect(isMet(0.89, { atLeast: 0.9 })).toBe(false);
  expect(isMet(100, { atMost: 100 })).toBe(true);
  expect(formatTarget(1, undefined)).toBe("");
});

describe("a partial run", () => {
  const copy = { name: "Copy", figures: [{ what: "5 GiB", value: 90, unit: "ms" }] } as const;
  const start = { name: "Start", figures: [] } as const;
  const later = { ...results, date: "2026-03-04", rounds: 9, requests: [], sections: [copy, start] };

  it("replaces and adds what it has measured, with its date", () => {
    const { requests, sections, date, rounds } = mergeResults(results, later);
    expect({ requests, date, rounds }).toEqual({ requests: results.requests, date: "2026-01-02", rounds: 2 });
    expect(sections).toEqual([
      { ...copy, date: "2026-03-04" },
      { ...start, date: "2026-03-04" },
    ]);
  });

  it("is stated on the page", () => {
    const words = formatPerformance(mergeResults(results, later)).replaceAll(/\s+/g, " ");
    expect(words).toContain("In other runs on it: Copy (2026-03-04); Start (2026-03-04). Client and servers");
  });

  it("of another machine is refused", () => {
    const other = { ...later, machine: { ...later.machine, workerd: "1.3" } };
    expect(() => mergeResults(results, other)).toThrow("workerd was 1.2: measure everything again.");
  });
});
