// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written like that
import { describe, expect, it } from "vitest";
import { S3_ACTIONS } from "../../../../src/access/actions.ts";
import { parsePolicy } from "../../../../src/access/policy/document.ts";
import { KNOWN_ACTIONS } from "../../../../src/access/policy/known-actions.ts";
import { failure } from "../../protocol/failure.ts";
import { BUCKET, BUCKET_ARN, statement } from "./support.ts";

const FIRST_BYTE = "Policies must be valid JSON and the first byte must be '{'";
const INVALID_JSON = "This policy contains invalid Json";
const SYNTAX = "Invalid policy syntax.";
const TOO_LARGE = "Policy exceeds the maximum allowed document size.";
const RESOURCE = "Policy has invalid resource";
const NOT_APPLICABLE = "Action does not apply to any resource(s) in statement";
const CONDITIONS_DO_NOT_APPLY = "Conditions do not apply to combination of actions and resources in statement";

function parse(text: string, kind: "bucket" | "user" = "bucket") {
  return parsePolicy(text, kind === "bucket" ? { kind, bucket: BUCKET, users: {} } : { kind });
}

function messageFor(text: string, kind: "bucket" | "user" = "bucket"): string {
  const error = failure(() => parse(text, kind));
  expect([error.code, error.status]).toEqual(["MalformedPolicy", 400]);
  return error.message;
}

function withStatement(fields: object, version = "2012-10-17"): string {
  return JSON.stringify({ Version: version, Statement: statement(fields as Record<string, unknown>) });
}

function userStatement(fields: object): string {
  return withStatement({ Principal: undefined, Resource: "*", ...fields });
}

describe("parsePolicy refuses a document with MalformedPolicy", () => {
  it.each<[string, string]>([
    ["", FIRST_BYTE],
    ["[]", FIRST_BYTE],
    ['"text"', FIRST_BYTE],
    [" {}", FIRST_BYTE],
    ["\ufeff{}", FIRST_BYTE],
    ["{", INVALID_JSON],
    ["{,}", INVALID_JSON],
    ['{"Statement":[],}', INVALID_JSON],
    ["{} {}", INVALID_JSON],
    ["{'Statement':[]}", INVALID_JSON],
    ['{"Version":"2012-10-17","Version":"2012-10-17"}', INVALID_JSON],
    ['{"Version":"2012-10-17","V\\u0065rsion":"2012-10-17"}', INVALID_JSON],
    ["{}", "Missing required field Statement"],
    ['{"Statement":[]}', "Could not parse the policy: Statement is empty!"],
    ['{"Statement":null}', SYNTAX],
    ['{"Statement":"x"}', SYNTAX],
    ['{"Statement":[1]}', SYNTAX],
    ['{"Statement":[[]]}', SYNTAX],
    ['{"Statement":[],"Statements":[]}', "Unknown field Statements"],
    ['{"statement":[]}', "Unknown field statement"],
    ['{"Version":"2012-10-18","Statement":[]}', "The policy must contain a valid version string"],
    ['{"Version":3,"Statement":[]}', "The policy must contain a valid version string"],
    ['{"Version":"","Statement":[]}', "The policy must contain a valid version string"],
    ['{"Id":1,"Statement":[]}', SYNTAX],
    ['{"__proto__":{},"Statement":[]}', "Unknown field __proto__"],
  ])("%s: %s", (text, message) => {
    expect(messageFor(text)).toBe(message);
  });

  it("that repeats an operator, of which JSON.parse keeps only the last", () => {
    const block = (names: string) =>
      withStatement({ Condition: "HERE" }).replace(
        '"HERE"',
        `{"StringLike":{"aws:A":"1"},${names}:{"aws:A":"2"},"Bool":{"aws:A":"true"}}`,
      );
    expect(messageFor(block('"StringLike"'))).toBe(INVALID_JSON);
    expect(messageFor(block('"String\\u004cike"'))).toBe(INVALID_JSON);
    expect(() => parse(block('"StringEquals"'))).not.toThrow();
  });

  it("of more than 20 KB without white space, or 64 KB with white space", () => {
    const sized = (length: number, indent = 0) =>
      JSON.stringify({ Id: "x".repeat(length), Statement: [statement()] }, undefined, indent);
    const overhead = sized(0).length;
    expect(() => parse(sized(20 * 1024 - overhead))).not.toThrow();
    expect(messageFor(sized(20 * 1024 - overhead + 1))).toBe(TOO_LARGE);
    expect(() => parse(sized(20 * 1024 - overhead, 10))).not.toThrow();
    expect(messageFor(`{${" ".repeat(64 * 1024)}}`)).toBe(TOO_LARGE);
    // Bytes, not characters.
    expect(messageFor(sized(0).replace('"Id":""', `"Id":"${"ä".repeat(10 * 1024)}"`))).toBe(TOO_LARGE);
  });

  it("that is nested too deeply", () => {
    expect(messageFor(`{"Statement":${"[".repeat(20_000)}${"]".repeat(20_000)}}`)).toBe(INVALID_JSON);
    expect(messageFor(`{"Statement":${"[".repeat(9000)}${"]".repeat(9000)}}`)).toBe(INVALID_JSON);
  });
});

