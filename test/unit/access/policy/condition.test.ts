// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written like that
import { describe, expect, it } from "vitest";
import { type Asked, bucketPolicy, decide, effect, statement, user } from "./support.ts";

type Values = string | readonly string[] | undefined;
type Row = readonly [operator: string, policyValues: unknown, requestValues: Values, holds: boolean];

const KEY = "aws:Test";

function holds(operator: string, policyValues: unknown, requestValues: Values, key = KEY, asked: Asked = {}): boolean {
  const policy = bucketPolicy(statement({ Condition: { [operator]: { [key]: policyValues } } }));
  const keys = { ...asked.keys, ...(requestValues !== undefined && { [key]: requestValues }) };
  return effect(policy, { ...asked, keys }) === "allow";
}

const SINGLE: readonly Row[] = [
  ["StringEquals", "a", "a", true],
  ["StringEquals", "a", "A", false],
  ["StringEquals", "a*", "ab", false],
  ["StringEquals", "a*", "a*", true],
  ["StringEquals", ["a", "b"], "b", true],
  ["StringEquals", [], "a", false],
  ["StringEquals", "", "", true],
  ["StringEquals", 1, "1", true],
  ["StringEquals", true, "true", true],
  ["StringEquals", "a", undefined, false],
  ["StringEquals", "", undefined, false],
  ["StringNotEquals", "a", "b", true],
  ["StringNotEquals", "a", "a", false],
  ["StringNotEquals", "a", "A", true],
  ["StringNotEquals", ["a", "b"], "b", false],
  ["StringNotEquals", ["a", "b"], "c", true],
  ["StringNotEquals", [], "c", true],
  ["StringNotEquals", "a", undefined, true],
  ["NotStringEquals", ["a", "b"], "b", false],
  ["NotStringEquals", ["a", "b"], "c", true],
  ["StringEqualsIgnoreCase", "aÖ", "Aö", true],
  ["StringEqualsIgnoreCase", "a", "b", false],
  ["StringEqualsIgnoreCase", "a", undefined, false],
  ["StringNotEqualsIgnoreCase", "a", "A", false],
  ["StringNotEqualsIgnoreCase", "a", "b", true],
  ["StringNotEqualsIgnoreCase", "a", undefined, true],
  ["StringLike", "a*", "ab", true],
  ["StringLike", "a?", "ab", true],
  ["StringLike", "a*", "AB", false],
  ["StringLike", "*", "", true],
  ["StringLike", "*", undefined, false],
  ["StringNotLike", "a*", "ab", false],
  ["StringNotLike", ["a*", "b*"], "bc", false],
  ["StringNotLike", ["a*", "b*"], "c", true],
  ["StringNotLike", "*", undefined, true],
  ["NotStringLike", "a*", "ab", false],
  ["NotStringLike", "a*", "b", true],

  ["NumericEquals", "10", "10", true],
  ["NumericEquals", 10, "10.0", true],
  ["NumericEquals", "10", "+10", true],
  ["NumericEquals", "10", "1e1", false],
  ["NumericEquals", "10", "0xa", false],
  ["NumericEquals", "10", "", false],
  ["NumericEquals", "10", undefined, false],
  ["NumericNotEquals", "10", "11", true],
  ["NumericNotEquals", "10", "10", false],
  ["NumericNotEquals", ["10", "11"], "11", false],
  ["NumericNotEquals", "10", undefined, true],
  ["NumericLessThan", "10", "9.5", true],
  ["NumericLessThan", "10", "10", false],
  ["NumericLessThan", "-1", "-2", true],
  ["NumericLessThan", "10", undefined, false],
  ["NumericLessThanEquals", "10", "10", true],
  ["NumericLessThanEquals", "10", "11", false],
  ["NumericGreaterThan", "10", "11", true],
  ["NumericGreaterThan", "10", "10", false],
  ["NumericGreaterThanEquals", "10", "10", true],
  ["NumericGreaterThanEquals", "10", "9", false],
  ["NumericGreaterThanEquals", ["10", "5"], "6", true],

  ["DateEquals", "2026-01-01T00:00:00Z", "2026-01-01T00:00:00.000Z", true],
  ["DateEquals", "2026-01-01", "2026-01-01T00:00:00Z", true],
  ["DateEquals", "2026", "2026-01-01T00:00:00Z", true],
  ["DateEquals", "2026-01-01T08:00:00+08:00", "2026-01-01T00:00:00Z", true],
  ["DateEquals", "1767225600", "2026-01-01T00:00:00Z", true],
  ["DateEquals", 1767225600, "1767225600", true],
  ["DateNotEquals", "2026-01-01", "2026-01-02T00:00:00Z", true],
  ["DateNotEquals", "2026-01-01", "2026-01-01T00:00:00Z", false],
  ["DateNotEquals", "2026-01-01", undefined, true],
  ["DateLessThan", "2026-01-01", "2025-12-31T23:59:59Z", true],
  ["DateLessThan", "2026-01-01", "2026-01-01T00:00:00Z", false],
  ["DateLessThanEquals", "2026-01-01", "2026-01-01T00:00:00Z", true],
  ["DateGreaterThan", "2026-01-01", "2026-01-01T00:00:01Z", true],
  ["DateGreaterThan", "2026-01-01", "2026-01-01T00:00:00Z", false],
  ["DateGreaterThanEquals", "2026-01-01", "2026-01-01T00:00:00Z", true],
  ["DateGreaterThanEquals", "2026-01-01", "rubbish", false],
  ["DateGreaterThanEquals", "2026-01-01", undefined, false],

  ["Bool", "true", "true", true],
  ["Bool", true, "true", true],
  ["Bool", "TRUE", "true", true],
  ["Bool", "true", "false", false],
  ["Bool", "false", "false", true],
  ["Bool", "false", undefined, false],
  ["Bool", ["true", "false"], "false", true],

  ["BinaryEquals", "QmluYXJ5", "QmluYXJ5", true],
  ["BinaryEquals", "QmluYXJ5", "qmluYXJ5", false],
  ["BinaryEquals", "QmluYXJ5", undefined, false],

  ["IpAddress", "203.0.113.0/24", "203.0.113.7", true],
  ["IpAddress", ["10.0.0.0/8", "2001:db8::/32"], "2001:db8::7", true],
  ["IpAddress", "203.0.113.0/24", "198.51.100.1", false],
  ["IpAddress", "203.0.113.0/24", undefined, false],
  ["NotIpAddress", "203.0.113.0/24", "203.0.113.7", false],
  ["NotIpAddress", ["203.0.113.0/24", "198.51.100.0/24"], "198.51.100.1", false],
  ["NotIpAddress", "203.0.113.0/24", "198.51.100.1", true],
  ["NotIpAddress", "203.0.113.0/24", undefined, true],

  ["ArnEquals", "arn:aws:iam::111122223333:user/*", "arn:aws:iam::111122223333:user/a", true],
  ["ArnEquals", "arn:aws:iam::111122223333:user/*", "arn:aws:iam::999999999999:user/a", false],
  ["ArnEquals", "arn:aws:iam::111122223333:user/*", undefined, false],
  ["ArnLike", "arn:aws:iam::*:root", "arn:aws:iam::111122223333:root", true],
  ["ArnLike", "arn:aws:iam:*:root", "arn:aws:iam::111122223333:root", false],
  ["ArnNotEquals", "arn:aws:iam::111122223333:root", "arn:aws:iam::999999999999:root", true],
  ["ArnNotEquals", "arn:aws:iam::111122223333:root", "arn:aws:iam::111122223333:root", false],
  ["ArnNotEquals", "arn:aws:iam::111122223333:root", undefined, true],
  ["ArnNotLike", "arn:aws:iam::111122223333:*", "arn:aws:iam::111122223333:root", false],
  ["ArnNotLike", "arn:aws:iam::111122223333:*", undefined, true],

  ["Null", "true", undefined, true],
  ["Null", "true", "a", false],
  ["Null", true, undefined, true],
  ["Null", "false", undefined, false],
  ["Null", "false", "a", true],
  ["Null", "false", "", true],
  ["Null", "true", [], true],
];

