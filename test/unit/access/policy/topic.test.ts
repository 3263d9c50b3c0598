/** Policies of topics: accepted and refused documents, and their effect on S3 acting for a bucket. */
import { describe, expect, it } from "vitest";
import { authorizeNotification } from "../../../../src/access/authorize-sns.ts";
import { MAX_TOPIC_POLICY_BYTES, parsePolicy } from "../../../../src/access/policy/document.ts";
import { evaluatePolicy } from "../../../../src/access/policy/evaluate.ts";
import { TOPIC_POLICY_ACTIONS } from "../../../../src/access/policy/known-actions.ts";
import { topicPolicyOf } from "../../../../src/access/policy/parsed.ts";
import { S3_SERVICE, serviceKeys } from "../../../../src/access/policy/request-keys.ts";
import { defaultTopicPolicy, isDefaultTopicPolicy, isSamePolicy } from "../../../../src/access/policy/topic-policy.ts";
import { failure } from "../../protocol/failure.ts";
import { ACCOUNT, ACCOUNT_ID, ANONYMOUS, BUCKET, bucketPolicy, STRANGER, statement, user } from "./support.ts";

const TOPIC = `arn:aws:sns:us-east-1:${ACCOUNT_ID}:pictures`;
const OTHER_ACCOUNT = "999999999999";
const NOW = new Date("2032-02-03T04:05:06.789Z");

type Fields = Readonly<Record<string, unknown>>;

/** AWS's documented statement for bucket notifications, with the given fields replaced; undefined removes a field. */
function fromS3(fields: Fields = {}): Fields {
  const whole = {
    Effect: "Allow",
    Principal: { Service: "s3.amazonaws.com" },
    Action: "SNS:Publish",
    Resource: TOPIC,
    ...fields,
  };
  return Object.fromEntries(Object.entries(whole).filter(([, value]) => value !== undefined));
}

const ARN_OF_BUCKET = { ArnLike: { "aws:SourceArn": `arn:aws:s3:*:*:${BUCKET}` } };
const OWN_ACCOUNT = { StringEquals: { "aws:SourceAccount": ACCOUNT_ID } };

function text(...statements: readonly Fields[]): string {
  const named = statements.map((one, index) => ({ Sid: `s${index}`, ...one }));
  return JSON.stringify({ Version: "2012-10-17", Statement: named });
}

const parse = (policy: string) => parsePolicy(policy, { kind: "topic", topicArn: TOPIC, users: {} });

