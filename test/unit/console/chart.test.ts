import { describe, expect, it } from "vitest";
import { type ChartBox, layOut, type Point } from "../../../console/src/lib/chart.ts";

const BOX: ChartBox = { width: 120, height: 120, left: 10, right: 10, top: 10, bottom: 10 };
const days = (...values: number[]): Point[] =>
  values.map((value, index) => ({ date: `2026-11-${String(index + 1).padStart(2, "0")}`, value }));

describe("layOut", () => {
  it("places days from left to right and amounts from zero upwards", () => {
    const { marks, line, area } = layOut(days(0, 2, 4), BOX, false);
    expect(marks.map(({ x, y }) => [x, y])).toEqual([
      [10, 110],
      [60, 60],
      [110, 10],
    ]);
    expect(line).toBe("M10 110 L60 60 L110 10");
    expect(area).toBe("M10 110 L60 60 L110 10 L110 110 L10 110 Z");
  });

  it("leaves room for days that are missing", () => {
    const points = [
      { date: "2026-11-01", value: 1 },
      { date: "2026-11-02", value: 1 },
      { date: "2026-11-05", value: 1 },
    ];
    expect(layOut(points, BOX, false).marks.map(({ x }) => x)).toEqual([10, 35, 110]);
  });

  it.each([
    [0, false, [0, 1, 2, 3, 4]],
    [7, false, [0, 2, 4, 6, 8]],
    [100, false, [0, 50, 100, 150, 200]],
    [1_000_000, false, [0, 500_000, 1_000_000, 1_500_000, 2_000_000]],
    [3, true, [0, 1, 2, 3, 4]],
    [4 * 1024, true, [0, 1024, 2048, 3072, 4096]],
    [2.3 * 1024 ** 2, true, [0, 1, 2, 3, 4].map((count) => count * 1024 ** 2)],
    [6 * 1024 ** 3, true, [0, 2, 4, 6, 8].map((count) => count * 1024 ** 3)],
  ])("has levels at round numbers up to %i (bytes: %s)", (largest, isBytes, expected) => {
    expect(layOut(days(largest), BOX, isBytes).levels.map(({ value }) => value)).toEqual(expected);
  });

  it("has its only day in the middle, and nothing without days", () => {
    expect(layOut(days(5), BOX, false).marks[0]?.x).toBe(60);
    expect(layOut([], BOX, false)).toMatchObject({ line: "", area: "", marks: [] });
  });
});
