import { describe, expect, it } from "vitest";
import {
  type CurrentVersion,
  DAY_MS,
  dueForCurrent,
  dueForNoncurrent,
  expirationOf,
  type LifecycleFilter,
  type LifecycleRule,
  matchesFilter,
  type NoncurrentVersion,
  uploadAbortion,
} from "../../../src/model/lifecycle.ts";

const at = (text: string) => new Date(`2014-01-${text}Z`);
const rule = (id: string, parts: Partial<LifecycleRule>): LifecycleRule => ({
  id,
  isEnabled: true,
  schema: "V2",
  filter: { tags: [] },
  transitions: [],
  noncurrentTransitions: [],
  ...parts,
});
const configuration = (...rules: LifecycleRule[]) => ({
  rules,
  transitionMinimum: "all_storage_classes_128K" as const,
});
const current = (parts: Partial<CurrentVersion> = {}): CurrentVersion => ({
  key: "logs/k",
  sizeBytes: 200_000,
  tags: [],
  storageClass: "STANDARD",
  // The example of "Lifecycle rules: Based on an object's age".
  lastModified: at("15T10:30:00"),
  isDeleteMarker: false,
  isOnlyVersion: true,
  ...parts,
});
const noncurrent = (parts: Partial<NoncurrentVersion> = {}): NoncurrentVersion => ({
  key: "logs/k",
  sizeBytes: 200_000,
  tags: [],
  storageClass: "STANDARD",
  isDeleteMarker: false,
  noncurrentSince: at("15T10:30:00"),
  newerNoncurrent: 0,
  ...parts,
});
const on = (text: string) => ({ now: at(text), dayMs: DAY_MS });
const LATE = { now: new Date("2030-01-01T00:00:00Z"), dayMs: DAY_MS };
const days = (count: number) => ({ kind: "days", days: count }) as const;
const date = (text: string) => ({ kind: "date", date: at(text).getTime() }) as const;
const MARKER = { kind: "expired-delete-marker", isOn: true } as const;
const IA = "STANDARD_IA";

describe("matchesFilter", () => {
  const version = { key: "a/b", sizeBytes: 10, tags: [{ key: "k", value: "v" }], isDeleteMarker: false };
  const k = { key: "k", value: "v" };
  it.each<[filter: Partial<LifecycleFilter>, isMatch: boolean, forMarker: boolean]>([
    [{}, true, true],
    [{ prefix: "a/" }, true, true],
    [{ prefix: "b" }, false, false],
    [{ tags: [k] }, true, false],
    [{ tags: [k, { key: "l", value: "" }] }, false, false],
    [{ tags: [{ key: "k", value: "V" }] }, false, false],
    [{ sizeGreaterThan: 9 }, true, false],
    [{ sizeGreaterThan: 10 }, false, false],
    [{ sizeLessThan: 11 }, true, false],
    [{ sizeLessThan: 10 }, false, false],
    [{ prefix: "a", tags: [k], sizeGreaterThan: 9, sizeLessThan: 11 }, true, false],
  ])("%j: an object %s, a delete marker %s", (filter, isMatch, forMarker) => {
    expect(matchesFilter({ tags: [], ...filter }, version)).toBe(isMatch);
    expect(matchesFilter({ tags: [], ...filter }, { ...version, tags: [], isDeleteMarker: true })).toBe(forMarker);
  });
});

describe("dueForCurrent", () => {
  it("adds the days and rounds up to the next midnight", () => {
    const rules = configuration(rule("r", { expiration: days(3) }));
    expect(dueForCurrent(rules, current(), on("18T23:59:59"))).toBe(undefined);
    expect(dueForCurrent(rules, current(), on("19T00:00:00"))).toEqual({ kind: "expire", ruleId: "r" });
    expect(dueForCurrent(rules, current({ lastModified: at("15T00:00:00") }), on("18T00:00:00"))).toEqual({
      kind: "expire",
      ruleId: "r",
    });
  });

  it("rounds to shorter days in development", () => {
    const clock = (seconds: number) => ({ now: new Date(seconds * 1_000), dayMs: 10_000 });
    const version = current({ lastModified: new Date(1_000) });
    const rules = configuration(rule("r", { expiration: days(1) }));
    expect(dueForCurrent(rules, version, clock(19.999))).toBe(undefined);
    expect(dueForCurrent(rules, version, clock(20))).toBeDefined();
  });

  const ia = (id: string) => rule(id, { transitions: [{ ...days(30), storageClass: IA }] });
  it.each<[why: string, rules: LifecycleRule[], version: Partial<CurrentVersion>, due: string | undefined]>([
    ["a date that has come", [rule("r", { expiration: date("20T00:00:00") })], {}, "expire r"],
    ["a date that has not", [rule("r", { expiration: { kind: "date", date: Date.UTC(2031, 0) } })], {}, undefined],
    ["a rule that is disabled", [rule("r", { isEnabled: false, expiration: days(1) })], {}, undefined],
    ["another prefix", [rule("r", { filter: { prefix: "b", tags: [] }, expiration: days(1) })], {}, undefined],
    [
      "the first of two rules",
      [rule("r", { expiration: days(9) }), rule("s", { expiration: days(1) })],
      {},
      "expire r",
    ],
    ["a transition", [ia("t")], {}, "transition t"],
    [
      "a transition by date",
      [rule("t", { transitions: [{ ...date("20T00:00:00"), storageClass: IA }] })],
      {},
      "transition t",
    ],
    ["a transition in the class already", [ia("t")], { storageClass: IA }, undefined],
    ["expiration before transition", [ia("t"), rule("r", { expiration: days(900) })], {}, "expire r"],
    ["a transition below 128 KiB", [ia("t")], { sizeBytes: 128 * 1024 - 1 }, undefined],
    ["a transition from 128 KiB", [ia("t")], { sizeBytes: 128 * 1024 }, "transition t"],
    [
      "a transition of a size that the rule names",
      [{ ...ia("t"), filter: { tags: [], sizeGreaterThan: 0 } }],
      { sizeBytes: 1 },
      "transition t",
    ],
    ["an expired delete marker", [rule("m", { expiration: MARKER })], { isDeleteMarker: true }, "expire m"],
    [
      "a delete marker over other versions",
      [rule("m", { expiration: MARKER })],
      { isDeleteMarker: true, isOnlyVersion: false },
      undefined,
    ],
    [
      "a marker rule that is off",
      [rule("m", { expiration: { ...MARKER, isOn: false } })],
      { isDeleteMarker: true },
      undefined,
    ],
    ["an object under a marker rule", [rule("m", { expiration: MARKER })], {}, undefined],
    ["a delete marker that is old", [rule("r", { expiration: days(5) })], { isDeleteMarker: true }, "expire r"],
    [
      "an old delete marker over other versions",
      [rule("r", { expiration: days(5) })],
      { isDeleteMarker: true, isOnlyVersion: false },
      undefined,
    ],
    ["the transition of a delete marker", [ia("t")], { isDeleteMarker: true }, undefined],
    ["noncurrent actions", [rule("n", { noncurrentExpiration: { days: 1 } })], {}, undefined],
  ])("with %s", (_why, rules, version, due) => {
    const action = dueForCurrent(configuration(...rules), current(version), LATE);
    expect(action && `${action.kind} ${action.ruleId}`).toBe(due);
  });

  it("takes a young delete marker only under ExpiredObjectDeleteMarker", () => {
    const marker = current({ isDeleteMarker: true });
    expect(dueForCurrent(configuration(rule("r", { expiration: days(5) })), marker, on("15T11:00:00"))).toBe(undefined);
    expect(dueForCurrent(configuration(rule("m", { expiration: MARKER })), marker, on("15T11:00:00"))).toBeDefined();
  });
});

