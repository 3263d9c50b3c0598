import { describe, expect, it } from "vitest";
import type { Model } from "../../../console/src/documents/fields.ts";
import { bucketTemplates, readPolicy, writePolicy } from "../../../console/src/documents/policy.ts";
import { decide, matchesPattern, summarize } from "../../../console/src/documents/policy-check.ts";

const OBJECTS = "arn:aws:s3:::photos/*";
const read = { Sid: "Read", Effect: "Allow", Principal: "*", Action: "s3:GetObject", Resource: OBJECTS };
const policy = (...statements: object[]) => JSON.stringify({ Version: "2012-10-17", Statement: statements });

describe("a policy as a form", () => {
  it.each([
    [read],
    [
      {
        Effect: "Allow",
        Principal: { AWS: ["111111111111", "arn:aws:iam::222222222222:user/a"] },
        Action: ["s3:*"],
        Resource: ["a", "b"],
      },
    ],
    [
      {
        Effect: "Deny",
        Principal: { AWS: "*" },
        NotAction: "s3:GetObject",
        NotResource: OBJECTS,
        Condition: { Bool: { "aws:SecureTransport": "false" } },
      },
    ],
    [
      {
        Effect: "Allow",
        Principal: { Service: "logging.s3.amazonaws.com" },
        Action: "s3:PutObject",
        Resource: OBJECTS,
      },
    ],
    [{ Effect: "Allow", NotPrincipal: { AWS: "111111111111" }, Action: "s3:GetObject", Resource: OBJECTS }],
    [{ Effect: "Allow", Action: "s3:ListBucket", Resource: "*" }],
  ])("loses nothing of %j", (statement) => {
    const model = readPolicy(policy(statement));
    const [written] = JSON.parse(writePolicy(model ?? {})).Statement;
    const plain = (value: unknown): unknown => (Array.isArray(value) && value.length === 1 ? value[0] : value);
    const alike = (from: Record<string, unknown>) => {
      const { Principal, ...others } = from;
      // `*` and `{"AWS": "*"}` are the same principal.
      const who = JSON.stringify(Principal) === '{"AWS":"*"}' ? "*" : Principal;
      return {
        ...Object.fromEntries(Object.entries(others).map(([name, value]) => [name, plain(value)])),
        Principal: who,
      };
    };
    expect(alike(written)).toEqual(alike({ ...statement }));
  });

  it("keeps id and version", () => {
    const text = JSON.stringify({ Version: "2008-10-17", Id: "x", Statement: read });
    expect(JSON.parse(writePolicy(readPolicy(text) ?? {}))).toEqual({ ...JSON.parse(text), Statement: [read] });
  });

  it.each(['"text"', "[]", '{"Statement": ["x"]}', '{"Statement": [], "More": 1}'])("has no form for %s", (text) => {
    expect(readPolicy(text)).toBeUndefined();
  });

  it("refuses other elements that are no JSON object", () => {
    const statement = (rest: string): Model => ({ statements: [{ effect: "Allow", rest }] });
    for (const rest of ["{", "[]", "1"]) expect(() => writePolicy(statement(rest))).toThrow(SyntaxError);
  });
});

describe("summarize", () => {
  it("calls a grant to everyone public, under conditions where each has some", () => {
    const limited = { ...read, Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } } };
    expect(summarize(policy(read))?.access).toBe("public");
    expect(summarize(policy(limited))?.access).toBe("public-under-conditions");
    expect(summarize(policy(limited, read))?.access).toBe("public");
    expect(summarize(policy({ ...read, Principal: { AWS: "111111111111" } }))?.access).toBe("not-public");
    expect(summarize(policy({ ...read, Effect: "Deny" }))?.access).toBe("not-public");
    expect(summarize(policy({ ...read, Principal: undefined, NotPrincipal: { AWS: "111111111111" } }))?.access).toBe(
      "public",
    );
  });

  it("reads no more than a hundred statements, and says how many it left out", () => {
    const summary = summarize(policy(...Array.from({ length: 105 }, () => ({ Effect: "Allow" }))));
    expect([summary?.statements.length, summary?.unread]).toEqual([100, 5]);
    expect(summarize(`"${"x".repeat(30_000)}"`)).toBeUndefined();
    expect(summarize("{")).toBeUndefined();
  });
});

