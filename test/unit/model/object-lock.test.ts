import { describe, expect, it } from "vitest";
import {
  isProtected,
  lockOfNewVersion,
  mayReplaceRetention,
  type ObjectLock,
  type Retention,
  strengthenedLock,
} from "../../../src/model/object-lock.ts";

const NOW = new Date("2026-11-28T12:00:00Z");
const DAY_MS = 86_400_000;
const at = (days: number) => NOW.getTime() + days * DAY_MS;
const governance = (days: number): Retention => ({ mode: "GOVERNANCE", until: at(days) });
const compliance = (days: number): Retention => ({ mode: "COMPLIANCE", until: at(days) });

describe("isProtected", () => {
  it.each<[ObjectLock, without: boolean, withBypass: boolean]>([
    [{}, false, false],
    [{ hasLegalHold: false }, false, false],
    [{ hasLegalHold: true }, true, true],
    [{ retention: governance(1) }, true, false],
    [{ retention: compliance(1) }, true, true],
    // A retention ends at its date.
    [{ retention: governance(0) }, false, false],
    [{ retention: compliance(0) }, false, false],
    [{ retention: compliance(-1), hasLegalHold: true }, true, true],
    [{ retention: governance(1), hasLegalHold: true }, true, true],
    [{ retention: governance(1), hasLegalHold: false }, true, false],
  ])("%j: %j, with the bypass %j", (lock, without, withBypass) => {
    expect([isProtected(lock, NOW, false), isProtected(lock, NOW, true)]).toEqual([without, withBypass]);
  });
});

describe("mayReplaceRetention", () => {
  it.each<[string, present: Retention | undefined, next: Retention | undefined, without: boolean, withBypass: boolean]>(
    [
      ["none by any", undefined, compliance(1), true, true],
      ["none by none", undefined, undefined, true, true],
      ["governance by a longer one", governance(2), governance(3), true, true],
      ["governance by the same one", governance(2), governance(2), true, true],
      ["governance by a shorter one", governance(2), governance(1), false, true],
      ["governance by none", governance(2), undefined, false, true],
      ["governance by compliance", governance(2), compliance(2), false, true],
      ["governance by longer compliance", governance(2), compliance(3), false, true],
      ["compliance by a longer one", compliance(2), compliance(3), true, true],
      ["compliance by the same one", compliance(2), compliance(2), true, true],
      ["compliance by a shorter one", compliance(2), { mode: "COMPLIANCE", until: at(2) - 1 }, false, false],
      ["compliance by none", compliance(2), undefined, false, false],
      ["compliance by longer governance", compliance(2), governance(3), false, false],
      ["ended governance by a shorter one", governance(0), governance(-1), true, true],
      ["ended compliance by governance", compliance(0), governance(1), true, true],
      ["ended compliance by none", compliance(0), undefined, true, true],
    ],
  )("replaces %s", (_, present, next, without, withBypass) => {
    const may = (bypassesGovernance: boolean) => mayReplaceRetention(present, next, { now: NOW, bypassesGovernance });
    expect([may(false), may(true)]).toEqual([without, withBypass]);
  });
});

describe("lockOfNewVersion", () => {
  const days = { defaultRetention: { mode: "GOVERNANCE", period: { unit: "Days", length: 2 } } } as const;
  const years = { defaultRetention: { mode: "COMPLIANCE", period: { unit: "Years", length: 1 } } } as const;

  it.each<[string, Parameters<typeof lockOfNewVersion>[0], Parameters<typeof lockOfNewVersion>[1], unknown]>([
    ["nothing without a configuration", undefined, undefined, undefined],
    ["nothing by a configuration without a default", undefined, {}, undefined],
    ["what is requested", { hasLegalHold: true }, {}, { hasLegalHold: true }],
    ["the default in days", undefined, days, { retention: governance(2) }],
    ["the default in years of 365 days", undefined, years, { retention: compliance(365) }],
    ["a requested retention, however short", { retention: governance(1) }, years, { retention: governance(1) }],
    ["a hold besides the default", { hasLegalHold: true }, days, { retention: governance(2), hasLegalHold: true }],
    ["OFF besides the default", { hasLegalHold: false }, days, { retention: governance(2), hasLegalHold: false }],
  ])("is %s", (_, requested, configuration, expected) => {
    expect(lockOfNewVersion(requested, configuration, NOW)).toEqual(expected);
  });
});

describe("strengthenedLock", () => {
  it.each<[string, ObjectLock | undefined, ObjectLock | undefined, ObjectLock | undefined]>([
    ["nothing without a lock", undefined, undefined, undefined],
    [
      "the other's",
      undefined,
      { retention: governance(1), hasLegalHold: false },
      { retention: governance(1), hasLegalHold: false },
    ],
    [
      "its own if the other has none",
      { retention: compliance(1), hasLegalHold: true },
      undefined,
      { retention: compliance(1), hasLegalHold: true },
    ],
    [
      "the longer retention of its mode",
      { retention: governance(1) },
      { retention: governance(2) },
      { retention: governance(2) },
    ],
    [
      "its own against a shorter one",
      { retention: governance(2) },
      { retention: governance(1) },
      { retention: governance(2) },
    ],
    [
      "compliance that lasts as long",
      { retention: governance(2) },
      { retention: compliance(2) },
      { retention: compliance(2) },
    ],
    [
      "its own against shorter compliance",
      { retention: governance(2) },
      { retention: compliance(1) },
      { retention: governance(2) },
    ],
    [
      "compliance against any governance",
      { retention: compliance(1) },
      { retention: governance(3) },
      { retention: compliance(1) },
    ],
    [
      "the other's if its own has ended",
      { retention: compliance(-1) },
      { retention: governance(1) },
      { retention: governance(1) },
    ],
    ["a hold of either", { hasLegalHold: true }, { hasLegalHold: false }, { hasLegalHold: true }],
    ["a new hold", { hasLegalHold: false }, { hasLegalHold: true }, { hasLegalHold: true }],
  ])("is %s", (_, own, other, expected) => {
    expect(strengthenedLock(own, other, NOW)).toEqual(expected);
  });
});
