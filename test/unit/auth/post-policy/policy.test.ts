import { describe, expect, it } from "vitest";
import type { FileSizeRange } from "../../../../src/auth/post-policy/conditions.ts";
import { applyPolicy, parsePolicyDocument, shownPolicy } from "../../../../src/auth/post-policy/policy.ts";
import { failure } from "../../protocol/failure.ts";

const NOW = new Date("2026-03-01T12:00:00Z");
const EXPIRATION = "2026-03-01T12:00:01.000Z";

function encode(document: unknown): string {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  return Buffer.from(text).toString("base64");
}

function apply(conditions: readonly unknown[], fields: Record<string, string>, bucket = "b"): FileSizeRange {
  const policy = parsePolicyDocument(encode({ expiration: EXPIRATION, conditions }));
  return applyPolicy(policy, { bucket, fields: new Map(Object.entries(fields)) }, NOW);
}

/** The rest of the message when a form is refused. */
function violation(conditions: readonly unknown[], fields: Record<string, string>, bucket?: string): string {
  const { code, status, message } = failure(() => apply(conditions, fields, bucket));
  expect([code, status]).toEqual(["AccessDenied", 403]);
  expect(message).toMatch(/^Invalid according to Policy: /);
  return message.slice("Invalid according to Policy: ".length);
}

const BUCKET = { bucket: "b" };
const failed = (condition: string) => `Policy Condition failed: ${condition}`;

describe("eq", () => {
  it.each<[unknown, Record<string, string>]>([
    [{ key: "k" }, { key: "k" }],
    [["eq", "$key", "k"], { key: "k" }],
    [["EQ", "$KeY", "k"], { key: "k" }],
    [{ "Content-TYPE": "a,b" }, { "content-type": "a,b" }],
    [["eq", "$x-amz-meta-a", ""], { "x-amz-meta-a": "" }],
    [["eq", "$key", "\\$k"], { key: "\\$k" }],
    [["eq", "$key", "ü\n"], { key: "ü\n" }],
  ])("%j holds for %j", (condition, fields) => {
    expect(apply([BUCKET, condition], fields)).toEqual({ minBytes: 0, maxBytes: Number.POSITIVE_INFINITY });
  });

  it.each<[unknown, Record<string, string>, string]>([
    [["eq", "$key", "k"], { key: "K" }, '["eq", "$key", "k"]'],
    [{ Key: "k" }, { key: "kk" }, '["eq", "$Key", "k"]'],
    [["eq", "$key", "k"], { key: " k" }, '["eq", "$key", "k"]'],
    [["eq", "$x-amz-meta-a", ""], { "x-amz-meta-a": "x" }, '["eq", "$x-amz-meta-a", ""]'],
    [["eq", "$acl", ""], {}, '["eq", "$acl", ""]'],
    [["eq", "key", "k"], { key: "k" }, '["eq", "key", "k"]'],
    [["Eq", "$key", 'say "hi"'], { key: "k" }, '["Eq", "$key", "say \\"hi\\""]'],
  ])("%j fails for %j", (condition, fields, written) => {
    expect(violation([BUCKET, condition], fields)).toBe(failed(written));
  });
});

describe("starts-with", () => {
  const TYPE = ["starts-with", "$Content-Type", "image/"];
  it.each<[unknown, Record<string, string>]>([
    [["starts-with", "$key", "user/"], { key: "user/x" }],
    [["StArTs-WiTh", "$KeY", "user/"], { key: "user/" }],
    [["starts-with", "$key", ""], { key: "anything" }],
    [["starts-with", "$key", ""], { key: "" }],
    [TYPE, { "content-type": "image/png" }],
    [TYPE, { "content-type": "image/png, image/gif,image/" }],
  ])("%j holds for %j", (condition, fields) => {
    apply([BUCKET, condition], fields);
  });

  it.each<[unknown, Record<string, string>, string]>([
    [["starts-with", "$key", "user/"], { key: "User/x" }, '["starts-with", "$key", "user/"]'],
    [["starts-with", "$key", "user/"], { key: "use" }, '["starts-with", "$key", "user/"]'],
    [["starts-with", "$acl", ""], {}, '["starts-with", "$acl", ""]'],
    [["starts-with", "acl", ""], { acl: "private" }, '["starts-with", "acl", ""]'],
    [TYPE, { "content-type": "image/png,text/html" }, '["starts-with", "$Content-Type", "image/"]'],
    [TYPE, { "content-type": "image/png," }, '["starts-with", "$Content-Type", "image/"]'],
    [TYPE, {}, '["starts-with", "$Content-Type", "image/"]'],
    [["starts-with", "$cache-control", "a"], { "cache-control": "b,a" }, '["starts-with", "$cache-control", "a"]'],
  ])("%j fails for %j", (condition, fields, written) => {
    expect(violation([BUCKET, condition], fields)).toBe(failed(written));
  });
});

