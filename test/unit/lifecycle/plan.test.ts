import { describe, expect, it } from "vitest";
import { nextPrefix, planPass, resumedPrefix } from "../../../src/lifecycle/plan.ts";
import { DAY_MS, type LifecycleRule } from "../../../src/model/lifecycle.ts";

const rule = (parts: Partial<LifecycleRule>): LifecycleRule => ({
  id: "r",
  isEnabled: true,
  schema: "V2",
  filter: { tags: [] },
  transitions: [],
  noncurrentTransitions: [],
  ...parts,
});
const below = (prefix: string, parts: Partial<LifecycleRule> = {}) =>
  rule({ filter: { prefix, tags: [] }, expiration: { kind: "days", days: 1 }, ...parts });
const clock = { now: new Date("2026-01-10T09:00:00Z"), dayMs: DAY_MS };
const plan = (rules: LifecycleRule[], isVersioned = false) =>
  planPass({ rules, transitionMinimum: "all_storage_classes_128K" }, clock, { isVersioned });
const date = (text: string) => ({ kind: "date", date: Date.parse(text) }) as const;
const IA = "STANDARD_IA";

describe("planPass", () => {
  it("reads only below the prefixes of enabled rules, and nothing twice", () => {
    const rules = [below("b/"), below("a/x"), below("a/"), below("off/", { isEnabled: false }), below("b")];
    expect(plan(rules).prefixes).toEqual(["a/", "b"]);
    expect(plan([...rules, rule({ expiration: { kind: "days", days: 1 } })]).prefixes).toEqual([""]);
  });

  it.each<[why: string, parts: Partial<LifecycleRule>, never: boolean, versioned: boolean]>([
    ["an expiration after days", {}, true, true],
    ["a date that has come", { expiration: date("2026-01-10") }, true, true],
    ["a date that has not", { expiration: date("2026-01-11") }, false, false],
    [
      "a transition",
      { expiration: undefined, transitions: [{ kind: "days", days: 30, storageClass: IA }] } as never,
      true,
      true,
    ],
    [
      "a transition by a later date",
      { expiration: undefined, transitions: [{ ...date("2026-01-11"), storageClass: IA }] } as never,
      false,
      false,
    ],
    ["noncurrent versions", { expiration: undefined, noncurrentExpiration: { days: 1 } } as never, false, true],
    [
      "their transition",
      { expiration: undefined, noncurrentTransitions: [{ days: 30, storageClass: IA }] } as never,
      false,
      true,
    ],
    ["delete markers", { expiration: { kind: "expired-delete-marker", isOn: true } }, false, true],
    ["delete markers that stay", { expiration: { kind: "expired-delete-marker", isOn: false } }, false, false],
    ["uploads", { expiration: undefined, abortUploadAfterDays: 1 } as never, false, false],
  ])("reads objects for %s", (_why, parts, never, versioned) => {
    expect(plan([below("p", parts)]).prefixes).toEqual(never ? ["p"] : []);
    expect(plan([below("p", parts)], true).prefixes).toEqual(versioned ? ["p"] : []);
  });

  it("reads tags only if a rule that acts names one", () => {
    const tagged = (parts: Partial<LifecycleRule> = {}) =>
      below("t", { filter: { prefix: "t", tags: [{ key: "k", value: "v" }] }, ...parts });
    expect(plan([below("a")]).needsTags).toBe(false);
    expect(plan([below("a"), tagged()]).needsTags).toBe(true);
    expect(plan([below("a"), tagged({ isEnabled: false })]).needsTags).toBe(false);
  });

  it("aborts uploads that were begun so many whole days before a midnight", () => {
    const rules = [below("a/", { abortUploadAfterDays: 7 }), below("b/", { abortUploadAfterDays: 1 })];
    expect(plan(rules).uploads).toEqual([
      { prefix: "a/", initiatedUntil: new Date("2026-01-03T00:00:00Z") },
      { prefix: "b/", initiatedUntil: new Date("2026-01-09T00:00:00Z") },
    ]);
  });
});

describe("prefixes of a plan", () => {
  const prefixes = ["a/", "c", "ü"];
  it.each<[last: string, resumed: string | undefined, next: string | undefined]>([
    ["", "a/", "a/"],
    ["a/", "a/", "c"],
    ["a/1", "a/", "c"],
    ["b", "c", "c"],
    ["c", "c", "ü"],
    ["d", "ü", "ü"],
    ["ü", "ü", undefined],
    ["\u{1f600}", undefined, undefined],
  ])("after %j: it is resumed with %j, and %j comes next", (last, resumed, next) => {
    expect(resumedPrefix(prefixes, last)).toBe(resumed);
    expect(nextPrefix(prefixes, last)).toBe(next);
  });
});
