// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written like that
/**
 * The cost of decisions in characters examined: if strangers or tenants double any input, the cost at most doubles, and
 * results that are the same for a thousand keys are computed once.
 */
import { describe, expect, it } from "vitest";
import { type PolicyDocument, parsePolicy } from "../../../../src/access/policy/document.ts";
import { Effort, MAX_STEPS } from "../../../../src/access/policy/effort.ts";
import { evaluatePolicy } from "../../../../src/access/policy/evaluate.ts";
import { needsExistingTags } from "../../../../src/access/policy/inspect.ts";
import { ConditionKeys, PolicyMemory } from "../../../../src/access/policy/policy-request.ts";
import { failure } from "../../protocol/failure.ts";
import { ANONYMOUS, BUCKET, BUCKET_ARN, bucketPolicy, statement } from "./support.ts";

type Keys = Readonly<Record<string, readonly string[]>>;

/** Steps for a request about these object keys. */
function cost(policy: PolicyDocument, objects: readonly string[], keys: Keys = {}, effort = new Effort()): number {
  const shared = new ConditionKeys(Object.entries(keys), [], { memory: new PolicyMemory(effort) });
  for (const key of objects) {
    const asked = { principal: ANONYMOUS, action: "s3:DeleteObject", resource: `${BUCKET_ARN}/${key}` };
    evaluatePolicy(policy, { ...asked, keys: shared.ofObject([], []) });
  }
  return effort.spent;
}

const numbered = (count: number, text: (index: number) => string) =>
  Array.from({ length: count }, (_unused, index) => text(index));
const allowing = (condition: object, resource: unknown = `${BUCKET_ARN}/*`) =>
  bucketPolicy(statement({ Action: "s3:DeleteObject", Resource: resource, Condition: condition }));

describe("conditions with the same result for every key", () => {
  const values = numbered(400, (index) => `*${"ab".repeat(10)}${index}*`);
  const agent = { "aws:UserAgent": ["ab".repeat(4000)] };

  it.each([
    ["a header", { StringLike: { "aws:UserAgent": values } }, agent],
    ["a header, negated", { StringNotLike: { "aws:UserAgent": values } }, agent],
    [
      "several values",
      { "ForAllValues:StringLike": { "aws:TagKeys": values } },
      { "aws:TagKeys": numbered(50, String) },
    ],
    [
      "a variable",
      { StringLike: { "aws:Referer": ["*${aws:UserAgent}c*"] } },
      { ...agent, "aws:Referer": ["ab".repeat(4050)] },
    ],
    [
      "addresses",
      { IpAddress: { "aws:SourceIp": numbered(400, (index) => `10.0.${index % 256}.0/24`) } },
      { "aws:SourceIp": ["192.0.2.1"] },
    ],
  ])("are evaluated once, not for each key: %s", (_name, condition, keys) => {
    const policy = allowing(condition);
    const one = cost(policy, ["a"], keys);
    expect(cost(policy, numbered(1_000, String), keys) - one).toBeLessThan(10_000);
  });

  it("are evaluated again for keys that differ", () => {
    const shared = new ConditionKeys([]);
    const tagged = bucketPolicy(
      statement({
        Action: "s3:GetObjectTagging",
        Resource: `${BUCKET_ARN}/*`,
        Condition: { StringEquals: { "s3:ExistingObjectTag/a": "1" } },
      }),
    );
    const askTagged = (value: string) =>
      evaluatePolicy(tagged, {
        principal: ANONYMOUS,
        action: "s3:GetObjectTagging",
        resource: `${BUCKET_ARN}/k`,
        keys: shared.ofObject([["s3:ExistingObjectTag/a", [value]]], []),
      }).effect;
    expect(["1", "2", "1"].map(askTagged)).toEqual(["allow", "none", "allow"]);
  });
});

describe("doubling the input at most doubles the cost", () => {
  const steps = (values: number, length: number) =>
    cost(
      allowing({ StringLike: { "aws:UserAgent": numbered(values, (index) => `*a?${"ab".repeat(8)}${index}c*`) } }),
      ["k"],
      {
        "aws:UserAgent": ["ab".repeat(length / 2)],
      },
    );
  const resources = (patterns: number, keys: number) =>
    cost(
      allowing(
        {},
        numbered(patterns, (index) => `${BUCKET_ARN}/*x${index}*`),
      ),
      numbered(keys, () => "k".repeat(1_000)),
    );
  it.each([
    ["values", steps(100, 4_000), steps(200, 4_000)],
    ["characters of a header", steps(100, 4_000), steps(100, 8_000)],
    ["patterns of resources", resources(50, 20), resources(100, 20)],
    ["keys", resources(50, 20), resources(50, 40)],
  ])("%s", (_name, once, twice) => {
    expect(once).toBeGreaterThan(1_000);
    expect(twice).toBeLessThan(2.2 * once);
  });
});

describe("a request whose decisions exceed the limit", () => {
  // 18 KB, larger than any practical policy.
  const policy = allowing(
    {},
    numbered(400, (index) => `${BUCKET_ARN}/*${index}?x*`),
  );

  it("is refused with SlowDown before it costs more", () => {
    const effort = new Effort();
    const keys = numbered(1_000, () => "k".repeat(1_000));
    expect(failure(() => cost(policy, keys, {}, effort))).toMatchObject({ code: "SlowDown", status: 503 });
    expect(effort.spent).toBeLessThan(MAX_STEPS + 100_000);
  });

  it("is never a request for one key, for any policy and headers", () => {
    const longest = "a".repeat(8_192);
    const patterns = [
      "*b",
      "*?b",
      "*b*",
      "*bbbb*",
      "*aaaaaaab*",
      "*?b?b*",
      "*${aws:Referer}?",
      "${aws:Referer}${aws:Referer}",
    ];
    patterns.push(`*${"a".repeat(40)}b*`, `*${"a?".repeat(40)}b*`, `*${"a".repeat(5_000)}?b*`);
    for (const value of patterns) {
      const values = Array.from({ length: Math.floor(20_000 / (value.length + 3)) }, () => value);
      const keys = { "aws:UserAgent": [longest], "aws:Referer": [longest] };
      const policy = allowing({ StringLike: { "aws:UserAgent": values } });
      // With the policies of a user and a session in addition.
      expect(1.4 * cost(policy, ["k".repeat(1_024)], keys), value).toBeLessThan(MAX_STEPS);
    }
  });
});

describe("parsing policies", () => {
  const text = (actions: number, conditions: number) =>
    JSON.stringify({
      Version: "2012-10-17",
      Statement: [
        statement({
          Effect: "Deny",
          Action: Array.from({ length: actions }, () => "s3:*"),
          Condition: {
            StringEquals: Object.fromEntries(
              Array.from({ length: conditions }, (_unused, index) => [`aws:k${index}`, ""]),
            ),
          },
        }),
      ],
    });

  it("examines repeated actions once, for any number of conditions", () => {
    const policy = parsePolicy(text(1_000, 800), { kind: "bucket", bucket: BUCKET, users: {} });
    expect(policy.statements[0]?.actions.patterns).toHaveLength(1);
    expect(policy.statements[0]?.conditions).toHaveLength(800);
  });

  it("determines once whether tags must be read", () => {
    const policy = bucketPolicy(statement());
    expect(needsExistingTags(policy)).toBe(false);
    Object.defineProperty(policy, "statements", { get: () => expect.unreachable() });
    expect(needsExistingTags(policy)).toBe(false);
  });
});