describe("parsePolicy refuses a statement with MalformedPolicy", () => {
  it.each<[object, string]>([
    [{ Sid: 1 }, SYNTAX],
    [{ Effect: undefined }, "Missing required field Effect"],
    [{ Effect: "allow" }, "Invalid effect: allow"],
    [{ Effect: ["Allow"] }, "Invalid effect: Allow"],
    [{ Principal: undefined }, "Missing required field Principal"],
    [{ Action: undefined }, "Missing required field Action"],
    [{ Resource: undefined }, "Missing required field Resource"],
    [{ Action: [] }, "Missing required field Action cannot be empty!"],
    [{ Resource: [] }, "Missing required field Resource cannot be empty!"],
    [{ Action: {} }, SYNTAX],
    [{ Action: [1] }, SYNTAX],
    [{ Resource: [null] }, SYNTAX],
    [{ Permission: "x" }, "Unknown field Permission"],
    [{ effect: "Allow" }, "Unknown field effect"],
    [{ NotAction: "s3:GetObject" }, SYNTAX],
    [{ NotResource: BUCKET_ARN }, SYNTAX],
    [{ NotPrincipal: "*" }, SYNTAX],
    [{ Principal: undefined, NotPrincipal: { AWS: "111122223333" } }, "Allow with NotPrincipal is not allowed."],

    [{ Action: "" }, "Policy has invalid action"],
    [{ Action: "GetObject" }, "Policy has invalid action"],
    [{ Action: "s3:" }, "Policy has invalid action"],
    [{ Action: "s3:GetObjects" }, "Policy has invalid action"],
    [{ Action: "s3:Nothing*" }, "Policy has invalid action"],
    [{ Action: "iam:*" }, "Policy has invalid action"],
    [{ Action: ["s3:GetObject", "ec2:RunInstances"] }, "Policy has invalid action"],
    [{ Action: "s3:${aws:username}" }, "Policy has invalid action"],
    [{ Action: undefined, NotAction: "s3:Nothing" }, "Policy has invalid action"],

    [{ Resource: "*" }, RESOURCE],
    [{ Resource: "" }, RESOURCE],
    [{ Resource: "arn:aws:s3:::other" }, RESOURCE],
    [{ Resource: "arn:aws:s3:::other/*" }, RESOURCE],
    [{ Resource: `${BUCKET_ARN}2/*` }, RESOURCE],
    [{ Resource: [`${BUCKET_ARN}/*`, "arn:aws:s3:::other/*"] }, RESOURCE],
    [{ Resource: `arn:aws-cn:s3:::${BUCKET}/*` }, RESOURCE],
    [{ Resource: `arn:aws:s3:us-east-1::${BUCKET}/*` }, RESOURCE],
    [{ Resource: `arn:aws:s3:${BUCKET}/*` }, RESOURCE],
    [{ Resource: `ARN:AWS:S3:::${BUCKET}/*` }, RESOURCE],
    [{ Resource: `${BUCKET_ARN.toUpperCase()}/*` }, RESOURCE],
    [{ Resource: `${BUCKET}2/*` }, RESOURCE],
    [{ Resource: "other/*" }, RESOURCE],
    [{ Resource: `${BUCKET_ARN}/\${aws:username` }, RESOURCE],
    [{ Resource: undefined, NotResource: "arn:aws:s3:::other/*" }, RESOURCE],

    [{ Action: "s3:GetObject", Resource: BUCKET_ARN }, NOT_APPLICABLE],
    [{ Action: "s3:ListBucket", Resource: `${BUCKET_ARN}/*` }, NOT_APPLICABLE],
    [{ Action: ["s3:ListBucket", "s3:GetObject"], Resource: `${BUCKET_ARN}/*` }, NOT_APPLICABLE],
    [{ Action: "s3:ListBucket*", Resource: `${BUCKET_ARN}/*` }, NOT_APPLICABLE],
    [{ Action: "s3:CreateBucket" }, NOT_APPLICABLE],
    [{ Action: "s3:ListAllMyBuckets" }, NOT_APPLICABLE],

    [{ Condition: [] }, SYNTAX],
    [{ Condition: { StringEquals: "x" } }, SYNTAX],
    [{ Condition: { StringEquals: { "aws:A": null } } }, SYNTAX],
    [{ Condition: { StringEquals: { "aws:A": [["x"]] } } }, SYNTAX],
    [{ Condition: { StringEquals: { "aws:A": {} } } }, SYNTAX],
    [{ Condition: { Equals: { "aws:A": "x" } } }, "Invalid Condition type : Equals"],
    [{ Condition: { stringEquals: { "aws:A": "x" } } }, "Invalid Condition type : stringEquals"],
    [{ Condition: { NullIfExists: { "aws:A": "true" } } }, "Invalid Condition type : NullIfExists"],
    [{ Condition: { "ForAllValues:Null": { "aws:A": "true" } } }, "Invalid Condition type : ForAllValues:Null"],
    [{ Condition: { "ForSomeValues:Bool": { "aws:A": "true" } } }, "Invalid Condition type : ForSomeValues:Bool"],
    [{ Condition: { "forAnyValue:Bool": { "aws:A": "true" } } }, "Invalid Condition type : forAnyValue:Bool"],
    [{ Condition: { IfExists: { "aws:A": "true" } } }, "Invalid Condition type : IfExists"],
    [{ Condition: { constructor: { "aws:A": "true" } } }, "Invalid Condition type : constructor"],
    [{ Condition: { StringEquals: { referer: "x" } } }, "Policy has an invalid condition key"],
    [{ Condition: { StringEquals: { "s3:nothing": "x" } } }, "Policy has an invalid condition key"],
    [{ Condition: { StringEquals: { "s3:ExistingObjectTag": "x" } } }, "Policy has an invalid condition key"],
    [{ Condition: { StringEquals: { "s3:ExistingObjectTag/": "x" } } }, "Policy has an invalid condition key"],
    [{ Condition: { StringEquals: { "s3:prefix/x": "x" } } }, "Policy has an invalid condition key"],
    [{ Condition: { StringEquals: { "iam:x": "x" } } }, "Policy has an invalid condition key"],
    [{ Condition: { IpAddress: { "aws:SourceIp": "1.2.3" } } }, "Invalid IP address in Conditions"],
    [{ Condition: { NotIpAddress: { "aws:SourceIp": ["10.0.0.0/8", "x"] } } }, "Invalid IP address in Conditions"],
    [{ Condition: { NumericEquals: { "aws:A": "x" } } }, "Invalid value in Conditions for aws:A"],
    [{ Condition: { NumericEquals: { "aws:A": "${aws:B}" } } }, "Invalid value in Conditions for aws:A"],
    [{ Condition: { DateEquals: { "aws:A": "yesterday" } } }, "Invalid value in Conditions for aws:A"],
    [{ Condition: { DateEquals: { "aws:A": "2026-13-01" } } }, "Invalid value in Conditions for aws:A"],
    [{ Condition: { DateEquals: { "aws:A": "2026-01-01T00:00:00" } } }, "Invalid value in Conditions for aws:A"],
    [{ Condition: { Bool: { "aws:A": "yes" } } }, "Invalid value in Conditions for aws:A"],
    [{ Condition: { Null: { "aws:A": "yes" } } }, "Invalid value in Conditions for aws:A"],
    [{ Condition: { BinaryEquals: { "aws:A": "no base64!" } } }, "Invalid value in Conditions for aws:A"],
    [{ Condition: { StringLike: { "aws:A": "${aws:username" } } }, "Invalid value in Conditions for aws:A"],

    [{ Action: "s3:GetObject", Condition: { StringLike: { "s3:prefix": "x" } } }, CONDITIONS_DO_NOT_APPLY],
    [{ Action: "s3:ListBucket", Condition: { StringLike: { "s3:x-amz-acl": "x" } } }, CONDITIONS_DO_NOT_APPLY],
    [
      { Action: ["s3:ListBucket", "s3:GetBucketLocation"], Condition: { StringLike: { "s3:prefix": "x" } } },
      CONDITIONS_DO_NOT_APPLY,
    ],
    [{ Action: "s3:Get*", Condition: { StringLike: { "s3:prefix": "x" } } }, CONDITIONS_DO_NOT_APPLY],
    [
      { Action: "s3:DeleteObject", Condition: { StringLike: { "s3:ExistingObjectTag/a": "x" } } },
      CONDITIONS_DO_NOT_APPLY,
    ],
  ])("%j: %s", (fields, message) => {
    expect(messageFor(withStatement(fields))).toBe(message);
  });
});

