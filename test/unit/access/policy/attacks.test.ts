// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written like that
/** Attempts to get more permissions from a policy than its author granted. */
import { describe, expect, it } from "vitest";
import { appliesToAction } from "../../../../src/access/policy/condition-keys.ts";
import { evaluatePolicy } from "../../../../src/access/policy/evaluate.ts";
import { requestKeys } from "../../../../src/access/policy/request-keys.ts";
import { failure } from "../../protocol/failure.ts";
import {
  ACCOUNT,
  ANONYMOUS,
  BUCKET_ARN,
  bucketPolicy,
  effect,
  STRANGER,
  statement,
  user,
  userPolicy,
} from "./support.ts";

describe("another bucket", () => {
  const wide = bucketPolicy(statement({ Resource: ["arn:aws:s3:::*", "arn:aws:s3:::demo-*/*"] }));

  it.each([
    "arn:aws:s3:::other",
    "arn:aws:s3:::other/k",
    "arn:aws:s3:::demo-b2",
    "arn:aws:s3:::demo-b2/k",
    "arn:aws:s3:::demo-",
    "arn:aws:s3:::*",
    "arn:aws:iam::111122223333:user/alice",
  ])("a bucket policy does not apply to %s", (resource) => {
    expect(effect(wide, { resource })).toBe("none");
    expect(effect(bucketPolicy(statement({ Effect: "Deny", Resource: "arn:aws:s3:::*" })), { resource })).toBe("none");
  });

  it("a bucket policy applies only to its own bucket", () => {
    expect([effect(wide), effect(wide, { key: "k" })]).toEqual(["allow", "allow"]);
  });
});

describe("condition keys that the operation ignores", () => {
  const home = bucketPolicy(
    statement({ Condition: { StringLike: { "s3:prefix": "home/*" } } }),
    statement({ Condition: { StringEquals: { "s3:x-amz-acl": "bucket-owner-full-control" } } }),
  );
  const keys = { "s3:prefix": "home/me", "s3:x-amz-acl": "bucket-owner-full-control" };

  it("?prefix on a download and x-amz-acl on a deletion have no effect", () => {
    expect(effect(home, { action: "s3:ListBucket", keys })).toBe("allow");
    expect(effect(home, { action: "s3:PutObject", key: "k", keys })).toBe("allow");
    expect(effect(home, { action: "s3:GetObject", key: "k", keys })).toBe("none");
    expect(effect(home, { action: "s3:DeleteObject", key: "k", keys })).toBe("none");
    expect(effect(home, { action: "s3:PutBucketPolicy", keys })).toBe("none");
  });

  it("they have no effect as variables", () => {
    const policy = bucketPolicy(statement({ Resource: [BUCKET_ARN, `${BUCKET_ARN}/\${s3:prefix}*`] }));
    expect(effect(policy, { key: "secret", keys: { "s3:prefix": "secret" } })).toBe("none");
  });

  it("they have no effect for any case of the action", () => {
    expect(appliesToAction("S3:Prefix", "S3:LISTBUCKET")).toBe(true);
    expect(appliesToAction("S3:Prefix", "s3:GetObject")).toBe(false);
    expect(appliesToAction("s3:authType", "iam:CreateUser")).toBe(false);
    expect(appliesToAction("aws:SourceIp", "iam:CreateUser")).toBe(true);
  });
});

