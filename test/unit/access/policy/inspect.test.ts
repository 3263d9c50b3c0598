// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written like that
import { describe, expect, it } from "vitest";
import { isPublicPolicy, needsExistingTags } from "../../../../src/access/policy/inspect.ts";
import { ACCOUNT_ID, BUCKET_ARN, bucketPolicy, statement, userPolicy } from "./support.ts";

type Fields = Readonly<Record<string, unknown>>;

/** "Blocking public access to your Amazon S3 storage", "The meaning of public". */
describe("isPublicPolicy", () => {
  it.each<[Fields, boolean]>([
    [{}, true],
    [{ Principal: { AWS: "*" } }, true],
    [{ Principal: { AWS: [ACCOUNT_ID, "*"] } }, true],
    [{ Principal: { AWS: ACCOUNT_ID } }, false],
    [{ Principal: { AWS: `arn:aws:iam::${ACCOUNT_ID}:user/alice` } }, false],
    [{ Principal: { CanonicalUser: "0".repeat(64) } }, false],
    [{ Principal: { Service: "cloudtrail.amazonaws.com" } }, false],
    [{ Effect: "Deny" }, false],
    [{ Effect: "Deny", Principal: undefined, NotPrincipal: { AWS: ACCOUNT_ID } }, false],
    [{ Action: "s3:GetObject", Resource: `${BUCKET_ARN}/one` }, true],
  ])("%j: %s", (fields, expected) => {
    expect(isPublicPolicy(bucketPolicy(statement(fields)))).toBe(expected);
  });

  it.each<[Fields, boolean]>([
    [{ StringEquals: { "aws:SourceVpc": "vpc-91237329" } }, false],
    [{ StringLike: { "aws:SourceVpc": "vpc-91237329" } }, false],
    [{ StringLike: { "aws:SourceVpc": "vpc-*" } }, true],
    [{ StringEqualsIgnoreCase: { "AWS:SOURCEVPCE": "vpce-1" } }, false],
    [{ StringEquals: { "aws:SourceVpc": ["vpc-1", "vpc-2"] } }, false],
    [{ StringLike: { "aws:SourceVpc": ["vpc-1", "vpc-*"] } }, true],
    [{ StringEquals: { "aws:SourceVpc": [] } }, true],
    [{ StringEquals: { "aws:SourceVpc": "" } }, true],
    [{ StringEquals: { "aws:SourceAccount": ACCOUNT_ID } }, false],
    [{ StringEquals: { "aws:PrincipalOrgID": "o-1" } }, false],
    [{ StringEquals: { "aws:userid": "AIDA1" } }, false],
    [{ StringLike: { "aws:userid": "AROA1:*" } }, true],
    [{ StringEquals: { "aws:userid": "${aws:userid}" } }, true],
    [{ ArnEquals: { "aws:SourceArn": "arn:aws:s3:::source" } }, false],
    [{ ArnLike: { "aws:SourceArn": "arn:aws:s3:::*" } }, true],
    [{ ArnLike: { "aws:PrincipalArn": `arn:aws:iam::${ACCOUNT_ID}:user/a` } }, false],
    [{ ArnLike: { "aws:PrincipalArn": "arn:aws:iam::*:user/a" } }, true],
    [{ StringNotEquals: { "aws:SourceVpc": "vpc-1" } }, true],
    [{ StringEqualsIfExists: { "aws:SourceVpc": "vpc-1" } }, true],
    [{ "ForAllValues:StringEquals": { "aws:SourceVpc": "vpc-1" } }, true],
    [{ "ForAnyValue:StringEquals": { "aws:SourceVpc": "vpc-1" } }, false],
    [{ Null: { "aws:SourceVpc": "false" } }, true],
    [{ Bool: { "aws:SecureTransport": "true" } }, true],
    [{ StringLike: { "aws:Referer": "https://a.example/*" } }, true],
    [{ StringEquals: { "aws:UserAgent": "secret" } }, true],
    [{ StringEquals: { "aws:Referer": "x" }, IpAddress: { "aws:SourceIp": "203.0.113.0/24" } }, false],

    [{ IpAddress: { "aws:SourceIp": "10.0.0.0/32" } }, false],
    [{ IpAddress: { "aws:SourceIp": "203.0.113.7" } }, false],
    [{ IpAddress: { "aws:SourceIp": ["203.0.113.0/24", "2001:db8::/32"] } }, false],
    [{ IpAddress: { "aws:SourceIp": "10.0.0.0/8" } }, false],
    [{ IpAddress: { "aws:SourceIp": "192.168.0.0/16" } }, false],
    [{ IpAddress: { "aws:SourceIp": "10.*" } }, false],
    [{ IpAddress: { "aws:SourceIp": "0.0.0.0/0" } }, true],
    [{ IpAddress: { "aws:SourceIp": "0.0.0.0/1" } }, true],
    [{ IpAddress: { "aws:SourceIp": "12.0.0.0/7" } }, true],
    [{ IpAddress: { "aws:SourceIp": "::/0" } }, true],
    [{ IpAddress: { "aws:SourceIp": "2001::/31" } }, true],
    [{ IpAddress: { "aws:SourceIp": "::ffff:0:0/96" } }, true],
    [{ IpAddress: { "aws:SourceIp": ["203.0.113.0/24", "0.0.0.0/0"] } }, true],
    [{ IpAddressIfExists: { "aws:SourceIp": "203.0.113.0/24" } }, true],
    [{ NotIpAddress: { "aws:SourceIp": "203.0.113.0/24" } }, true],
    [{ IpAddress: { "aws:VpcSourceIp": "203.0.113.0/24" } }, true],
  ])("everyone with %j: %s", (Condition, expected) => {
    expect(isPublicPolicy(bucketPolicy(statement({ Condition })))).toBe(expected);
  });

  it("is decided by the widest statement", () => {
    const [fixed, open] = [statement({ Principal: { AWS: ACCOUNT_ID } }), statement()];
    expect(isPublicPolicy(bucketPolicy(fixed, open))).toBe(true);
    expect(isPublicPolicy(bucketPolicy(fixed, fixed))).toBe(false);
    // AWS does not consider a Deny either.
    expect(isPublicPolicy(bucketPolicy(open, statement({ Effect: "Deny" })))).toBe(true);
  });
});

describe("needsExistingTags", () => {
  it.each<[Fields, boolean]>([
    [{}, false],
    [{ Condition: { StringEquals: { "s3:ExistingObjectTag/a": "b" } } }, true],
    [{ Condition: { StringEquals: { "S3:EXISTINGOBJECTTAG/a": "b" } } }, true],
    [{ Condition: { StringEquals: { "aws:username": "${s3:ExistingObjectTag/owner}" } } }, true],
    [{ Resource: [BUCKET_ARN, `${BUCKET_ARN}/\${s3:ExistingObjectTag/owner}/*`] }, true],
    [{ Resource: undefined, NotResource: `${BUCKET_ARN}/\${s3:ExistingObjectTag/owner}` }, true],
    [{ Condition: { StringEquals: { "s3:RequestObjectTag/a": "b" } } }, false],
    [{ Condition: { "ForAllValues:StringEquals": { "s3:RequestObjectTagKeys": "b" } } }, false],
  ])("%j: %s", (fields, expected) => {
    const policy = bucketPolicy(statement(fields));
    expect(needsExistingTags(policy)).toBe(expected);
  });

  it("examines users' policies too", () => {
    const Condition = { StringEquals: { "s3:ExistingObjectTag/a": "b" } };
    expect(needsExistingTags(userPolicy(statement({ Principal: undefined, Condition })))).toBe(true);
  });
});