describe("parsePolicy for a topic", () => {
  it.each<[string, Fields]>([
    ["the service of S3 with AWS's conditions", fromS3({ Condition: { ...ARN_OF_BUCKET, ...OWN_ACCOUNT } })],
    ["everyone", fromS3({ Principal: { AWS: "*" } })],
    ["an account and a user", fromS3({ Principal: { AWS: [OTHER_ACCOUNT, `arn:aws:iam::${OTHER_ACCOUNT}:user/u`] } })],
    ["services that never act here", fromS3({ Principal: { Service: ["events.amazonaws.com", "s3.amazonaws.com"] } })],
    ["any resource", fromS3({ Resource: "*" })],
    ["a pattern of resources", fromS3({ Resource: [`arn:aws:sns:*:${ACCOUNT_ID}:pict*`] })],
    ["NotAction", fromS3({ Effect: "Deny", Action: undefined, NotAction: ["sns:Publish", "sns:Subscribe"] })],
    ["NotPrincipal in a Deny", fromS3({ Effect: "Deny", Principal: undefined, NotPrincipal: { AWS: ACCOUNT_ID } })],
    [
      "conditions of SNS",
      fromS3({ Action: "sns:Subscribe", Condition: { StringEquals: { "sns:Protocol": "https" } } }),
    ],
    ["every action of the list", fromS3({ Action: [...TOPIC_POLICY_ACTIONS].map((name) => name.toUpperCase()) })],
    ["one statement without a Sid", { ...fromS3(), Sid: undefined }],
  ])("accepts %s", (_what, fields) => {
    expect(parse(text(fields)).attachedTo).toBe(TOPIC);
  });

  const SCOPE = "Policy statement action out of service scope!";
  const SINGLE = "Policy statement must apply to a single resource!";
  const RESOURCE = "Policy has invalid resource";
  const PRINCIPAL = "Invalid principal in policy";
  it.each<[string, string, string]>([
    ["no JSON", "policy", "Policies must be valid JSON and the first byte must be '{'"],
    ["a name that stands twice", '{"Statement":[],"Statement":[]}', "This policy contains invalid Json"],
    ["no statement", '{"Version":"2012-10-17"}', "Missing required field Statement"],
    ["an empty statement list", text(), "Could not parse the policy: Statement is empty!"],
    ["SNS:*", text(fromS3({ Action: "SNS:*" })), SCOPE],
    ["*", text(fromS3({ Action: "*" })), SCOPE],
    ["sns:Get*", text(fromS3({ Action: "sns:Get*" })), SCOPE],
    ["an action on all topics", text(fromS3({ Action: ["sns:Publish", "sns:CreateTopic"] })), SCOPE],
    ["an action on subscriptions", text(fromS3({ Action: "sns:Unsubscribe" })), SCOPE],
    ["an action of S3", text(fromS3({ Action: "s3:GetObject" })), SCOPE],
    ["no action", text(fromS3({ Action: undefined })), "Missing required field Action"],
    ["another topic", text(fromS3({ Resource: `${TOPIC}-2` })), RESOURCE],
    ["the topic of another account", text(fromS3({ Resource: TOPIC.replace(ACCOUNT_ID, OTHER_ACCOUNT) })), RESOURCE],
    ["a bucket", text(fromS3({ Resource: `arn:aws:s3:::${BUCKET}` })), RESOURCE],
    ["two resources", text(fromS3({ Resource: [TOPIC, TOPIC] })), SINGLE],
    ["NotResource", text(fromS3({ Resource: undefined, NotResource: `${TOPIC}-2` })), SINGLE],
    ["no resource", text(fromS3({ Resource: undefined })), "Missing required field Resource"],
    ["no principal", text(fromS3({ Principal: undefined })), "Missing required field Principal"],
    ["a principal that is none", text(fromS3({ Principal: { Service: "s3" } })), PRINCIPAL],
    ["a role", text(fromS3({ Principal: { AWS: `arn:aws:iam::${ACCOUNT_ID}:role/r` } })), PRINCIPAL],
    [
      "a key of S3",
      text(fromS3({ Condition: { StringEquals: { "s3:prefix": "a" } } })),
      "Policy has an invalid condition key",
    ],
    [
      "Allow with NotPrincipal",
      text(fromS3({ Principal: undefined, NotPrincipal: { AWS: ACCOUNT_ID } })),
      "Allow with NotPrincipal is not allowed.",
    ],
    [
      "statements without names of their own",
      JSON.stringify({ Statement: [fromS3(), fromS3({ Effect: "Deny" })] }),
      "Every policy statement must have a unique ID",
    ],
    [
      "statements with the same name",
      text(fromS3({ Sid: "a" }), fromS3({ Sid: "a" })),
      "Every policy statement must have a unique ID",
    ],
    ["101 statements", text(...Array.from({ length: 101 }, () => fromS3())), "Policy has too many statements"],
    [
      "more than 30 KB",
      text(fromS3({ Sid: "x".repeat(MAX_TOPIC_POLICY_BYTES) })),
      "Policy exceeds the maximum allowed document size.",
    ],
  ])("refuses %s", (_what, policy, message) => {
    const error = failure(() => parse(policy));
    expect([error.code, error.message]).toEqual(["MalformedPolicy", message]);
  });

  it("accepts exactly 30 KB and 100 statements", () => {
    const spare = MAX_TOPIC_POLICY_BYTES - text(fromS3({ Sid: "" })).length;
    parse(text(fromS3({ Sid: "x".repeat(spare) })));
    expect(() => parse(text(fromS3({ Sid: "x".repeat(spare + 1) })))).toThrow();
    parse(text(...Array.from({ length: 100 }, () => fromS3())));
  });

  it("does not relax the rules for bucket policies", () => {
    for (const fields of [
      { Action: "sns:Publish" },
      { Resource: TOPIC },
      { Condition: { StringEquals: { "sns:Protocol": "https" } } },
    ]) {
      expect(failure(() => bucketPolicy(statement(fields))).code).toBe("MalformedPolicy");
    }
    // Services do not act on buckets.
    const policy = bucketPolicy(statement({ Principal: { Service: "s3.amazonaws.com" } }));
    for (const principal of [ANONYMOUS, ACCOUNT, STRANGER, user("u")]) {
      const asked = { principal, action: "s3:ListBucket", resource: `arn:aws:s3:::${BUCKET}`, keys: serviceKeysOf() };
      expect(evaluatePolicy(policy, asked).effect).toBe("none");
    }
  });
});