describe("an omitted condition key", () => {
  it("ForAllValues in an Allow does not limit callers that send no value, as on AWS", () => {
    const open = { "ForAllValues:StringEquals": { "s3:RequestObjectTagKeys": ["a", "b"] } };
    const action = { Action: "s3:PutObject" };
    const policy = bucketPolicy(statement({ ...action, Condition: open }));
    const asked = { action: "s3:PutObject", key: "k" };
    expect(effect(policy, asked)).toBe("allow");
    expect(effect(policy, { ...asked, keys: { "s3:RequestObjectTagKeys": ["a", "c"] } })).toBe("none");
    // AWS documents this remedy.
    const closed = bucketPolicy(
      statement({ ...action, Condition: { ...open, Null: { "s3:RequestObjectTagKeys": "false" } } }),
    );
    expect(effect(closed, asked)).toBe("none");
    expect(effect(closed, { ...asked, keys: { "s3:RequestObjectTagKeys": ["a"] } })).toBe("allow");
  });

  it("does not evade a Deny with a negated operator", () => {
    const policy = bucketPolicy(
      statement(),
      statement({ Effect: "Deny", Condition: { NotIpAddress: { "aws:SourceIp": "203.0.113.0/24" } } }),
    );
    expect(effect(policy)).toBe("deny");
    expect(effect(policy, { keys: { "aws:SourceIp": "203.0.113.7" } })).toBe("allow");
    expect(effect(policy, { keys: { "aws:SourceIp": "rubbish" } })).toBe("deny");
  });

  it("max-keys is 1,000 if it is omitted", () => {
    const policy = bucketPolicy(
      statement({ Action: "s3:ListBucket", Condition: { NumericLessThanEquals: { "s3:max-keys": 10 } } }),
    );
    const ask = (maxKeys: string | undefined) =>
      evaluatePolicy(policy, {
        principal: ANONYMOUS,
        action: "s3:ListBucket",
        resource: BUCKET_ARN,
        keys: requestKeys({
          principal: ANONYMOUS,
          sourceIp: undefined,
          isSecure: true,
          headers: new Headers(),
          query: { get: (name) => (name === "max-keys" ? maxKeys : undefined) },
          now: new Date(0),
          authType: undefined,
        }),
      }).effect;
    expect(["10", "+10", "11", "+11", "", undefined].map(ask)).toEqual([
      "allow",
      "allow",
      "none",
      "none",
      "none",
      "none",
    ]);
  });
});

describe("values that look like patterns", () => {
  const policy = userPolicy(
    statement({
      Principal: undefined,
      Action: "s3:GetObject",
      Resource: `${BUCKET_ARN}/home/\${aws:username}/*`,
    }),
  );

  it.each<[string, string, string]>([
    ["alice", "home/alice/x", "allow"],
    ["alice", "home/bob/x", "none"],
    ["*", "home/bob/x", "none"],
    ["*", "home/*/x", "allow"],
    ["?", "home/b/x", "none"],
    ["${aws:PrincipalAccount}", "home/111122223333/x", "none"],
    ["", "home//x", "allow"],
    ["", "home/bob/x", "none"],
    ["alice/../bob", "home/bob/x", "none"],
  ])("user %j on %s: %s", (name, key, expected) => {
    const keys = { "aws:username": name, "aws:PrincipalAccount": "111122223333" };
    expect(effect(policy, { principal: user(name), key, keys })).toBe(expected);
  });

  it("a Referer cannot widen a condition", () => {
    const echo = bucketPolicy(statement({ Condition: { StringLike: { "aws:UserAgent": "${aws:Referer}" } } }));
    expect(effect(echo, { keys: { "aws:Referer": "*", "aws:UserAgent": "curl" } })).toBe("none");
    expect(effect(echo, { keys: { "aws:Referer": "curl", "aws:UserAgent": "curl" } })).toBe("allow");
  });
});

describe("a variable without a value", () => {
  const fields = { Resource: undefined, NotResource: `${BUCKET_ARN}/home/\${aws:username}/*` };

  it("denies but does not allow in NotResource", () => {
    expect(effect(bucketPolicy(statement(fields)), { key: "secret" })).toBe("none");
    expect(effect(bucketPolicy(statement({ ...fields, Effect: "Deny" })), { key: "public" })).toBe("deny");
    const asked = { key: "home/alice/x", principal: user("alice"), keys: { "aws:username": "alice" } };
    expect(effect(bucketPolicy(statement(), statement({ ...fields, Effect: "Deny" })), asked)).toBe("allow");
  });

  it("matches nothing in Resource, not even the literal text", () => {
    const policy = bucketPolicy(statement({ Resource: [BUCKET_ARN, `${BUCKET_ARN}/\${aws:username}`] }));
    expect(effect(policy, { key: "${aws:username}" })).toBe("none");
    expect(effect(policy, { key: "" })).toBe("none");
  });
});

