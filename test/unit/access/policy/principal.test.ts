import { describe, expect, it } from "vitest";
import { failure } from "../../protocol/failure.ts";
import {
  ACCOUNT,
  ACCOUNT_ID,
  ANONYMOUS,
  BUCKET_ARN,
  bucketPolicy,
  CANONICAL_ID,
  decide,
  effect,
  STRANGER,
  statement,
  user,
} from "./support.ts";

const ALICE = user("alice");
const BOB = user("bob");
const CALLERS = [ANONYMOUS, STRANGER, ACCOUNT, ALICE, BOB];
const ALICE_ARN = `arn:aws:iam::${ACCOUNT_ID}:user/alice`;
const ROOT_ARN = `arn:aws:iam::${ACCOUNT_ID}:root`;

type Via = "everyone" | "account" | "user" | undefined;

describe("Principal", () => {
  it.each<[unknown, readonly [anonymous: Via, stranger: Via, account: Via, alice: Via, bob: Via]]>([
    ["*", ["everyone", "everyone", "everyone", "everyone", "everyone"]],
    [{ AWS: "*" }, ["everyone", "everyone", "everyone", "everyone", "everyone"]],
    [{ AWS: ["*"] }, ["everyone", "everyone", "everyone", "everyone", "everyone"]],
    [{ AWS: ["*", ALICE_ARN] }, ["everyone", "everyone", "everyone", "user", "everyone"]],
    [{ AWS: ACCOUNT_ID }, [undefined, undefined, "account", "account", "account"]],
    [{ AWS: ROOT_ARN }, [undefined, undefined, "account", "account", "account"]],
    [{ AWS: `arn:aws:iam::${ACCOUNT_ID}` }, [undefined, undefined, "account", "account", "account"]],
    [{ AWS: [ROOT_ARN, ALICE_ARN] }, [undefined, undefined, "account", "user", "account"]],
    [{ AWS: ALICE_ARN }, [undefined, undefined, undefined, "user", undefined]],
    [{ AWS: `arn:aws:iam::${ACCOUNT_ID}:user/Alice` }, [undefined, undefined, undefined, undefined, undefined]],
    [{ AWS: `arn:aws:iam::${ACCOUNT_ID}:user/team/alice` }, [undefined, undefined, undefined, undefined, undefined]],
    [{ CanonicalUser: CANONICAL_ID }, [undefined, undefined, "account", "account", "account"]],
    [{ CanonicalUser: ["0".repeat(64)] }, [undefined, undefined, undefined, undefined, undefined]],
    [{ AWS: "999999999999", CanonicalUser: CANONICAL_ID }, [undefined, "account", "account", "account", "account"]],
    [{ Service: "logging.s3.amazonaws.com" }, [undefined, undefined, undefined, undefined, undefined]],
  ])("%j names %j", (Principal, expected) => {
    const policy = bucketPolicy(statement({ Principal }));
    const found = CALLERS.map((principal) => {
      const decision = decide(policy, { principal });
      return decision.effect === "allow" ? decision.via : undefined;
    });
    expect(found).toEqual(expected);
  });

  it("names a user with a path", () => {
    const policy = bucketPolicy(statement({ Principal: { AWS: `arn:aws:iam::${ACCOUNT_ID}:user/team/alice` } }));
    expect(decide(policy, { principal: user("alice", "/team/") })).toEqual({ effect: "allow", via: "user" });
  });

  it("reports the most specific match of several statements", () => {
    const [everyone, account, alice] = ["*", { AWS: ACCOUNT_ID }, { AWS: ALICE_ARN }].map((Principal) =>
      statement({ Principal }),
    );
    expect(decide(bucketPolicy(account ?? {}, everyone ?? {}), { principal: ALICE })).toMatchObject({
      via: "everyone",
    });
    expect(decide(bucketPolicy(account ?? {}, alice ?? {}), { principal: ALICE })).toMatchObject({ via: "user" });
  });

  it("denies an account including all its users", () => {
    const policy = bucketPolicy(statement(), statement({ Effect: "Deny", Principal: { AWS: ROOT_ARN } }));
    expect(CALLERS.map((principal) => effect(policy, { principal }))).toEqual([
      "allow",
      "allow",
      "deny",
      "deny",
      "deny",
    ]);
  });

  it.each<[unknown, string]>([
    ["", '"*" : ""'],
    [ACCOUNT_ID, `"*" : "${ACCOUNT_ID}"`],
    [ALICE_ARN, `"*" : "${ALICE_ARN}"`],
    [[], '"*" : ""'],
    [{}, '"*" : "[object Object]"'],
    [{ AWS: [] }, '"AWS" : ""'],
    [{ AWS: {} }, '"AWS" : "[object Object]"'],
    [{ AWS: 111122223333 }, '"AWS" : "111122223333"'],
    [{ AWS: "11112222333" }, '"AWS" : "11112222333"'],
    [{ AWS: "1111-2222-3333" }, '"AWS" : "1111-2222-3333"'],
    [{ AWS: "111122223333:root" }, '"AWS" : "111122223333:root"'],
    [{ AWS: "arn:aws:iam::*:root" }, '"AWS" : "arn:aws:iam::*:root"'],
    [{ AWS: "arn:aws:iam::111122223333:*" }, '"AWS" : "arn:aws:iam::111122223333:*"'],
    [{ AWS: "arn:aws:iam::111122223333:user/*" }, '"AWS" : "arn:aws:iam::111122223333:user/*"'],
    [{ AWS: "arn:aws:iam::111122223333:user/" }, '"AWS" : "arn:aws:iam::111122223333:user/"'],
    [{ AWS: "arn:aws:iam::111122223333:role/r" }, '"AWS" : "arn:aws:iam::111122223333:role/r"'],
    [{ AWS: "arn:aws-cn:iam::111122223333:root" }, '"AWS" : "arn:aws-cn:iam::111122223333:root"'],
    [{ AWS: ["*", "nobody"] }, '"AWS" : "nobody"'],
    [{ aws: "*" }, '"aws" : "*"'],
    [{ CanonicalUser: "*" }, '"CanonicalUser" : "*"'],
    [{ CanonicalUser: CANONICAL_ID.toUpperCase() }, `"CanonicalUser" : "${CANONICAL_ID.toUpperCase()}"`],
    [{ Federated: "graph.facebook.com" }, '"Federated" : "graph.facebook.com"'],
    [{ Service: "*" }, '"Service" : "*"'],
  ])("%j is invalid", (Principal, detail) => {
    const error = failure(() => bucketPolicy(statement({ Principal })));
    expect([error.code, error.message, error.details]).toEqual([
      "MalformedPolicy",
      "Invalid principal in policy",
      { Detail: detail },
    ]);
  });
});

