// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written like that
/** Decisions about everything below a prefix: an Allow must cover all of it, a Deny any of it. */
import { describe, expect, it } from "vitest";
import type { PolicyDocument } from "../../../../src/access/policy/document.ts";
import { Effort } from "../../../../src/access/policy/effort.ts";
import { evaluatePolicy } from "../../../../src/access/policy/evaluate.ts";
import { coversBelow, parsePattern, touchesBelow } from "../../../../src/access/policy/pattern.ts";
import { ConditionKeys } from "../../../../src/access/policy/policy-request.ts";
import { BUCKET_ARN, bucketPolicy, statement, user, userPolicy } from "./support.ts";

describe("patterns below a prefix", () => {
  const lookUp = (key: string) => (key === "aws:username" ? ["alice"] : undefined);
  const reading = { lookUp, effort: new Effort() };
  it.each<[string, string, boolean, boolean]>([
    // pattern, prefix, all below, some below
    ["*", "", true, true],
    ["*", "a/", true, true],
    ["a/*", "", false, true],
    ["a/*", "a/", true, true],
    ["a/*", "a/b", true, true],
    ["a/*", "b", false, false],
    ["a/*", "ab", false, false],
    ["a/b/*", "a/", false, true],
    ["a/b", "a/", false, true],
    ["a/b", "a/b", false, true],
    ["a/b", "a/bc", false, false],
    ["a/", "a/", false, true],
    ["", "", false, true],
    ["", "a", false, false],
    ["?", "", false, true],
    ["?", "a", false, true],
    ["?", "ab", false, false],
    ["??c", "a", false, true],
    ["?b*", "ab", true, true],
    ["?b*", "ac", false, false],
    ["?b*", "😀b", true, true],
    ["?b*", "😀c", false, false],
    ["*secret*", "", false, true],
    ["*secret*", "a/", false, true],
    ["*secret*", "a/secret", true, true],
    ["a*z", "a", false, true],
    ["a*z", "az", false, true],
    ["a*z", "b", false, false],
    ["a*b*", "ab", true, true],
    ["a*b*", "a", false, true],
    // True for all, but always reported as false.
    ["a*?", "ab", false, true],
    ["${aws:username}/*", "alice/", true, true],
    ["${aws:username}/*", "bob/", false, false],
    ["${aws:unknown}/*", "alice/", false, true],
    ["a/${aws:unknown}", "b/", false, false],
  ])("%s and %s: all %s, some %s", (source, prefix, all, some) => {
    const pattern = parsePattern(source, { wildcards: true, variables: true });
    if (pattern === undefined) throw new Error(source);
    expect([coversBelow(pattern, prefix, reading), touchesBelow(pattern, prefix, reading)]).toEqual([all, some]);
  });
});

describe("a policy for everything below a prefix", () => {
  const ask = (policy: PolicyDocument, prefix: string, keys: Record<string, string> = {}) =>
    evaluatePolicy(policy, {
      principal: user("alice"),
      action: "s3:GetObject",
      resource: `${BUCKET_ARN}/${prefix}`,
      extent: "everything-below",
      keys: new ConditionKeys(Object.entries(keys).map(([key, value]) => [key, [value]] as const)),
    }).effect;
  const mine = (fields: object) => ({ Effect: "Allow", Action: "s3:*", ...fields });
  const all = mine({ Resource: "*" });
  const deny = (fields: object) => userPolicy(all, { Effect: "Deny", Action: "s3:GetObject", ...fields });

  it.each<[string, PolicyDocument, string, string]>([
    ["an Allow of all", userPolicy(all), "a/", "allow"],
    ["an Allow of part", userPolicy(mine({ Resource: `${BUCKET_ARN}/a/b/*` })), "a/", "none"],
    ["an Allow of one character", userPolicy(mine({ Resource: `${BUCKET_ARN}/?` })), "", "none"],
    ["an Allow of all but part", userPolicy(mine({ NotResource: `${BUCKET_ARN}/secret/*` })), "", "none"],
    ["an Allow of all but what lies elsewhere", userPolicy(mine({ NotResource: `${BUCKET_ARN}/b/*` })), "a/", "allow"],
    [
      "an Allow of all but what a variable without a value names elsewhere",
      userPolicy(mine({ NotResource: `${BUCKET_ARN}/b/\${aws:PrincipalTag/none}` })),
      "a/",
      "none",
    ],
    ["a Deny of part", deny({ Resource: `${BUCKET_ARN}/secret/*` }), "", "deny"],
    ["a Deny of one key", deny({ Resource: `${BUCKET_ARN}/a/b` }), "a/", "deny"],
    ["a Deny elsewhere", deny({ Resource: `${BUCKET_ARN}/secret/*` }), "a/", "allow"],
    ["a Deny of another action", deny({ Action: "s3:PutObject", Resource: "*" }), "", "allow"],
    ["a Deny of all but the prefix", deny({ NotResource: `${BUCKET_ARN}/a/*` }), "a/", "allow"],
    ["a Deny of all but part of it", deny({ NotResource: `${BUCKET_ARN}/a/b/*` }), "a/", "deny"],
    [
      "a Deny with a condition on the object",
      deny({ Resource: "*", Condition: { StringEquals: { "s3:ExistingObjectTag/a": "b" } } }),
      "",
      "deny",
    ],
    [
      "a Deny with a condition on the connection",
      deny({ Resource: "*", Condition: { IpAddress: { "aws:SourceIp": "192.0.2.0/24" } } }),
      "",
      "deny",
    ],
    [
      "a Deny of unencrypted objects",
      deny({ Resource: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
      "",
      "allow",
    ],
    [
      "a Deny of all other callers",
      deny({ Resource: "*", Condition: { StringNotEquals: { "aws:username": "alice" } } }),
      "",
      "allow",
    ],
    [
      "an Allow with a condition on the object",
      userPolicy(mine({ Resource: "*", Condition: { StringNotEquals: { "s3:ExistingObjectTag/a": "b" } } })),
      "",
      "none",
    ],
    ["a bucket policy's Deny", bucketPolicy(statement({ Effect: "Deny", Resource: `${BUCKET_ARN}/x` })), "", "deny"],
  ])("%s", (_what, policy, prefix, effect) => {
    expect(ask(policy, prefix, { "aws:SecureTransport": "true", "aws:username": "alice" })).toBe(effect);
  });
});