describe("parsePolicy accepts", () => {
  it.each<[string, object]>([
    ["one statement without a list", {}],
    ["any Sid", { Sid: "Allow Public Access to All Objects" }],
    ["every action", { Action: "*" }],
    ["actions whatever their case", { Action: ["S3:getobject", "s3:LISTBUCKET"] }],
    ["wildcards anywhere in an action", { Action: ["s3:Get*Object", "s3:?utObject", "s*"] }],
    ["a wildcard that fits either kind", { Action: "s3:List*", Resource: `${BUCKET_ARN}/*` }],
    ["NotAction", { Action: undefined, NotAction: "s3:GetObject", Resource: BUCKET_ARN }],
    ["NotResource", { Resource: undefined, NotResource: `${BUCKET_ARN}/private/*` }],
    ["wildcards in the bucket's part", { Resource: ["arn:aws:s3:::*", "arn:aws:s3:::demo-?/x*"] }],
    ["a bucket and its objects at once", { Resource: `${BUCKET_ARN}*` }],
    ["the reference system's short form", { Resource: [BUCKET, `${BUCKET}/key*`] }],
    ["variables", { Resource: [BUCKET_ARN, `${BUCKET_ARN}/\${aws:username}/*`] }],
    ["no condition", { Condition: {} }],
    ["an operator without keys", { Condition: { StringEquals: {} } }],
    ["any key of aws:", { Condition: { StringEquals: { "aws:SourceVpce": "vpce-1", "AWS:WhatNot/x": "1" } } }],
    ["keys whatever their case", { Condition: { StringLike: { "S3:PREFIX": "x" } } }],
    ["keys of a wildcard's actions", { Action: "s3:*", Condition: { StringEquals: { "s3:x-amz-acl": "private" } } }],
    [
      "tags of an object whose encryption is updated",
      { Action: "s3:UpdateObjectEncryption", Condition: { StringEquals: { "s3:ExistingObjectTag/a": "b" } } },
    ],
    ["tags with slashes", { Action: "s3:GetObject", Condition: { Null: { "s3:ExistingObjectTag/a/b": "true" } } }],
  ])("%s", (_name, fields) => {
    expect(() => parse(withStatement(fields))).not.toThrow();
  });

  it.each([undefined, "2008-10-17", "2012-10-17"])("version %s", (Version) => {
    expect(() => parse(JSON.stringify({ Version, Id: "any id", Statement: [statement()] }))).not.toThrow();
  });

  it("text like an unfinished variable before version 2012-10-17", () => {
    expect(() => parse(withStatement({ Resource: [BUCKET_ARN, `${BUCKET_ARN}/\${a`] }, "2008-10-17"))).not.toThrow();
  });

  it("repeated Sids in a bucket's policy", () => {
    expect(() =>
      parse(JSON.stringify({ Statement: [statement({ Sid: "a" }), statement({ Sid: "a" })] })),
    ).not.toThrow();
  });
});