/** "AWS JSON policy elements: NotPrincipal": always with Deny. */
describe("NotPrincipal", () => {
  it.each<[unknown, readonly string[]]>([
    [{ AWS: [ALICE_ARN, ROOT_ARN] }, ["deny", "deny", "none", "none", "deny"]],
    [{ AWS: ALICE_ARN }, ["deny", "deny", "deny", "none", "deny"]],
    // An account does not include its users here.
    [{ AWS: ROOT_ARN }, ["deny", "deny", "none", "deny", "deny"]],
    [{ CanonicalUser: CANONICAL_ID }, ["deny", "deny", "none", "deny", "deny"]],
    [{ Service: "logging.s3.amazonaws.com" }, ["deny", "deny", "deny", "deny", "deny"]],
    ["*", ["none", "none", "none", "none", "none"]],
  ])("%j: %j", (NotPrincipal, expected) => {
    const policy = bucketPolicy(statement({ Effect: "Deny", Principal: undefined, NotPrincipal }));
    expect(CALLERS.map((principal) => effect(policy, { principal }))).toEqual(expected);
  });

  it("is refused with Allow, since it would allow the whole world", () => {
    const run = () => bucketPolicy(statement({ Principal: undefined, NotPrincipal: { AWS: "999999999999" } }));
    expect(failure(run)).toMatchObject({
      code: "MalformedPolicy",
      message: "Allow with NotPrincipal is not allowed.",
    });
  });
});

describe("Action and Resource", () => {
  it.each<[object, string, string | undefined, string]>([
    [{ Action: "s3:GetObject" }, "s3:GetObject", "k", "allow"],
    [{ Action: "S3:GETOBJECT" }, "s3:GetObject", "k", "allow"],
    [{ Action: "s3:Get*" }, "s3:GetObjectTagging", "k", "allow"],
    [{ Action: "s3:Get*" }, "s3:PutObject", "k", "none"],
    [{ Action: "*" }, "s3:PutObject", "k", "allow"],
    [{ Action: undefined, NotAction: "s3:Delete*" }, "s3:PutObject", "k", "allow"],
    [{ Action: undefined, NotAction: "s3:Delete*" }, "s3:DeleteObject", "k", "none"],
    [{ Action: undefined, NotAction: ["s3:Delete*", "s3:PutObject"] }, "s3:PutObject", "k", "none"],
    [{ Resource: `${BUCKET_ARN}/*` }, "s3:GetObject", "a/b", "allow"],
    [{ Resource: `${BUCKET_ARN}/*` }, "s3:ListBucket", undefined, "none"],
    [{ Resource: BUCKET_ARN, Action: "s3:ListBucket" }, "s3:ListBucket", undefined, "allow"],
    [{ Resource: BUCKET_ARN }, "s3:GetObject", "k", "none"],
    [{ Resource: `${BUCKET_ARN}*` }, "s3:ListBucket", undefined, "allow"],
    [{ Resource: `${BUCKET_ARN}/a?c` }, "s3:GetObject", "abc", "allow"],
    [{ Resource: `${BUCKET_ARN}/a?c` }, "s3:GetObject", "ac", "none"],
    [{ Resource: `${BUCKET_ARN}/ABC` }, "s3:GetObject", "abc", "none"],
    [{ Resource: "demo-b/key*" }, "s3:GetObject", "key1", "allow"],
    [{ Resource: "demo-b/key*" }, "s3:GetObject", "other", "none"],
    [{ Resource: undefined, NotResource: `${BUCKET_ARN}/private/*` }, "s3:GetObject", "public/x", "allow"],
    [{ Resource: undefined, NotResource: `${BUCKET_ARN}/private/*` }, "s3:GetObject", "private/x", "none"],
  ])("%j on %s of %s: %s", (fields, action, key, expected) => {
    const asked = { action, ...(key !== undefined && { key }) };
    expect(effect(bucketPolicy(statement(fields as Record<string, unknown>)), asked)).toBe(expected);
  });
});
