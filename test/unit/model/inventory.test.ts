import { describe, expect, it } from "vitest";
import { inventoryColumns, nextReportAt } from "../../../src/model/inventory.ts";
import { DAY_MS } from "../../../src/model/lifecycle.ts";

const next = (frequency: "Daily" | "Weekly", now: string, dayMs = DAY_MS) =>
  nextReportAt(frequency, { now: new Date(now), dayMs }).toISOString();

describe("nextReportAt", () => {
  it.each([
    ["2026-11-28T00:00:00.000Z", "2026-11-29T00:00:00.000Z"],
    ["2026-11-28T23:59:59.999Z", "2026-11-29T00:00:00.000Z"],
    ["2026-12-31T12:00:00.000Z", "2027-01-01T00:00:00.000Z"],
  ])("a daily report after one of %s is due at %s", (now, due) => {
    expect(next("Daily", now)).toBe(due);
  });

  // 2026-11-29 is a Sunday.
  it.each([
    ["2026-11-28T23:59:59.999Z", "2026-11-29T00:00:00.000Z"],
    ["2026-11-29T00:00:00.000Z", "2026-12-06T00:00:00.000Z"],
    ["2026-11-30T08:00:00.000Z", "2026-12-06T00:00:00.000Z"],
    ["1970-01-01T00:00:00.000Z", "1970-01-04T00:00:00.000Z"],
  ])("a weekly report after one of %s is due at %s, a Sunday", (now, due) => {
    expect(next("Weekly", now)).toBe(due);
    expect(new Date(due).getUTCDay()).toBe(0);
  });

  it("a shorter day makes days and weeks shorter", () => {
    expect(next("Daily", "2026-11-28T00:00:05.000Z", 10_000)).toBe("2026-11-28T00:00:10.000Z");
    const week =
      Date.parse(next("Weekly", "2026-11-28T00:00:05.000Z", 10_000)) - Date.parse("2026-11-28T00:00:05.000Z");
    expect(week).toBeLessThanOrEqual(70_000);
  });
});

describe("inventoryColumns", () => {
  it("has the columns of versions for All only, and fields in AWS's order", () => {
    const fields = ["ObjectOwner", "Size"] as const;
    expect(inventoryColumns({ versions: "Current", fields })).toEqual(["Bucket", "Key", "Size", "ObjectOwner"]);
    expect(inventoryColumns({ versions: "All", fields: [] })).toEqual([
      "Bucket",
      "Key",
      "VersionId",
      "IsLatest",
      "IsDeleteMarker",
    ]);
  });
});
