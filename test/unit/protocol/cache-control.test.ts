import { expect, it } from "vitest";
import { sharedLifetimeSeconds } from "../../../src/protocol/cache-control.ts";

it.each([
  ["max-age=60", 60],
  ["public, max-age=60", 60],
  ["s-maxage=10, max-age=60", 10],
  ["max-age=60, s-maxage=600", 600],
  ["S-MaxAge=10", 10],
  ['max-age="60"', 60],
  ["max-age=60, immutable, no-transform, stale-while-revalidate=30, x=y", 60],
  ["max-age=60,, public", 60],
])("a shared cache may keep an answer with %s for %i s", (header, seconds) => {
  expect(sharedLifetimeSeconds(header)).toBe(seconds);
});

it.each([
  null,
  "",
  "public",
  "max-age",
  "max-age=",
  "max-age=0",
  "max-age=-1",
  "max-age=1.5",
  "max-age=1e3",
  "max-age=99999999999",
  "max-age=60, s-maxage=0",
  "max-age=60, private",
  "Private, max-age=60",
  'max-age=60, private="x-amz-meta-a"',
  "max-age=60, no-cache",
  'no-cache="set-cookie", max-age=60',
  "no-store, max-age=60",
  "max-age=60, must-understand",
  "max-age=60, max-age=600",
  "max-age=60, s-maxage=5, s-maxage=600",
  'max-age=60, a="b',
  'a="x, max-age=60"',
  "max-age 60",
  "max-age=60; private",
])("a shared cache keeps no answer with %s", (header) => {
  expect(sharedLifetimeSeconds(header)).toBe(0);
});
