/**
 * Values as long as a header or a form's policy can be, against slow regular expressions and deep recursion. Nothing is
 * timed: quadratic code exceeds the time limit of a test, and recursion that is too deep throws another error.
 */
import { describe, expect, it } from "vitest";
import { parsePolicyDocument } from "../../../src/auth/post-policy/policy.ts";
import { collapsed, spellingsOf, trimmed } from "../../../src/auth/readings.ts";
import { canonicalQuery } from "../../../src/auth/sigv4/canonical-request.ts";
import { decodeEncodedWords } from "../../../src/protocol/metadata.ts";
import { parseQuery } from "../../../src/protocol/request-target.ts";
import { failure } from "./failure.ts";

const LONG = 1_000_000;

describe("long values", () => {
  it("trims and collapses blanks inside a signed header", () => {
    const value = ` a${" ".repeat(LONG)}b\t`;
    expect(trimmed(value)).toHaveLength(LONG + 2);
    expect(spellingsOf([value], collapsed)).toHaveLength(2);
    expect(["", " ", "\t \t", " a b "].map(trimmed)).toEqual(["", "", "", "a b"]);
  });

  it("decodes 100,000 encoded words, and a word longer than the argument limit of a call", () => {
    expect(decodeEncodedWords("=?utf-8?Q?a?= ".repeat(100_000))).toHaveLength(100_001);
    expect(decodeEncodedWords(`=?iso-8859-1?B?${btoa("é".repeat(LONG))}?=`)).toBe("é".repeat(LONG));
  });

  it("refuses an unclosed string of a form's policy", () => {
    const open = btoa(`{"a":"${'\\"'.repeat(LONG / 2)}`);
    expect(failure(() => parsePolicyDocument(open)).code).toBe("InvalidPolicyDocument");
  });

  it.each([
    ["conditions", (deep: string) => `{"expiration":"2999-01-01T00:00:00Z","conditions":[[${deep},1,1]]}`],
    ["an operand", (deep: string) => `{"expiration":"2999-01-01T00:00:00Z","conditions":[["eq","$key",${deep}]]}`],
    [
      "a size",
      (deep: string) => `{"expiration":"2999-01-01T00:00:00Z","conditions":[["content-length-range",${deep},1]]}`,
    ],
    ["the expiration", (deep: string) => `{"expiration":${deep},"conditions":[]}`],
  ])("refuses a form's policy with a value nested deeper than the stack: %s", (_what, write) => {
    const policy = btoa(write(`${"[".repeat(7_000)}${"]".repeat(7_000)}`));
    expect(failure(() => parsePolicyDocument(policy)).code).toBe("InvalidPolicyDocument");
  });

  it("sorts a query only once for several readings", () => {
    const query = parseQuery("b=2&a=1");
    expect(canonicalQuery(query)).toBe("a=1&b=2");
    Object.defineProperty(query, "entries", { get: () => expect.unreachable() });
    expect(canonicalQuery(query)).toBe("a=1&b=2");
  });
});
