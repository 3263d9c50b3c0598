import { describe, expect, it } from "vitest";
import { formatHttpDate, formatIso8601, parseHttpDate, parseIso8601 } from "../../../src/protocol/dates.ts";

const DATE = new Date("1994-11-06T08:49:37Z");

describe("HTTP dates", () => {
  // The examples of RFC 9110, 5.6.7.
  it.each([
    ["Sun, 06 Nov 1994 08:49:37 GMT", DATE],
    ["Sunday, 06-Nov-94 08:49:37 GMT", DATE],
    ["Sun Nov  6 08:49:37 1994", DATE],
    [" Sun, 06 Nov 1994 08:49:37 GMT ", DATE],
    ["Thu, 01 Jan 1970 00:00:00 GMT", new Date(0)],
    ["Saturday, 01-Jan-00 00:00:00 GMT", new Date("2000-01-01T00:00:00Z")],
    ["Thu, 29 Feb 2024 00:00:00 GMT", new Date("2024-02-29T00:00:00Z")],
    ["Sun Nov 16 08:49:37 1994", new Date("1994-11-16T08:49:37Z")],
  ])("parses %s", (text, expected) => {
    expect(parseHttpDate(text)).toEqual(expected);
  });

  it.each([
    "",
    "yesterday",
    "0",
    "1994-11-06T08:49:37Z",
    "Sun, 06 Nov 1994 08:49:37",
    "Sun, 06 Nov 1994 08:49:37 CET",
    "Sun, 06 Nov 1994 25:49:37 GMT",
    "Sun, 06 Nov 1994 08:60:37 GMT",
    "Sun, 31 Feb 1994 08:49:37 GMT",
    "Sun, 06 Foo 1994 08:49:37 GMT",
    "Sun, 00 Nov 1994 08:49:37 GMT",
    "Sun, 6 Nov 1994 08:49:37 GMT",
  ])("refuses %j", (text) => {
    expect(parseHttpDate(text)).toBeUndefined();
  });

  it("are written as IMF-fixdate", () => {
    expect(formatHttpDate(new Date("1994-11-06T08:49:37.999Z"))).toBe("Sun, 06 Nov 1994 08:49:37 GMT");
  });
});

describe("ISO 8601", () => {
  it.each([
    ["1994-11-06T08:49:37Z", DATE],
    ["1994-11-06T08:49:37.000Z", DATE],
    ["1994-11-06T08:49:37.25Z", new Date(DATE.getTime() + 250)],
    ["1994-11-06T08:49:37.123456789Z", new Date(DATE.getTime() + 123)],
    ["1994-11-06T10:49:37+02:00", DATE],
  ])("parses %s", (text, expected) => {
    expect(parseIso8601(text)).toEqual(expected);
  });

  it.each([
    "",
    "1994-11-06",
    "1994-11-06T08:49:37",
    "1994-02-30T08:49:37Z",
    "1994-11-06T24:00:00Z",
    "19941106T084937Z",
  ])("refuses %j", (text) => {
    expect(parseIso8601(text)).toBeUndefined();
  });

  it("is written with zero milliseconds", () => {
    expect(formatIso8601(new Date("2009-10-12T17:50:30.999Z"))).toBe("2009-10-12T17:50:30.000Z");
  });
});