describe("content-length-range", () => {
  const range = (...operands: unknown[]) => ["content-length-range", ...operands];

  it.each<[unknown[], FileSizeRange]>([
    [[range(5, 10)], { minBytes: 5, maxBytes: 10 }],
    [[range("5", "10")], { minBytes: 5, maxBytes: 10 }],
    [[["Content-Length-Range", 0, 0]], { minBytes: 0, maxBytes: 0 }],
    [[range(0, 10), range(5, 20)], { minBytes: 5, maxBytes: 10 }],
    [[range(10, 5)], { minBytes: 10, maxBytes: 5 }],
  ])("%j allows %j", (conditions, expected) => {
    expect(apply([BUCKET, ...conditions], {})).toEqual(expected);
  });

  it.each(["test", "", "-1", "1.5", "1e3", " 5"])("with %j fails (seen on AWS)", (bound) => {
    expect(violation([BUCKET, range(bound, 10)], {})).toBe(failed(`["content-length-range", "${bound}", 10]`));
  });

  it.each([-1, 1.5, true, null, [1], { a: 1 }])("with %j is InvalidPolicyDocument", (bound) => {
    const { code, message } = failure(() => apply([BUCKET, range(bound, 10)], {}));
    expect([code, message]).toEqual(["InvalidPolicyDocument", "Invalid Policy: Invalid JSON."]);
  });
});

describe("coverage", () => {
  it("is required for every field, named in any case", () => {
    const fields = { key: "k", "x-amz-meta-a": "1", anything: "else" };
    expect(violation([BUCKET, { key: "k" }, { "X-AMZ-META-A": "1" }], fields)).toBe("Extra input fields: anything");
    expect(violation([BUCKET, { anything: "else" }, { "x-amz-meta-a": "1" }], fields)).toBe("Extra input fields: key");
  });

  it.each([
    "acl",
    "tagging",
    "x-amz-date",
    "x-amz-security-token",
    "content-length-range",
    "x-amz-website-redirect-location",
  ])("is required for %s", (field) => {
    expect(violation([BUCKET, ["content-length-range", 0, 1]], { [field]: "x" })).toBe(`Extra input fields: ${field}`);
  });

  it.each(["x-amz-signature", "policy", "file", "x-ignore-", "x-ignore-anything", "awsaccesskeyid", "signature"])(
    "is not asked of %s",
    (field) => {
      apply([BUCKET], { [field]: "x" });
    },
  );

  it("is not provided by a condition without $", () => {
    expect(violation([BUCKET, ["starts-with", "key", ""]], { key: "k" })).toBe(failed('["starts-with", "key", ""]'));
  });
});

describe("the bucket", () => {
  it("is the bucket of the URL, for any value of the field", () => {
    expect(violation([BUCKET], { bucket: "b" }, "other")).toBe(failed('["eq", "$bucket", "b"]'));
    apply([BUCKET], { bucket: "other" }, "b");
    apply([["starts-with", "$bucket", "user-"]], {}, "user-1");
  });

  it("must be named", () => {
    expect(violation([], {})).toBe("Extra input fields: bucket");
  });
});