const serviceKeysOf = () => serviceKeys({ name: BUCKET, accountId: ACCOUNT_ID }, ACCOUNT_ID, NOW);

describe("a topic policy decides for S3", () => {
  const toBucket = (policy: string, bucket: { name: string; accountId: string }) =>
    evaluatePolicy(parse(policy), {
      principal: S3_SERVICE,
      action: "SNS:Publish",
      resource: TOPIC,
      keys: serviceKeys(bucket, ACCOUNT_ID, NOW),
    }).effect;
  const own = { name: BUCKET, accountId: ACCOUNT_ID };
  const sibling = { name: "demo-c", accountId: ACCOUNT_ID };
  /** The bucket's name after another account has taken it. */
  const taken = { name: BUCKET, accountId: OTHER_ACCOUNT };
  const foreign = { name: "demo-c", accountId: OTHER_ACCOUNT };

  it.each<[string, Fields[], string, string, string, string]>([
    // Statements, and the effect for: the bucket, another bucket of its account, its name under another account, a
    // stranger's bucket.
    ["nothing by conditions", [fromS3()], "allow", "allow", "allow", "allow"],
    ["SourceArn", [fromS3({ Condition: ARN_OF_BUCKET })], "allow", "none", "allow", "none"],
    ["SourceAccount", [fromS3({ Condition: OWN_ACCOUNT })], "allow", "allow", "none", "none"],
    ["both", [fromS3({ Condition: { ...ARN_OF_BUCKET, ...OWN_ACCOUNT } })], "allow", "none", "none", "none"],
    [
      "ArnEquals of the bucket",
      [fromS3({ Condition: { ArnEquals: { "aws:SourceArn": `arn:aws:s3:::${BUCKET}` }, ...OWN_ACCOUNT } })],
      "allow",
      "none",
      "none",
      "none",
    ],
    [
      "everyone, with SourceArn: as AWS once documented it",
      [fromS3({ Principal: { AWS: "*" }, Condition: ARN_OF_BUCKET })],
      "allow",
      "none",
      "allow",
      "none",
    ],
    ["an account as principal", [fromS3({ Principal: { AWS: ACCOUNT_ID } })], "none", "none", "none", "none"],
    ["another service", [fromS3({ Principal: { Service: "events.amazonaws.com" } })], "none", "none", "none", "none"],
    ["another action", [fromS3({ Action: "sns:Subscribe" })], "none", "none", "none", "none"],
    [
      "a Deny in addition to the Allow",
      [fromS3(), fromS3({ Effect: "Deny", Condition: { StringNotEquals: { "aws:SourceAccount": ACCOUNT_ID } } })],
      "allow",
      "allow",
      "deny",
      "deny",
    ],
    [
      "a Deny for all but an account's principals",
      [fromS3(), fromS3({ Effect: "Deny", Principal: undefined, NotPrincipal: { AWS: ACCOUNT_ID } })],
      "deny",
      "deny",
      "deny",
      "deny",
    ],
    [
      "a Deny for all but S3",
      [fromS3(), fromS3({ Effect: "Deny", Principal: undefined, NotPrincipal: { Service: "s3.amazonaws.com" } })],
      "allow",
      "allow",
      "allow",
      "allow",
    ],
    [
      "aws:PrincipalIsAWSService",
      [fromS3({ Principal: "*", Condition: { Bool: { "aws:PrincipalIsAWSService": "true" } } })],
      "allow",
      "allow",
      "allow",
      "allow",
    ],
    [
      "a Deny without TLS",
      [
        fromS3({ Condition: OWN_ACCOUNT }),
        fromS3({ Effect: "Deny", Principal: "*", Condition: { Bool: { "aws:SecureTransport": "false" } } }),
      ],
      "allow",
      "allow",
      "none",
      "none",
    ],
    [
      "an address, which S3 does not have",
      [fromS3({ Condition: { IpAddress: { "aws:SourceIp": "0.0.0.0/0" } } })],
      "none",
      "none",
      "none",
      "none",
    ],
    [
      "a time that is over",
      [fromS3({ Condition: { DateLessThan: { "aws:CurrentTime": "2032-01-01T00:00:00Z" } } })],
      "none",
      "none",
      "none",
      "none",
    ],
    [
      "aws:SourceOwner, which S3 does not send",
      [fromS3({ Principal: "*", Condition: { StringEquals: { "AWS:SourceOwner": ACCOUNT_ID } } })],
      "none",
      "none",
      "none",
      "none",
    ],
  ])("%s", (_what, statements, ...effects) => {
    expect([own, sibling, taken, foreign].map((bucket) => toBucket(text(...statements), bucket))).toEqual(effects);
  });

  it("does not apply to other topics, for any resource it names", () => {
    const request = {
      principal: S3_SERVICE,
      action: "SNS:Publish",
      resource: `${TOPIC}-2`,
      keys: serviceKeys(own, ACCOUNT_ID, NOW),
    };
    expect(evaluatePolicy(parse(text(fromS3({ Resource: "*" }))), request).effect).toBe("none");
  });
});