const IF_EXISTS: readonly Row[] = [
  ["StringEqualsIfExists", "a", "a", true],
  ["StringEqualsIfExists", "a", "b", false],
  ["StringEqualsIfExists", "a", undefined, true],
  ["StringNotEqualsIfExists", "a", "a", false],
  ["StringNotEqualsIfExists", "a", undefined, true],
  ["StringLikeIfExists", "a*", undefined, true],
  ["NumericLessThanIfExists", "10", undefined, true],
  ["NumericLessThanIfExists", "10", "11", false],
  ["DateLessThanIfExists", "2026", undefined, true],
  ["BoolIfExists", "true", undefined, true],
  ["BoolIfExists", "true", "false", false],
  ["BinaryEqualsIfExists", "QQ==", undefined, true],
  ["IpAddressIfExists", "10.0.0.0/8", undefined, true],
  ["IpAddressIfExists", "10.0.0.0/8", "11.0.0.1", false],
  ["ArnLikeIfExists", "arn:aws:iam::111122223333:root", undefined, true],
];

/** "Set operators for multivalued context keys". */
const SETS: readonly Row[] = [
  ["ForAllValues:StringEquals", ["a", "b"], ["a", "b"], true],
  ["ForAllValues:StringEquals", ["a", "b"], ["a", "c"], false],
  ["ForAllValues:StringEquals", ["a", "b"], [], true],
  ["ForAllValues:StringEquals", ["a", "b"], undefined, true],
  ["ForAllValues:StringEquals", ["a", "b"], "", true],
  ["ForAllValues:StringNotEquals", ["a", "b"], ["c", "d"], true],
  ["ForAllValues:StringNotEquals", ["a", "b"], ["c", "a"], false],
  ["ForAllValues:StringNotEquals", ["a", "b"], undefined, true],
  ["ForAllValues:StringLike", ["a*"], ["ab", "ac"], true],
  ["ForAllValues:StringLikeIfExists", ["a*"], undefined, true],
  ["ForAnyValue:StringEquals", ["a", "b"], ["c", "b"], true],
  ["ForAnyValue:StringEquals", ["a", "b"], ["c"], false],
  ["ForAnyValue:StringEquals", ["a", "b"], undefined, false],
  ["ForAnyValue:StringEqualsIfExists", ["a", "b"], undefined, true],
  ["ForAnyValue:StringNotEquals", ["a", "b"], ["a", "c"], true],
  ["ForAnyValue:StringNotEquals", ["a", "b"], ["a", "b"], false],
  ["ForAnyValue:StringNotEquals", ["a", "b"], undefined, false],
  // Without a set operator: one value is enough for the plain operators, and no value may match for the negated ones.
  ["StringEquals", "a", ["c", "a"], true],
  ["StringNotEquals", "a", ["c", "a"], false],
  ["StringNotEquals", "a", ["c", "d"], true],
];