describe("the expiration", () => {
  const at = (expiration: string, now: string) => {
    const policy = parsePolicyDocument(encode({ expiration, conditions: [BUCKET] }));
    return () => applyPolicy(policy, { bucket: "b", fields: new Map() }, new Date(now));
  };

  it.each([
    ["2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z"],
    ["2026-03-01T12:00:00Z", "2026-03-01T11:59:59.999Z"],
    ["2026-03-01T12:00:00.500Z", "2026-03-01T12:00:00.499Z"],
  ])("%s is in the future at %s", (expiration, now) => {
    at(expiration, now)();
  });

  it.each([
    ["2026-03-01T12:00:00.000Z", "2026-03-01T12:00:00.001Z"],
    ["2007-12-01T12:00:00.000Z", "2026-03-01T12:00:00.000Z"],
  ])("%s has passed at %s", (expiration, now) => {
    const { code, status, message } = failure(at(expiration, now));
    expect([code, status, message]).toEqual(["AccessDenied", 403, "Invalid according to Policy: Policy expired."]);
  });

  it("is checked before the conditions", () => {
    const policy = parsePolicyDocument(encode({ expiration: "2007-12-01T12:00:00Z", conditions: [{ key: "k" }] }));
    const { message } = failure(() => applyPolicy(policy, { bucket: "b", fields: new Map() }, NOW));
    expect(message).toBe("Invalid according to Policy: Policy expired.");
  });
});

describe("the document", () => {
  it("may contain S3's escapes and commas, which JSON does not have", () => {
    const text = String.raw`{ "expiration": "${EXPIRATION}", "conditions": [
      {"bucket": "b" , },
      ["starts-with", "$key", "\$\\$\v\u00fc\/,]", ],
    ], }`;
    const policy = parsePolicyDocument(encode(text));
    const fields = new Map([["key", "$\\$\u000bü/,]x"]]);
    expect(() => applyPolicy(policy, { bucket: "b", fields }, NOW)).not.toThrow();
  });

  const one = "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified.";
  const conditions = (...list: unknown[]) => ({ expiration: EXPIRATION, conditions: list });
  it.each<[string, unknown, string]>([
    ["nothing", "", "Expecting '{' but found End-of-Input"],
    ["blanks", " \n", "Expecting '{' but found End-of-Input"],
    ["a word", "expiration", "Invalid JSON."],
    ["a list", [], "Invalid JSON."],
    ["null", null, "Invalid JSON."],
    ["text", '"a"', "Invalid JSON."],
    ["a number", 1, "Invalid JSON."],
    ["half a document", '{"expiration": "', "Invalid JSON."],
    ["two documents", "{} {}", "Invalid JSON."],
    ["a comma too many", `{"expiration": "${EXPIRATION}",, "conditions": []}`, "Invalid JSON."],
    ["no expiration", { conditions: [] }, "Policy missing expiration."],
    ["no conditions", { expiration: EXPIRATION }, "Policy missing conditions."],
    ["EXPIRATION", { EXPIRATION, conditions: [] }, "Unexpected: 'EXPIRATION'"],
    ["CONDITIONS", { expiration: EXPIRATION, CONDITIONS: [] }, "Unexpected: 'CONDITIONS'"],
    ["a third member", { ...conditions(), extra: 1 }, "Unexpected: 'extra'"],
    ["a day", { expiration: "2999-01-01", conditions: [] }, "Invalid 'expiration' value: '2999-01-01'"],
    [
      "a blank in the time",
      { expiration: "2999-01-01 00:00:00Z", conditions: [] },
      "Invalid 'expiration' value: '2999-01-01 00:00:00Z'",
    ],
    [
      "an offset",
      { expiration: "2999-01-01T00:00:00+00:00", conditions: [] },
      "Invalid 'expiration' value: '2999-01-01T00:00:00+00:00'",
    ],
    [
      "a day that is none",
      { expiration: "2999-02-30T00:00:00Z", conditions: [] },
      "Invalid 'expiration' value: '2999-02-30T00:00:00Z'",
    ],
    ["a number for a time", { expiration: 1, conditions: [] }, "Invalid 'expiration' value: '1'"],
    [
      "conditions that are an object",
      { expiration: EXPIRATION, conditions: {} },
      "Invalid 'conditions' value: must be a List.",
    ],
    ["a condition that is text", conditions("bucket"), "Invalid condition test: must be a List or Object."],
    ["a condition that is null", conditions(null), "Invalid condition test: must be a List or Object."],
    ["an empty object", conditions({}), one],
    ["an object with two members", conditions({ bucket: "b", key: "k" }), one],
    ["a number as value", conditions({ acl: 1 }), "Invalid Simple-Condition: value must be a string."],
    ["a list as value", conditions({ acl: ["private"] }), "Invalid Simple-Condition: value must be a string."],
    ["an empty list", conditions([]), "Invalid Condition: missing operation identifier."],
    [
      "an unknown operation",
      conditions(["ends-with", "$key", "k"]),
      "Invalid Condition: unknown operation 'ends-with'.",
    ],
    ["an operation that is no text", conditions([1, "$key", "k"]), "Invalid Condition: unknown operation '1'."],
    ["eq with two", conditions(["eq", "$key"]), "Invalid eq: wrong number of arguments."],
    [
      "starts-with with four",
      conditions(["starts-with", "$key", "a", "b"]),
      "Invalid starts-with: wrong number of arguments.",
    ],
    [
      "content-length-range with two",
      conditions(["content-length-range", 0]),
      "Invalid content-length-range: wrong number of arguments.",
    ],
    ["eq of a number", conditions(["eq", "$key", 1]), "Invalid JSON."],
    ["eq on a number", conditions(["eq", 1, "k"]), "Invalid JSON."],
  ])("of %s is InvalidPolicyDocument", (_what, document, reason) => {
    const { code, status, message } = failure(() => parsePolicyDocument(encode(document)));
    expect([code, status, message]).toEqual(["InvalidPolicyDocument", 400, `Invalid Policy: ${reason}`]);
  });

  it.each(["{}", "abc=def", "ü", "a"])("of %j is not base64", (text) => {
    expect(failure(() => parsePolicyDocument(text)).message).toBe("Invalid Policy: invalid Base64 encoding.");
  });

  it("must be UTF-8", () => {
    expect(failure(() => parsePolicyDocument(btoa("{\u00ff}"))).message).toBe("Invalid Policy: Invalid JSON.");
  });
});