describe("parsePolicy for users", () => {
  it.each<[object, string]>([
    [{ Principal: "*" }, "Policy document should not specify a principal."],
    [{ NotPrincipal: "*" }, "Policy document should not specify a principal."],
    [
      { Sid: "not alphanumeric" },
      "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
    ],
    [{ Action: "GetObject" }, "Policy has invalid action"],
    [{ Action: "s3:Get Object" }, "Policy has invalid action"],
    [{ Resource: BUCKET }, `Resource ${BUCKET} must be in ARN format or "*".`],
    [{ Resource: "arn:aws:s3" }, 'Resource arn:aws:s3 must be in ARN format or "*".'],
    [{ Resource: "arn:aws:s3:::" }, 'Resource arn:aws:s3::: must be in ARN format or "*".'],
    [
      { Resource: "arn:aws:s3::${aws:username}:x" },
      'Resource arn:aws:s3::${aws:username}:x must be in ARN format or "*".',
    ],
    [{ Condition: { StringEquals: { prefix: "x" } } }, "Policy has an invalid condition key"],
  ])("refuses %j: %s", (fields, message) => {
    expect(messageFor(userStatement(fields), "user")).toBe(message);
  });

  it("refuses repeated Sids", () => {
    const one = statement({ Principal: undefined, Resource: "*", Sid: "a" });
    const message = "Statement IDs (SID) in a single policy must be unique.";
    expect(messageFor(JSON.stringify({ Statement: [one, one] }), "user")).toBe(message);
  });

  it.each<[string, object]>([
    ["actions of other services", { Action: ["iam:CreateUser", "sts:*", "ec2:Describe*"] }],
    ["actions nobody knows", { Action: "s3:Nothing" }],
    ["every resource", { Resource: "*" }],
    ["other buckets", { Resource: ["arn:aws:s3:::other/*", "arn:aws:iam::111122223333:user/${aws:username}"] }],
    ["keys of other services", { Condition: { StringEquals: { "iam:PolicyARN": "x", "s3:unheard": "y" } } }],
    ["object actions on buckets", { Action: "s3:GetObject", Resource: BUCKET_ARN }],
  ])("accepts %s", (_name, fields) => {
    expect(() => parse(userStatement(fields), "user")).not.toThrow();
  });
});

describe("KNOWN_ACTIONS", () => {
  it.each(S3_ACTIONS)("knows %s", (action) => {
    expect(KNOWN_ACTIONS.has(action.toLowerCase())).toBe(true);
  });
});
