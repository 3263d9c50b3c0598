import { expect, it } from "vitest";
import { median, quantile, ratioOf, spreadOf } from "../../../bench/statistics.ts";

it("the median of an even number of values is between the middle two", () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
  expect(median([])).toBeNaN();
});

it("a quantile between two values is interpolated", () => {
  expect(quantile([0, 10], 0.99)).toBeCloseTo(9.9);
  expect(quantile([3], 0.99)).toBe(3);
  expect(quantile([2, 1], 0)).toBe(1);
  expect(quantile([2, 1], 1)).toBe(2);
});

it("a spread is the median with the least and the greatest value, in any order of the rounds", () => {
  expect(spreadOf([3, 1, 2])).toEqual({ middle: 2, least: 1, most: 3 });
});

it("a ratio is that of one round, not of the medians", () => {
  expect(ratioOf([1, 100, 10], [2, 100, 40])).toEqual({ middle: 0.5, least: 0.25, most: 1 });
});

it("rounds that only one side has are not counted", () => {
  expect(ratioOf([1, 2, 3], [1])).toEqual({ middle: 1, least: 1, most: 1 });
});