describe("Condition", () => {
  it.each(SINGLE)("%s %j on %j: %s", (operator, policyValues, requestValues, expected) => {
    expect(holds(operator, policyValues, requestValues)).toBe(expected);
  });

  it.each(IF_EXISTS)("%s %j on %j: %s", (operator, policyValues, requestValues, expected) => {
    expect(holds(operator, policyValues, requestValues)).toBe(expected);
  });

  it.each(SETS)("%s %j on %j: %s", (operator, policyValues, requestValues, expected) => {
    expect(holds(operator, policyValues, requestValues)).toBe(expected);
  });

  it.each(["aws:Test", "AWS:TEST", "aws:test"])("ignores the case of its key: %s", (key) => {
    const policy = bucketPolicy(statement({ Condition: { StringEquals: { [key]: "a" } } }));
    expect(effect(policy, { keys: { "Aws:tEST": "a" } })).toBe("allow");
  });

  it("holds only if all operators and all keys of each hold", () => {
    const policy = bucketPolicy(
      statement({
        Condition: {
          StringEquals: { "aws:A": "1", "aws:B": "2" },
          NumericLessThan: { "aws:C": 3 },
        },
      }),
    );
    const keys = { "aws:A": "1", "aws:B": "2", "aws:C": "2" };
    expect(effect(policy, { keys })).toBe("allow");
    for (const name of Object.keys(keys)) expect(effect(policy, { keys: { ...keys, [name]: "9" } })).toBe("none");
  });

  it("resolves variables in string and ARN operators", () => {
    const principal = user("alice");
    const keys = { "aws:username": "alice" };
    expect(holds("StringEquals", "${aws:username}", "alice", KEY, { principal, keys })).toBe(true);
    expect(holds("StringLike", "home/${aws:username}/*", "home/alice/x", KEY, { principal, keys })).toBe(true);
    expect(holds("StringEqualsIgnoreCase", "${aws:username}", "ALICE", KEY, { principal, keys })).toBe(true);
    expect(holds("ArnLike", "arn:aws:iam::*:user/${aws:username}", "arn:aws:iam::1:user/alice", KEY, { keys })).toBe(
      true,
    );
    expect(holds("Bool", "${aws:flag}", "true", KEY, { keys: { "aws:flag": "true" } })).toBe(true);
  });

  describe("with a variable that has no value", () => {
    it.each([
      ["StringEquals", "none", "none"],
      ["StringLike", "none", "none"],
      // A comparison with an unresolved variable may deny, and must not allow.
      ["StringNotEquals", "none", "deny"],
      ["StringNotEqualsIgnoreCase", "none", "deny"],
      ["StringNotLike", "none", "deny"],
    ])("%s: Allow gives %s, Deny gives %s", (operator, allow, deny) => {
      const Condition = { [operator]: { [KEY]: "${aws:username}" } };
      expect(effect(bucketPolicy(statement({ Condition })), { keys: { [KEY]: "x" } })).toBe(allow);
      expect(effect(bucketPolicy(statement({ Condition, Effect: "Deny" })), { keys: { [KEY]: "x" } })).toBe(deny);
    });

    it("matches by another value", () => {
      expect(holds("StringEquals", ["${aws:username}", "x"], "x")).toBe(true);
      expect(holds("StringNotEquals", ["${aws:username}", "x"], "x")).toBe(false);
    });
  });

  it("is decided against the caller if a key was not looked up", () => {
    const key = "s3:ExistingObjectTag/class";
    for (const operator of ["StringEquals", "StringNotEquals", "StringEqualsIfExists", "Null"]) {
      const Condition = { [operator]: { [key]: operator === "Null" ? "true" : "x" } };
      const fields = { Condition, Action: "s3:GetObject" };
      const asked = { key: "k", unknown: ["s3:existingobjecttag/"] };
      expect(effect(bucketPolicy(statement(fields)), asked), operator).toBe("none");
      expect(effect(bucketPolicy(statement({ ...fields, Effect: "Deny" })), asked), operator).toBe("deny");
    }
  });
});

