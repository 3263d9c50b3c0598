/** Values that random policies and requests are made of. */
import type { CannedAcl } from "../../../src/model/acl.ts";

export const BUCKET_ACTIONS = [
  "s3:ListBucket",
  "s3:ListBucketVersions",
  "s3:ListBucketMultipartUploads",
  "s3:GetBucketAcl",
  "s3:PutBucketAcl",
  "s3:GetBucketPolicy",
  "s3:PutBucketPolicy",
  "s3:DeleteBucketPolicy",
  "s3:GetBucketLocation",
  "s3:DeleteBucket",
];

export const OBJECT_ACTIONS = [
  "s3:GetObject",
  "s3:GetObjectVersion",
  "s3:PutObject",
  "s3:DeleteObject",
  "s3:DeleteObjectVersion",
  "s3:GetObjectAcl",
  "s3:PutObjectAcl",
  "s3:PutObjectVersionAcl",
  "s3:GetObjectTagging",
  "s3:PutObjectTagging",
  "s3:GetObjectAttributes",
  "s3:AbortMultipartUpload",
  "s3:ListMultipartUploadParts",
  "s3:UpdateObjectEncryption",
];

export const CANNED: readonly CannedAcl[] = [
  "private",
  "public-read",
  "public-read-write",
  "authenticated-read",
  "bucket-owner-read",
  "bucket-owner-full-control",
  "log-delivery-write",
];

type Kind = "string" | "arn" | "number" | "date" | "bool" | "ip" | "tag keys";