describe("a topic is notified", () => {
  const kept = (policy: string | undefined) => (policy === undefined ? undefined : { text: policy, users: {} });
  const mayNotify = (policy: string | undefined, accountId: string) =>
    authorizeNotification(
      { arn: TOPIC, accountId: ACCOUNT_ID, policy: kept(policy) },
      { name: BUCKET, accountId },
      NOW,
    ) !== undefined;

  it("by buckets of its account without a policy, and by those that its policy allows", () => {
    const none = { Effect: "Deny" };
    const cases: [string | undefined, boolean, boolean][] = [
      [undefined, true, false],
      [text(fromS3()), true, true],
      [text(fromS3(none)), false, false],
      [text(fromS3({ Principal: { AWS: ACCOUNT_ID } })), false, false],
      [text(fromS3({ Condition: { StringEquals: { "aws:SourceAccount": OTHER_ACCOUNT } } })), false, true],
      // As an explicit policy, SNS's default policy admits no bucket.
      [defaultTopicPolicy({ arn: TOPIC, accountId: ACCOUNT_ID }), false, false],
    ];
    for (const [policy, own, foreign] of cases) {
      expect([policy, mayNotify(policy, ACCOUNT_ID), mayNotify(policy, OTHER_ACCOUNT)]).toEqual([policy, own, foreign]);
    }
  });

  it("by no bucket if the stored policy cannot be parsed", () => {
    expect(mayNotify("{", ACCOUNT_ID)).toBe(false);
    const policy = topicPolicyOf({ arn: TOPIC, accountId: ACCOUNT_ID, policy: kept("{") });
    const request = { principal: ACCOUNT, action: "SNS:Publish", resource: TOPIC, keys: serviceKeysOf() };
    expect(policy && evaluatePolicy(policy, request).effect).toBe("deny");
  });
});

describe("the default policy", () => {
  const topic = { arn: TOPIC, accountId: ACCOUNT_ID };
  const standard = JSON.parse(defaultTopicPolicy(topic));
  const [only] = standard.Statement;

  it("is valid, and is SNS's", () => {
    parse(defaultTopicPolicy(topic));
    expect(standard).toMatchObject({ Version: "2008-10-17", Id: "__default_policy_ID" });
    expect(only).toMatchObject({ Sid: "__default_statement_ID", Principal: { AWS: "*" }, Resource: TOPIC });
    expect(only.Condition).toEqual({ StringEquals: { "AWS:SourceOwner": ACCOUNT_ID } });
  });

  it.each<[boolean, object]>([
    [true, standard],
    [
      true,
      {
        Statement: [{ ...only, Action: [...only.Action, "SNS:Receive"].reverse() }],
        Id: standard.Id,
        Version: standard.Version,
      },
    ],
    [false, { ...standard, Version: "2012-10-17" }],
    [false, { ...standard, Statement: [...standard.Statement, fromS3()] }],
    [false, { ...standard, Statement: [{ ...only, Condition: undefined }] }],
    [false, { ...standard, Statement: [{ ...only, Effect: "Deny" }] }],
    [false, { ...standard, Statement: [{ ...only, Action: ["SNS:Publish"] }] }],
    [
      false,
      { ...standard, Statement: [{ ...only, Condition: { StringEquals: { "AWS:SourceOwner": OTHER_ACCOUNT } } }] },
    ],
  ])("is recognised: %s for %o", (isDefault, document) => {
    expect(isDefaultTopicPolicy(JSON.stringify(document, null, 2), topic)).toBe(isDefault);
  });

  it("isSamePolicy ignores only layout", () => {
    expect(isSamePolicy('{"a": 1, "Action": ["x", "y"]}', '{"Action":["y","x"],"a":1}')).toBe(true);
    expect(isSamePolicy('{"a": ["x", "y"]}', '{"a": ["y", "x"]}')).toBe(false);
    expect(isSamePolicy("{}", "{")).toBe(false);
  });
});
