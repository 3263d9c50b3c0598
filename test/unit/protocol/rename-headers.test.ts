import { describe, expect, it } from "vitest";
import {
  parseClientToken,
  parseDestinationCondition,
  parseRenameSource,
} from "../../../src/protocol/rename-headers.ts";
import { failure } from "./failure.ts";

const source = (value: string) => parseRenameSource(new Headers({ "x-amz-rename-source": value }));

describe("parseRenameSource", () => {
  it.each([
    ["key", "key"],
    ["/a/b", "/a/b"],
    ["a+b", "a+b"],
    ["a%20b%2Bc%C3%BC", "a b+cü"],
    ["a?versionId=x", "a?versionId=x"],
  ])("reads %s as the key %s", (header, key) => {
    expect(source(header)).toBe(key);
  });

  it.each(["", "a%", "a%2", "%ff", "a\tb"])("refuses %j with InvalidArgument", (header) => {
    const { code, details } = failure(() => source(header));
    expect([code, details.ArgumentName]).toEqual(["InvalidArgument", "x-amz-rename-source"]);
  });

  it("refuses a missing header with InvalidArgument", () => {
    expect(failure(() => parseRenameSource(new Headers())).code).toBe("InvalidArgument");
  });
});

describe("parseClientToken", () => {
  it("accepts up to 64 characters and refuses more with InvalidArgument", () => {
    const token = (value: string) => parseClientToken(new Headers({ "x-amz-client-token": value }));
    expect(parseClientToken(new Headers())).toBeUndefined();
    expect(token("!".repeat(64))).toBe("!".repeat(64));
    for (const value of ["", "a b", "!".repeat(65), "ü"])
      expect(failure(() => token(value)).code).toBe("InvalidArgument");
  });
});

describe("parseDestinationCondition", () => {
  it("reads conditions on dates, and ignores what is no date", () => {
    const date = "Wed, 01 Jan 2020 00:00:00 GMT";
    const condition = (headers: Record<string, string>) => parseDestinationCondition(new Headers(headers));
    expect(condition({})).toBeUndefined();
    expect(condition({ "if-modified-since": "yesterday" })).toBeUndefined();
    expect(condition({ "if-modified-since": date, "if-unmodified-since": date })).toEqual({
      kind: "if-dated",
      after: new Date(date),
      notAfter: new Date(date),
    });
    expect(condition({ "if-none-match": "*" })).toEqual({ kind: "if-none-match-any" });
    expect(failure(() => condition({ "if-match": "*", "if-modified-since": date })).code).toBe("NotImplemented");
  });
});
