// biome-ignore-all lint/suspicious/noTemplateCurlyInString: policy variables are written like that
/**
 * Published policies: "Examples of Amazon S3 bucket policies", "Bucket policy examples using condition keys", "Bucket
 * Policy Examples Using Signature Version 4 Related Condition Keys", IAM's examples for S3, and section 9 of the
 * reference system's specification.
 */
import { describe, expect, it } from "vitest";
import {
  ACCOUNT,
  ANONYMOUS,
  type Asked,
  BUCKET_ARN,
  bucketPolicy,
  effect,
  STRANGER,
  user,
  userPolicy,
} from "./support.ts";

type Fields = Readonly<Record<string, unknown>>;
type Case = readonly [Asked, "allow" | "deny" | "none"];

const OBJECTS = `${BUCKET_ARN}/*`;
const put = (keys: Asked["keys"] = {}, key = "k"): Asked => ({ action: "s3:PutObject", key, keys });
const get = (keys: Asked["keys"] = {}, key = "k"): Asked => ({ action: "s3:GetObject", key, keys });
const list = (keys: Asked["keys"] = {}): Asked => ({ action: "s3:ListBucket", keys });

const BUCKET_EXAMPLES: readonly (readonly [string, readonly Fields[], readonly Case[]])[] = [
  [
    "public read",
    [{ Sid: "PublicRead", Effect: "Allow", Principal: "*", Action: ["s3:GetObject"], Resource: [OBJECTS] }],
    [
      [get(), "allow"],
      [put(), "none"],
      [list(), "none"],
    ],
  ],
  [
    "grants to several accounts with an added condition",
    [
      {
        Sid: "AddPublicReadCannedAcl",
        Effect: "Allow",
        Principal: { AWS: ["arn:aws:iam::111122223333:root", "arn:aws:iam::444455556666:root"] },
        Action: ["s3:PutObject", "s3:PutObjectAcl"],
        Resource: [OBJECTS],
        Condition: { StringEquals: { "s3:x-amz-acl": ["public-read"] } },
      },
    ],
    [
      [{ ...put({ "s3:x-amz-acl": "public-read" }), principal: ACCOUNT }, "allow"],
      [{ ...put({ "s3:x-amz-acl": "private" }), principal: ACCOUNT }, "none"],
      [{ ...put(), principal: ACCOUNT }, "none"],
      [{ ...put({ "s3:x-amz-acl": "public-read" }), principal: STRANGER }, "none"],
    ],
  ],
  [
    "full control for the bucket's owner",
    [
      {
        Effect: "Allow",
        Principal: { AWS: "111122223333" },
        Action: "s3:PutObject",
        Resource: OBJECTS,
        Condition: { StringEquals: { "s3:x-amz-acl": "bucket-owner-full-control" } },
      },
    ],
    [
      [{ ...put({ "s3:x-amz-acl": "bucket-owner-full-control" }), principal: ACCOUNT }, "allow"],
      [{ ...put({ "s3:x-amz-acl": "private" }), principal: ACCOUNT }, "none"],
    ],
  ],
  [
    "a range of addresses without one of them",
    [
      {
        Sid: "IPAllow",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: [BUCKET_ARN, OBJECTS],
        Condition: { NotIpAddress: { "aws:SourceIp": ["192.0.2.0/24", "2001:DB8:1234:5678::/64"] } },
      },
      {
        Effect: "Allow",
        Principal: "*",
        Action: "s3:*",
        Resource: [BUCKET_ARN, OBJECTS],
        Condition: {
          IpAddress: { "aws:SourceIp": ["192.0.2.0/24", "2001:DB8:1234:5678::/64"] },
          NotIpAddress: { "aws:SourceIp": ["192.0.2.188/32", "2001:DB8:1234:5678:ABCD::/80"] },
        },
      },
    ],
    [
      [get({ "aws:SourceIp": "192.0.2.1" }), "allow"],
      [get({ "aws:SourceIp": "192.0.2.188" }), "none"],
      [get({ "aws:SourceIp": "2001:db8:1234:5678::1" }), "allow"],
      [get({ "aws:SourceIp": "2001:db8:1234:5678:abcd::1" }), "none"],
      [get({ "aws:SourceIp": "198.51.100.1" }), "deny"],
      [get(), "deny"],
    ],
  ],
  [
    "only from certain pages",
    [
      {
        Effect: "Allow",
        Principal: "*",
        Action: ["s3:GetObject", "s3:GetObjectVersion"],
        Resource: OBJECTS,
        Condition: { StringLike: { "aws:Referer": ["http://www.example.com/*", "http://example.com/*"] } },
      },
    ],
    [
      [get({ "aws:Referer": "http://www.example.com/page" }), "allow"],
      [get({ "aws:Referer": "https://www.example.com/page" }), "none"],
      [get(), "none"],
    ],
  ],
  [
    "only over HTTPS",
    [
      {
        Sid: "RestrictToTLSRequestsOnly",
        Action: "s3:*",
        Effect: "Deny",
        Resource: [BUCKET_ARN, OBJECTS],
        Condition: { Bool: { "aws:SecureTransport": "false" } },
        Principal: "*",
      },
    ],
    [
      [get({ "aws:SecureTransport": "false" }), "deny"],
      [get({ "aws:SecureTransport": "true" }), "none"],
    ],
  ],
  [
    "TLS 1.2 at least",
    [
      {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: [BUCKET_ARN, OBJECTS],
        Condition: { NumericLessThan: { "s3:TlsVersion": 1.2 } },
      },
    ],
    [
      [get({ "s3:TlsVersion": "1.1" }), "deny"],
      [get({ "s3:TlsVersion": "1.3" }), "none"],
    ],
  ],
  [
    "objects with a tag",
    [
      {
        Principal: { AWS: "111122223333" },
        Effect: "Allow",
        Action: ["s3:GetObject", "s3:GetObjectVersion"],
        Resource: OBJECTS,
        Condition: { StringEquals: { "s3:ExistingObjectTag/environment": "production" } },
      },
    ],
    [
      [{ ...get({ "s3:ExistingObjectTag/environment": "production" }), principal: ACCOUNT }, "allow"],
      [{ ...get({ "s3:ExistingObjectTag/environment": "test" }), principal: ACCOUNT }, "none"],
      [{ ...get(), principal: ACCOUNT }, "none"],
    ],
  ],
  [
    "tags of certain keys",
    [
      {
        Principal: { AWS: "111122223333" },
        Effect: "Allow",
        Action: ["s3:PutObjectTagging"],
        Resource: [OBJECTS],
        Condition: { "ForAnyValue:StringEquals": { "s3:RequestObjectTagKeys": ["Owner", "CreationDate"] } },
      },
    ],
    [
      [
        {
          action: "s3:PutObjectTagging",
          key: "k",
          keys: { "s3:RequestObjectTagKeys": ["Owner", "x"] },
          principal: ACCOUNT,
        },
        "allow",
      ],
      [
        { action: "s3:PutObjectTagging", key: "k", keys: { "s3:RequestObjectTagKeys": ["x"] }, principal: ACCOUNT },
        "none",
      ],
    ],
  ],
  [
    "objects must be encrypted",
    [
      {
        Sid: "DenyObjectsThatAreNotSSEKMS",
        Principal: "*",
        Effect: "Deny",
        Action: "s3:PutObject",
        Resource: OBJECTS,
        Condition: { Null: { "s3:x-amz-server-side-encryption": "true" } },
      },
    ],
    [
      [put(), "deny"],
      [put({ "s3:x-amz-server-side-encryption": "AES256" }), "none"],
    ],
  ],
  [
    "copies from one folder of one bucket",
    [
      {
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::111122223333:user/Dave" },
        Action: "s3:PutObject",
        Resource: OBJECTS,
      },
      {
        Effect: "Deny",
        Principal: { AWS: "arn:aws:iam::111122223333:user/Dave" },
        Action: "s3:PutObject",
        Resource: OBJECTS,
        Condition: { StringNotLike: { "s3:x-amz-copy-source": "source/public/*" } },
      },
    ],
    [
      [
        { ...put({ "s3:x-amz-copy-source": ["source/public/x", "/source/public/x"] }), principal: user("Dave") },
        "allow",
      ],
      [{ ...put({ "s3:x-amz-copy-source": ["source/x", "/source/x"] }), principal: user("Dave") }, "deny"],
      [{ ...put(), principal: user("Dave") }, "deny"],
    ],
  ],
  [
    "one prefix of the listing",
    [
      {
        Effect: "Allow",
        Principal: { AWS: "arn:aws:iam::111122223333:user/alice" },
        Action: "s3:ListBucket",
        Resource: BUCKET_ARN,
        Condition: { StringEquals: { "s3:prefix": "projects" } },
      },
      {
        Effect: "Deny",
        Principal: { AWS: "arn:aws:iam::111122223333:user/alice" },
        Action: "s3:ListBucket",
        Resource: BUCKET_ARN,
        Condition: { StringNotEquals: { "s3:prefix": "projects" } },
      },
    ],
    [
      [{ ...list({ "s3:prefix": "projects" }), principal: user("alice") }, "allow"],
      [{ ...list({ "s3:prefix": "x" }), principal: user("alice") }, "deny"],
      [{ ...list(), principal: user("alice") }, "deny"],
      [{ ...list({ "s3:prefix": "projects" }), principal: user("bob") }, "none"],
    ],
  ],
  [
    "at most ten keys a page",
    [
      {
        Effect: "Allow",
        Principal: { AWS: "111122223333" },
        Action: "s3:ListBucket",
        Resource: BUCKET_ARN,
        Condition: { NumericLessThanEquals: { "s3:max-keys": "10" } },
      },
    ],
    [
      [{ ...list({ "s3:max-keys": "10" }), principal: ACCOUNT }, "allow"],
      [{ ...list({ "s3:max-keys": "11" }), principal: ACCOUNT }, "none"],
    ],
  ],
  [
    "signatures of at most ten minutes",
    [
      {
        Sid: "Deny a presigned URL request if the signature is more than 10 min old",
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: OBJECTS,
        Condition: { NumericGreaterThan: { "s3:signatureAge": 600000 } },
      },
    ],
    [
      [get({ "s3:signatureAge": "600001" }), "deny"],
      [get({ "s3:signatureAge": "600000" }), "none"],
      [get(), "none"],
    ],
  ],
  [
    "only the Authorization header",
    [
      {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:*",
        Resource: OBJECTS,
        Condition: { StringNotEquals: { "s3:authType": "REST-HEADER" } },
      },
    ],
    [
      [get({ "s3:authType": "REST-HEADER" }), "none"],
      [get({ "s3:authType": "REST-QUERY-STRING" }), "deny"],
      [get({ "s3:authType": "POST" }), "deny"],
      [get(), "deny"],
    ],
  ],
  [
    "no unsigned content",
    [
      {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:PutObject",
        Resource: OBJECTS,
        Condition: { StringEquals: { "s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD" } },
      },
    ],
    [
      [put({ "s3:x-amz-content-sha256": "UNSIGNED-PAYLOAD" }), "deny"],
      [put({ "s3:x-amz-content-sha256": "ab" }), "none"],
    ],
  ],
  [
    "conditional writes only",
    [
      {
        Effect: "Deny",
        Principal: "*",
        Action: "s3:PutObject",
        Resource: OBJECTS,
        Condition: { Null: { "s3:if-none-match": "true" }, Bool: { "s3:ObjectCreationOperation": "true" } },
      },
    ],
    [
      [put({ "s3:ObjectCreationOperation": "true" }), "deny"],
      [put({ "s3:ObjectCreationOperation": "true", "s3:if-none-match": "*" }), "none"],
      [put({ "s3:ObjectCreationOperation": "false" }), "none"],
    ],
  ],
  [
    "a date",
    [
      {
        Effect: "Allow",
        Principal: "*",
        Action: "s3:GetObject",
        Resource: OBJECTS,
        Condition: {
          DateGreaterThan: { "aws:CurrentTime": "2026-04-01T00:00:00Z" },
          DateLessThan: { "aws:EpochTime": "2026-06-30T23:59:59Z" },
        },
      },
    ],
    [
      [get({ "aws:CurrentTime": "2026-05-01T00:00:00Z", "aws:EpochTime": "1777593600" }), "allow"],
      [get({ "aws:CurrentTime": "2026-07-01T00:00:00Z", "aws:EpochTime": "1782864000" }), "none"],
    ],
  ],
  [
    "the reference system's minimal example",
    [
      {
        Sid: "read",
        Effect: "Allow",
        Principal: { AWS: "*" },
        Action: ["s3:GetObject"],
        Resource: [`${BUCKET_ARN}/pub/*`],
      },
      {
        Sid: "not-here",
        Effect: "Deny",
        Principal: { AWS: "*" },
        Action: ["s3:*"],
        Resource: [OBJECTS],
        Condition: { IpAddress: { "aws:SourceIp": ["198.51.100.0/24"] } },
      },
    ],
    [
      [get({ "aws:SourceIp": "203.0.113.7" }, "pub/x"), "allow"],
      [get({ "aws:SourceIp": "198.51.100.7" }, "pub/x"), "deny"],
      [get({ "aws:SourceIp": "203.0.113.7" }, "x"), "none"],
    ],
  ],
  [
    "the reference system's short resources, five actions and account ARN",
    [
      {
        Effect: "Allow",
        Principal: { AWS: ["arn:aws:iam::111122223333"] },
        Action: ["s3:PutObject", "s3:GetObject", "s3:DeleteObject", "s3:ListBucket", "s3:DeleteBucket"],
        Resource: ["demo-b", "demo-b/key*"],
      },
    ],
    [
      [{ ...put({}, "key1"), principal: ACCOUNT }, "allow"],
      [{ ...put({}, "other"), principal: ACCOUNT }, "none"],
      [{ ...list(), principal: user("alice") }, "allow"],
      [{ ...list(), principal: ANONYMOUS }, "none"],
    ],
  ],
];