describe("dueForNoncurrent", () => {
  const expires = (parts: { days: number; newerVersions?: number }) => rule("n", { noncurrentExpiration: parts });
  it.each<
    [
      why: string,
      rules: LifecycleRule[],
      version: Partial<NoncurrentVersion>,
      clock: { now: Date; dayMs: number },
      due: string | undefined,
    ]
  >([
    ["before the midnight", [expires({ days: 3 })], {}, on("18T23:59:59"), undefined],
    ["at the midnight after it was replaced", [expires({ days: 3 })], {}, on("19T00:00:00"), "expire n"],
    [
      "with fewer newer versions than are kept",
      [expires({ days: 1, newerVersions: 2 })],
      { newerNoncurrent: 1 },
      LATE,
      undefined,
    ],
    ["with enough newer versions", [expires({ days: 1, newerVersions: 2 })], { newerNoncurrent: 2 }, LATE, "expire n"],
    ["that is a delete marker", [expires({ days: 1 })], { isDeleteMarker: true }, LATE, "expire n"],
    [
      "under current actions",
      [rule("r", { expiration: days(1), transitions: [{ ...days(30), storageClass: IA }] })],
      {},
      LATE,
      undefined,
    ],
    [
      "with a transition",
      [rule("t", { noncurrentTransitions: [{ days: 30, storageClass: IA }] })],
      {},
      LATE,
      "transition t",
    ],
    [
      "with a transition of older ones",
      [rule("t", { noncurrentTransitions: [{ days: 30, newerVersions: 1, storageClass: IA }] })],
      {},
      LATE,
      undefined,
    ],
    [
      "with both",
      [rule("t", { noncurrentTransitions: [{ days: 30, storageClass: IA }], noncurrentExpiration: { days: 31 } })],
      {},
      LATE,
      "expire t",
    ],
  ])("of a version %s", (_why, rules, version, clock, due) => {
    const action = dueForNoncurrent(configuration(...rules), noncurrent(version), clock);
    expect(action && `${action.kind} ${action.ruleId}`).toBe(due);
  });
});

describe("what answers announce", () => {
  const object = { key: "logs/k", sizeBytes: 1, tags: [], lastModified: at("15T10:30:00") };
  it("is the first expiration of the object", () => {
    const rules = [
      rule("late", { expiration: days(9) }),
      rule("off", { isEnabled: false, expiration: days(1) }),
      rule("early", { expiration: days(3) }),
      rule("same", { expiration: days(3) }),
      rule("marker", { expiration: MARKER }),
      rule("other", { filter: { prefix: "b", tags: [] }, expiration: days(1) }),
    ];
    expect(expirationOf(configuration(...rules), object)).toEqual({ ruleId: "early", at: at("19T00:00:00") });
    expect(expirationOf(configuration(...rules.slice(4)), object)).toBe(undefined);
  });

  it("is the first abortion of an upload", () => {
    const aborts = (id: string, abortUploadAfterDays: number, prefix?: string) =>
      rule(id, { abortUploadAfterDays, filter: { tags: [], ...(prefix !== undefined && { prefix }) } });
    const upload = { key: "logs/k", initiatedAt: at("15T10:30:00") };
    const rules = [aborts("late", 9), aborts("early", 3, "logs/"), aborts("other", 1, "b")];
    expect(uploadAbortion(configuration(...rules), upload)).toEqual({ ruleId: "early", at: at("19T00:00:00") });
    expect(uploadAbortion(configuration(...rules.slice(2)), upload)).toBe(undefined);
  });
});