describe("a policy with a customer's key", () => {
  const name = "x-amz-server-side-encryption-customer-key";

  it.each([
    ["an equality", encode({ expiration: EXPIRATION, conditions: [{ [name]: "secret" }] })],
    [
      "another spelling",
      encode({ expiration: EXPIRATION, conditions: [["Starts-With", `$${name.toUpperCase()}`, "sec"]] }),
    ],
    ["an MD5", encode({ expiration: EXPIRATION, conditions: [["eq", `$${name}-MD5`, "secret"]] })],
    ["escapes", encode(`{"expiration":"${EXPIRATION}","conditions":[{"${name.replace("k", "\\u006b")}":"secret"}]}`)],
    ["another mistake", encode({ conditions: [{ [name]: "secret" }] })],
    ["escapes and another mistake", encode(`{"conditions":[{"${name.replace("k", "\\u006b")}":"secret"}]}`)],
  ])("is not shown: %s", (_what, text) => {
    expect(shownPolicy(text)).toBe("***");
  });

  it("is shown otherwise", () => {
    for (const document of [
      { expiration: EXPIRATION, conditions: [{ bucket: "b" }, ["content-length-range", 0, 9]] },
      { expiration: EXPIRATION, conditions: [{ "x-amz-server-side-encryption-customer-algorithm": "AES256" }] },
      "no JSON",
    ]) {
      expect(shownPolicy(encode(document))).toBe(encode(document));
    }
    expect(shownPolicy("?")).toBe("?");
  });

  it("is not shown by an error about its condition", () => {
    for (const condition of [
      { [name]: "secret" },
      ["eq", `$${name}`, "secret"],
      ["starts-with", `$${name}-md5`, "secret"],
    ]) {
      expect(violation([BUCKET, condition], { [name]: "other", [`${name}-md5`]: "other" })).toContain('"***"]');
    }
  });
});
