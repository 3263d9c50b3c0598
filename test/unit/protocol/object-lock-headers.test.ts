import { describe, expect, it } from "vitest";
import {
  legalHoldHeaders,
  parseBypassGovernance,
  parseLockHeaders,
  retentionHeaders,
} from "../../../src/protocol/object-lock-headers.ts";
import { failure } from "./failure.ts";

const NOW = new Date("2026-11-28T12:00:00Z");
const MODE = "x-amz-object-lock-mode";
const DATE = "x-amz-object-lock-retain-until-date";
const HOLD = "x-amz-object-lock-legal-hold";
const parse = (headers: Record<string, string>) => parseLockHeaders(new Headers(headers), NOW);

describe("x-amz-object-lock-*", () => {
  it("absent or empty: no lock", () => {
    expect(parse({})).toBeUndefined();
    expect(parse({ [MODE]: "", [DATE]: "", [HOLD]: "" })).toBeUndefined();
  });

  it.each(["GOVERNANCE", "COMPLIANCE"] as const)("%s is read, and written to the millisecond", (mode) => {
    const lock = parse({ [MODE]: mode, [DATE]: "2027-01-01T02:00:00.125500+02:00" });
    expect(lock).toEqual({ retention: { mode, until: Date.parse("2027-01-01T00:00:00.125Z") } });
    expect(retentionHeaders(lock ?? {})).toEqual({ [MODE]: mode, [DATE]: "2027-01-01T00:00:00.125Z" });
    expect(legalHoldHeaders(lock ?? {})).toEqual({});
  });

  it.each([
    ["ON", true],
    ["OFF", false],
  ])("a legal hold of %s is read and written", (status, hasLegalHold) => {
    const lock = parse({ [HOLD]: status });
    expect(lock).toEqual({ hasLegalHold });
    expect([legalHoldHeaders(lock ?? {}), retentionHeaders(lock ?? {})]).toEqual([{ [HOLD]: status }, {}]);
  });

  const BOTH = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied";

  it.each<[Record<string, string>, message: string, details: Record<string, string>]>([
    // The missing header counts before an unknown mode.
    [{ [MODE]: "BAD-VALUE" }, BOTH, { ArgumentName: DATE }],
    [{ [DATE]: "2027-01-01T00:00:00Z" }, BOTH, { ArgumentName: MODE }],
    [
      { [MODE]: "BAD-VALUE", [DATE]: "2027-01-01T00:00:00Z" },
      "Unknown wormMode directive.",
      { ArgumentName: MODE, ArgumentValue: "BAD-VALUE" },
    ],
    [
      { [MODE]: "governance", [DATE]: "2027-01-01T00:00:00Z" },
      "Unknown wormMode directive.",
      { ArgumentName: MODE, ArgumentValue: "governance" },
    ],
    [
      { [MODE]: "GOVERNANCE", [DATE]: "abc" },
      "The retain until date must be provided in ISO 8601 format",
      { ArgumentName: DATE, ArgumentValue: "abc" },
    ],
    [
      { [MODE]: "GOVERNANCE", [DATE]: "2026-11-28T12:00:00Z" },
      "The retain until date must be in the future!",
      { ArgumentName: DATE, ArgumentValue: "2026-11-28T12:00:00Z" },
    ],
    [{ [HOLD]: "on" }, "Legal Hold must be either of 'ON' or 'OFF'", { ArgumentName: HOLD, ArgumentValue: "on" }],
  ])("refuses %j with InvalidArgument", (headers, message, details) => {
    const { code, message: text, details: shown } = failure(() => parse(headers));
    expect([code, text, shown]).toEqual(["InvalidArgument", message, details]);
  });
});

describe("x-amz-bypass-governance-retention", () => {
  it.each([
    [undefined, undefined],
    ["true", true],
    ["True", true],
    ["false", false],
    ["", false],
    ["yes", false],
  ])("%j is %j", (value, expected) => {
    const headers = new Headers(value === undefined ? {} : { "x-amz-bypass-governance-retention": value });
    expect(parseBypassGovernance(headers)).toBe(expected);
  });
});
