import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { DENIED_PER_ACCOUNT, DENIED_PER_SECOND, DenialLimit } from "../../../src/audit/denial-limit.ts";
import { formatAuditLine } from "../../../src/audit/line.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000_000_000 });
});
afterEach(() => {
  vi.useRealTimers();
});

function admitted(limit: DenialLimit, account: string, count: number, code = "AccessDenied"): number {
  return Array.from({ length: count }, () => limit.admit({ account, code }, Date.now())).filter(Boolean).length;
}

it("one account cannot take the lines of others, and all together have a limit", () => {
  const limit = new DenialLimit();
  expect(admitted(limit, "", 1_000)).toBe(DENIED_PER_ACCOUNT);
  expect(admitted(limit, "1", 1_000)).toBe(DENIED_PER_ACCOUNT);
  const others = Array.from({ length: 100 }, (_, index) => admitted(limit, `other-${index}`, 1));
  expect(others.filter((each) => each === 1)).toHaveLength(DENIED_PER_SECOND - 2 * DENIED_PER_ACCOUNT);
});

it("the next second has its own lines", () => {
  const limit = new DenialLimit();
  admitted(limit, "", 100);
  vi.advanceTimersByTime(1_000);
  expect(admitted(limit, "", 100)).toBe(DENIED_PER_ACCOUNT);
});

it("what is left out is counted by code, once", () => {
  const limit = new DenialLimit();
  expect(limit.takeOmitted()).toBeUndefined();
  admitted(limit, "", DENIED_PER_ACCOUNT);
  admitted(limit, "", 2);
  vi.advanceTimersByTime(100);
  admitted(limit, "", 3, "SignatureDoesNotMatch");
  const omitted = limit.takeOmitted();
  expect(omitted && JSON.parse(formatAuditLine(omitted))).toEqual({
    version: 1,
    type: "omitted",
    time: "2001-09-09T01:46:40.000Z",
    until: "2001-09-09T01:46:40.100Z",
    count: 5,
    codes: { AccessDenied: 2, SignatureDoesNotMatch: 3 },
  });
  expect(limit.takeOmitted()).toBeUndefined();
});