describe("decide", () => {
  const ask = (text: string, change: Partial<Parameters<typeof decide>[1]> = {}) =>
    decide(text, { principal: "*", action: "s3:GetObject", resource: "arn:aws:s3:::photos/a.jpg", ...change });

  it("follows allow, deny, and neither", () => {
    expect(ask(policy(read))).toEqual({ outcome: "allowed", by: "Read" });
    expect(ask(policy(read), { action: "s3:PutObject" })).toEqual({ outcome: "not-mentioned" });
    expect(ask(policy(read), { resource: "arn:aws:s3:::other/a.jpg" })).toEqual({ outcome: "not-mentioned" });
    expect(ask(policy(read, { ...read, Sid: "", Effect: "Deny" }))).toEqual({ outcome: "denied", by: "statement 2" });
    expect(ask(policy({ ...read, Action: "S3:get*" }))?.outcome).toBe("allowed");
  });

  it("says so where conditions or variables decide", () => {
    const Condition = { Bool: { "aws:SecureTransport": "false" } };
    expect(ask(policy({ ...read, Condition }))).toEqual({ outcome: "depends", by: "Read" });
    expect(ask(policy({ ...read, Sid: "Tls", Effect: "Deny", Condition }, read))).toEqual({
      outcome: "depends",
      by: "Tls",
    });
    expect(ask(policy({ ...read, Sid: "If", Condition }, read))?.outcome).toBe("allowed");
    expect(
      ask(policy({ ...read, Resource: "arn:aws:s3:::photos/${aws:username}/*" }), {
        resource: "arn:aws:s3:::photos/a/b",
      }),
    ).toMatchObject({ outcome: "depends" });
  });

  it("does not depend on the conditions of a Deny where nothing is allowed, nor on statements without an effect", () => {
    const Condition = { Bool: { "aws:SecureTransport": "false" } };
    expect(ask(policy({ ...read, Effect: "Deny", Condition }))).toEqual({ outcome: "not-mentioned" });
    expect(ask(policy({ ...read, Effect: "allow" }))).toEqual({ outcome: "not-mentioned" });
  });

  it("knows accounts by id and by ARN", () => {
    const text = policy({ ...read, Principal: { AWS: "arn:aws:iam::111111111111:root" } });
    expect(ask(text, { principal: "111111111111" })?.outcome).toBe("allowed");
    expect(ask(text)?.outcome).toBe("not-mentioned");
    expect(ask(text, { principal: "222222222222" })?.outcome).toBe("not-mentioned");
  });

  it("follows NotPrincipal, NotAction and NotResource", () => {
    const text = policy({
      Effect: "Deny",
      NotPrincipal: { AWS: "111111111111" },
      NotAction: "s3:List*",
      NotResource: "*/public/*",
    });
    expect(ask(text)?.outcome).toBe("denied");
    expect(ask(text, { principal: "111111111111" })?.outcome).toBe("not-mentioned");
    expect(ask(text, { action: "s3:ListBucket" })?.outcome).toBe("not-mentioned");
    expect(ask(text, { resource: "arn:aws:s3:::photos/public/a" })?.outcome).toBe("not-mentioned");
  });
});

describe("matchesPattern", () => {
  it.each([
    ["*", "", true],
    ["a*c", "abbc", true],
    ["a*c", "abb", false],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["*a*b*", "xxaxxbxx", true],
    ["*ab", "aab", true],
    ["abc", "ABC", false],
    ["", "a", false],
  ])("%j and %j: %s", (pattern, text, expected) => {
    expect(matchesPattern(pattern, text)).toBe(expected);
  });

  it("goes back no further than to the last asterisk", () => {
    expect(matchesPattern(`${"*a".repeat(200)}b`, "a".repeat(5_000))).toBe(false);
  });
});

it("templates of a bucket are statements about it", () => {
  for (const { statement } of bucketTemplates("photos")) {
    const summary = summarize(writePolicy({ statements: [statement] }));
    expect(summary?.statements[0]?.resources).toContain("arn:aws:s3:::photos");
  }
});