describe("a bucket policy", () => {
  const rows = BUCKET_EXAMPLES.flatMap(([name, statements, cases]) =>
    cases.map(([asked, expected]) => [name, asked, expected, statements] as const),
  );
  it.each(rows)("%s: %j gives %s", (_name, asked, expected, statements) => {
    expect(effect(bucketPolicy(...statements), asked)).toBe(expected);
  });
});

/** "Amazon S3: Allows IAM users access to their S3 home directory". */
describe("a user's policy", () => {
  const home = userPolicy(
    { Effect: "Allow", Action: ["s3:ListAllMyBuckets", "s3:GetBucketLocation"], Resource: "arn:aws:s3:::*" },
    {
      Effect: "Allow",
      Action: "s3:ListBucket",
      Resource: BUCKET_ARN,
      Condition: { StringLike: { "s3:prefix": ["", "home/", "home/${aws:username}/"] } },
    },
    {
      Effect: "Allow",
      Action: "s3:*",
      Resource: [`${BUCKET_ARN}/home/\${aws:username}`, `${BUCKET_ARN}/home/\${aws:username}/*`],
    },
  );
  const ask = (asked: Asked) =>
    effect(home, { ...asked, principal: user("alice"), keys: { "aws:username": "alice", ...asked.keys } });

  it.each<[Asked, string]>([
    [{ action: "s3:ListAllMyBuckets", resource: "arn:aws:s3:::*" }, "allow"],
    [{ action: "s3:GetBucketLocation", resource: "arn:aws:s3:::any" }, "allow"],
    [list({ "s3:prefix": "" }), "allow"],
    [list({ "s3:prefix": "home/alice/" }), "allow"],
    [list({ "s3:prefix": "home/bob/" }), "none"],
    [list(), "none"],
    [get({}, "home/alice/x"), "allow"],
    [put({}, "home/alice/x"), "allow"],
    [get({}, "home/bob/x"), "none"],
    [get({}, "home/alice2/x"), "none"],
    [{ action: "s3:DeleteBucket" }, "none"],
    [{ action: "iam:CreateUser", resource: "arn:aws:iam::111122223333:user/alice" }, "none"],
  ])("its home directory: %j gives %s", (asked, expected) => {
    expect(ask(asked)).toBe(expected);
  });

  it("allows managing only the user's own keys", () => {
    const policy = userPolicy({
      Effect: "Allow",
      Action: ["iam:*AccessKey*"],
      Resource: ["arn:aws:iam::111122223333:user/${aws:username}"],
    });
    const asked = { action: "iam:CreateAccessKey", keys: { "aws:username": "alice" } };
    expect(effect(policy, { ...asked, resource: "arn:aws:iam::111122223333:user/alice" })).toBe("allow");
    expect(effect(policy, { ...asked, resource: "arn:aws:iam::111122223333:user/bob" })).toBe("none");
  });

  it("can be limited to one prefix of one bucket", () => {
    const policy = userPolicy(
      { Effect: "Allow", Action: ["s3:GetObject", "s3:PutObject"], Resource: `${BUCKET_ARN}/team/a/*` },
      {
        Effect: "Allow",
        Action: "s3:ListBucket",
        Resource: BUCKET_ARN,
        Condition: { StringLike: { "s3:prefix": "team/a/*" } },
      },
    );
    expect(effect(policy, get({}, "team/a/x"))).toBe("allow");
    expect(effect(policy, get({}, "team/ab/x"))).toBe("none");
    expect(effect(policy, { ...get(), resource: "arn:aws:s3:::demo-b2/team/a/x" })).toBe("none");
    expect(effect(policy, list({ "s3:prefix": "team/a/" }))).toBe("allow");
    expect(effect(policy, list({ "s3:prefix": "team/" }))).toBe("none");
  });
});