describe("upper and lower case", () => {
  it("is ignored in the name of a condition key", () => {
    const policy = bucketPolicy(
      statement(),
      statement({ Effect: "Deny", Condition: { StringEquals: { "AWS:userAGENT": "bad" } } }),
    );
    expect(effect(policy, { keys: { "aws:UserAgent": "bad" } })).toBe("deny");
  });

  it("is ignored in an action", () => {
    const policy = bucketPolicy(statement(), statement({ Effect: "Deny", Action: "S3:dELETEoBJECT" }));
    expect(effect(policy, { action: "s3:DeleteObject", key: "k" })).toBe("deny");
  });

  it("is ignored in the key of a tag", () => {
    const policy = bucketPolicy(
      statement({ Action: "s3:GetObject" }),
      statement({
        Effect: "Deny",
        Action: "s3:GetObject",
        Condition: { StringEquals: { "s3:ExistingObjectTag/class": "secret" } },
      }),
    );
    const tags = (entries: Record<string, string>) => ({
      key: "k",
      keys: Object.fromEntries(Object.entries(entries).map(([name, v]) => [`s3:ExistingObjectTag/${name}`, v])),
    });
    expect(effect(policy, tags({ Class: "secret" }))).toBe("deny");
    expect(effect(policy, tags({ Class: "open", class: "secret" }))).toBe("deny");
    expect(effect(policy, tags({ class: "open" }))).toBe("allow");
  });

  it("distinguishes resources", () => {
    const policy = bucketPolicy(statement({ Resource: [BUCKET_ARN, `${BUCKET_ARN}/Public/*`] }));
    expect(effect(policy, { key: "public/x" })).toBe("none");
  });
});

describe("negated elements", () => {
  it("an Allow with NotPrincipal is refused, since it would include anonymous callers", () => {
    const run = () => bucketPolicy(statement({ Principal: undefined, NotPrincipal: { AWS: "111122223333" } }));
    expect(failure(run).code).toBe("MalformedPolicy");
  });

  it("NotAction and NotResource are limited to the bucket and the statement's principals", () => {
    const policy = bucketPolicy(
      statement({ Principal: { AWS: "111122223333" }, Action: undefined, NotAction: "s3:DeleteBucket" }),
    );
    expect(effect(policy, { principal: ACCOUNT })).toBe("allow");
    expect(effect(policy, { principal: STRANGER })).toBe("none");
    expect(effect(policy)).toBe("none");
    expect(effect(policy, { principal: ACCOUNT, action: "s3:DeleteBucket" })).toBe("none");
  });
});

describe("an object key", () => {
  const policy = bucketPolicy(statement({ Action: "s3:GetObject", Resource: `${BUCKET_ARN}/pub/*` }));

  it.each<[string, string]>([
    ["pub/x", "allow"],
    ["pub/../secret", "allow"],
    ["pub", "none"],
    ["pub\u0000/x", "none"],
    ["/pub/x", "none"],
    ["xpub/x", "none"],
    ["pub%2Fx", "none"],
    ["pub/\n", "allow"],
  ])("%j is compared unchanged: %s", (key, expected) => {
    expect(effect(policy, { key })).toBe(expected);
  });

  it("that is empty is not the bucket", () => {
    const bucketOnly = bucketPolicy(statement({ Action: "s3:ListBucket", Resource: BUCKET_ARN }));
    expect(effect(bucketOnly, { action: "s3:ListBucket", resource: `${BUCKET_ARN}/` })).toBe("none");
  });
});

describe("thousands of wildcards", () => {
  it("are matched against the longest values a request can have", () => {
    const long = "a".repeat(8192);
    const values = Array.from({ length: 1500 }, (_unused, index) => `*a?a*${index}b*`);
    const policy = bucketPolicy(statement({ Condition: { StringLike: { "aws:UserAgent": values } } }));
    expect(effect(policy, { keys: { "aws:UserAgent": long } })).toBe("none");
  });
});