/** Section 9.4 of the reference system's specification. */
describe("aws:Referer", () => {
  const LISTED = "https://www.a.example/page";
  const OTHER = "https://www.b.example/page";

  it.each<[readonly string[], boolean, boolean, boolean]>([
    [[""], true, false, false],
    [["", "www.a.example"], true, true, false],
    [["www.a.example"], false, true, false],
    [[], false, false, false],
  ])("white list %j: blank %s, listed %s, other %s", (values, blank, listed, other) => {
    for (const operator of ["StringEquals", "StringLike"]) {
      const asked = (referer: string | undefined) => holds(operator, values, referer, "aws:Referer");
      expect([asked(undefined), asked(""), asked(LISTED), asked(OTHER)]).toEqual([blank, blank, listed, other]);
    }
  });

  it.each<[readonly string[], boolean, boolean, boolean]>([
    [["", "www.a.example"], false, false, true],
    [["www.a.example"], true, false, true],
  ])("Deny unless listed, %j: denies blank %s, listed %s, other %s", (values, blank, listed, other) => {
    for (const operator of ["StringNotLike", "NotStringLike", "StringNotEquals"]) {
      const asked = (referer: string | undefined) => holds(operator, values, referer, "aws:Referer");
      expect([asked(undefined), asked(LISTED), asked(OTHER)]).toEqual([blank, listed, other]);
    }
  });

  it.each<[string, string, boolean]>([
    ["https://a.example/*", "https://a.example/x", true],
    ["https://a.example/*", "http://a.example/x", false],
    ["https://a.example/*", "https://a.example.evil.example/x", false],
    ["a.example", "http://a.example:8080/x?y#z", true],
    ["a.example:8080", "http://a.example:8080/x", true],
    ["a.example:80", "http://a.example:8080/x", false],
    ["*.a.example", "https://x.y.a.example/", true],
    ["*.a.example", "https://a.example/", false],
    ["192.0.2.1", "http://192.0.2.1/x", true],
    ["a.example", "https://a.example", true],
    ["a.example", "https://evil.example/a.example", false],
    ["a.example", "https://a.example@evil.example/", false],
    ["a.example", "https://evil.example\\@a.example/", false],
    ["a.example", "https://evil.example?://a.example/", false],
    ["*/page", "https://a.example/page", true],
  ])("%s on %s: %s", (value, referer, expected) => {
    expect(holds("StringLike", value, referer, "aws:Referer")).toBe(expected);
  });

  it("distinguishes case and absence, as on AWS", () => {
    expect(holds("StringLike", "WWW.a.example", LISTED, "aws:Referer")).toBe(false);
    expect(holds("Null", "true", undefined, "aws:Referer")).toBe(true);
    expect(holds("StringLikeIfExists", ["", "x"], undefined, "aws:Referer")).toBe(true);
  });
});

describe("evaluatePolicy", () => {
  it("denies for any order of statements", () => {
    const allow = statement();
    const deny = statement({ Effect: "Deny", Action: "s3:GetObject" });
    for (const policy of [bucketPolicy(allow, deny), bucketPolicy(deny, allow)]) {
      expect(decide(policy, { key: "k" })).toEqual({ effect: "deny" });
      expect(decide(policy, {})).toEqual({ effect: "allow", via: "everyone" });
    }
  });
});
