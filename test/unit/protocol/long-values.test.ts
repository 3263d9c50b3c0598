/**
 * Values as long as a header or a form's policy can be, made to hurt expressions and stacks. No clock: what is quadratic does
 * not come to an end within the time a test has, and what is deep throws what is no S3 error.
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
  it("blanks inside a signed header", () => {
    const value = ` a${" ".repeat(LONG)}b\t`;
    expect(trimmed(value)).toHaveLength(LONG + 2);
    expect(spellingsOf([value], collapsed)).toHaveLength(2);
    expect(["", " ", "\t \t", " a b "].map(trimmed)).toEqual(["", "", "", "a b"]);
  });

  it("many encoded words, and one that is longer than a call has arguments", () => {
    expect(decodeEncodedWords("=?utf-8?Q?a?= ".repeat(100_000))).toHaveLength(100_001);
    expect(decodeEncodedWords(`=?iso-8859-1?B?${btoa("é".repeat(LONG))}?=`)).toBe("é".repeat(LONG));
  });

  it("a string of a form's policy that is not closed", () => {
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
  ])("%s of a form's policy nested deeper than the stack goes", (_what, write) => {
    const policy = btoa(write(`${"[".repeat(7_000)}${"]".repeat(7_000)}`));
    expect(failure(() => parsePolicyDocument(policy)).code).toBe("InvalidPolicyDocument");
  });

  it("a query is put in order once, however many readings there are", () => {
    const query = parseQuery("b=2&a=1");
    expect(canonicalQuery(query)).toBe("a=1&b=2");
    Object.defineProperty(query, "entries", { get: () => expect.unreachable() });
    expect(canonicalQuery(query)).toBe("a=1&b=2");
  });
});