/** Condition keys, the operators that they are compared with, and values near those of the requests. */
export const CONDITION_KEYS: Readonly<Record<string, { readonly kind: Kind; readonly values: readonly string[] }>> = {
  "aws:SourceIp": {
    kind: "ip",
    values: [
      "203.0.113.0/29",
      "203.0.113.8/30",
      "203.0.113.7",
      "203.0.113.8/32",
      "10.0.0.0/8",
      "8.0.0.0/7",
      "0.0.0.0/0",
    ].concat(["2001:db8::/64", "2001:DB8::/32", "2001:db8::/31", "2001:0db8:0:0::1", "::/0"]),
  },
  "aws:username": {
    kind: "string",
    values: ["alice", "ALICE", "al*", "?ob", "*", "${aws:username}", "${aws:username, 'bob'}"],
  },
  "AWS:UserName": { kind: "string", values: ["alice", "b*"] },
  "aws:userid": {
    kind: "string",
    values: [
      "AIDA111111111111ALICE",
      "AIDA*",
      "111111111111",
      "111111111111:fed",
      "111111111111:*",
      "*:fed",
      "anonymous",
    ],
  },
  "aws:PrincipalType": { kind: "string", values: ["User", "Account", "FederatedUser", "Anonymous", "user"] },
  "aws:PrincipalArn": {
    kind: "arn",
    values: ["arn:aws:iam::111111111111:user/alice", "arn:aws:iam::111111111111:user/*", "arn:aws:iam::*:root"].concat([
      "arn:aws:iam::??????111111:*",
      "arn:aws:sts::111111111111:federated-user/fed",
      "arn:aws:*::111111111111:*",
      // Five components are not an ARN.
      "arn:aws:iam:*:user/alice",
      "arn:aws:iam::${aws:PrincipalAccount}:user/${aws:username}",
    ]),
  },
  "aws:PrincipalAccount": { kind: "string", values: ["111111111111", "222222222222", "2*", "${aws:ResourceAccount}"] },
  "aws:ResourceAccount": { kind: "string", values: ["111111111111", "${aws:PrincipalAccount}", "9*"] },
  "s3:ResourceAccount": { kind: "string", values: ["111111111111", "222222222222"] },
  "aws:PrincipalOrgID": { kind: "string", values: ["o-1", "o-*"] },
  "aws:SourceVpce": { kind: "string", values: ["vpce-1", "vpce-*"] },
  "aws:SecureTransport": { kind: "bool", values: ["true", "false", "True"] },
  "aws:MultiFactorAuthPresent": { kind: "bool", values: ["true", "false"] },
  "aws:ViaAWSService": { kind: "bool", values: ["true", "false"] },
  "aws:CurrentTime": {
    kind: "date",
    values: [
      "2026-01-01T00:00:00Z",
      "2026-01-01",
      "2025-12-31T23:59:59.5Z",
      "2026-01-01T01:00:01+01:00",
      "1767225600",
      "2026-01",
    ].concat(["2025-12-31T23:59Z"]),
  },
  "aws:EpochTime": { kind: "date", values: ["1767225600", "1767225601", "1767225599", "2026-01-01T00:00:00Z"] },
  "aws:epochtime": { kind: "number", values: ["1767225600", "1767225601", "1767225599"] },
  "aws:TokenIssueTime": { kind: "date", values: ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z", "2025-12-31"] },
  "aws:UserAgent": { kind: "string", values: ["curl/*", "aws-cli/2"] },
  "aws:Referer": { kind: "string", values: ["https://www.a.example/*", "https://b.example/"] },
  "s3:prefix": {
    kind: "string",
    values: ["", "home/", "home/*", "home/${aws:username}/", "HOME/", "home/${aws:username}/*"],
  },
  "s3:delimiter": { kind: "string", values: ["/", ""] },
  "s3:max-keys": { kind: "number", values: ["10", "9", "11", "10.0", "999.5"] },
  "s3:x-amz-acl": { kind: "string", values: ["bucket-owner-full-control", "public-*", "private", "PRIVATE"] },
  "s3:x-amz-storage-class": { kind: "string", values: ["STANDARD", "GLACIER", "G?ACIER"] },
  "s3:x-amz-server-side-encryption": { kind: "string", values: ["AES256", "aws:kms", "aws:*"] },
  "s3:if-none-match": { kind: "string", values: ["*", "${*}"] },
  "s3:ObjectCreationOperation": { kind: "bool", values: ["true", "false"] },
  "s3:x-amz-content-sha256": { kind: "string", values: ["UNSIGNED-PAYLOAD", "0*"] },
  "s3:authType": { kind: "string", values: ["REST-HEADER", "REST-QUERY-STRING"] },
  "s3:signatureversion": { kind: "string", values: ["AWS4-HMAC-SHA256", "AWS"] },
  "s3:signatureAge": { kind: "number", values: ["600000", "600001", "0"] },
  "s3:TlsVersion": { kind: "number", values: ["1.2", "1.3", "1.20"] },
  "s3:VersionId": { kind: "string", values: ["v1", "v*", "null"] },
  "s3:ExistingObjectTag/color": {
    kind: "string",
    values: ["red", "RED", "r*", "${s3:ExistingObjectTag/color}", "${aws:username}"],
  },
  "s3:RequestObjectTag/color": { kind: "string", values: ["red", "blue", "?ed"] },
  "s3:RequestObjectTagKeys": { kind: "tag keys", values: ["color", "Color", "c*", "owner"] },
};

const negatable = (name: string) => [name, name.replace("String", "StringNot").replace("Arn", "ArnNot")];
const ordered = (type: string) =>
  ["Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals"].map(
    (name) => `${type}${name}`,
  );
const STRINGS = ["StringEquals", "StringEqualsIgnoreCase", "StringLike"].flatMap(negatable);
const ARNS = ["ArnEquals", "ArnLike"].flatMap(negatable);

export const OPERATORS_FOR: Readonly<Record<Kind, readonly string[]>> = {
  string: [...STRINGS, "BinaryEquals"],
  arn: [...ARNS, ...STRINGS],
  number: ordered("Numeric"),
  date: ordered("Date"),
  bool: ["Bool", "Bool", "StringEquals"],
  ip: ["IpAddress", "NotIpAddress"],
  "tag keys": STRINGS,
};
