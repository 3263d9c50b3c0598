/**
 * The request context: the condition keys of one request for one action, and their values ("AWS global condition context keys";
 * Service Authorization Reference, "Actions, resources, and condition keys for Amazon S3"; "Policy keys" of Signature Version 4).
 */
import type { Caller } from "../../../src/model/caller.ts";
import type { Tag } from "../../../src/model/object.ts";
import type { Values } from "./text.ts";

/** What is known of a request, whatever it asks for. */
export interface Sent {
  readonly sourceIp: string | undefined;
  readonly isSecure: boolean;
  readonly tlsVersion?: string | undefined;
  readonly headers: Headers;
  readonly query: { get(name: string): string | undefined };
  readonly now: Date;
  readonly authType: "REST-HEADER" | "REST-QUERY-STRING" | "POST" | undefined;
  readonly signatureAgeMs?: number | undefined;
  readonly signatureVersion?: string | undefined;
  readonly copySource?: { readonly bucket: string; readonly key: string } | undefined;
  readonly locationConstraint?: string | undefined;
  readonly createsObject?: boolean | undefined;
}

/** What differs between the actions and objects of one request. */
export interface Concerned {
  readonly action: string;
  /** Owner of the bucket. */
  readonly resourceAccountId?: string | undefined;
  readonly versionId?: string | undefined;
  readonly existingTags?: readonly Tag[] | undefined;
  readonly requestTags?: readonly Tag[] | undefined;
}

type Entry = readonly [key: string, value: string | undefined];

export function contextOf(caller: Caller, sent: Sent, concerned: Concerned): Values {
  const values = new Map<string, readonly string[]>();
  for (const [key, value] of [...principalKeys(caller), ...connectionKeys(sent), ...s3Keys(sent, concerned)]) {
    if (value !== undefined) values.set(key.toLowerCase(), [value]);
  }
  const { requestTags = [], action, resourceAccountId } = concerned;
  if (resourceAccountId !== undefined) values.set("aws:resourceaccount", [resourceAccountId]);
  if (TAGGING.includes(action) && requestTags.length > 0) {
    values.set(
      "s3:requestobjecttagkeys",
      requestTags.map(({ key }) => key),
    );
  }
  return (key) => values.get(key.toLowerCase());
}

/** "Principal key values". */
function principalKeys(caller: Caller): Entry[] {
  if (caller.kind === "anonymous") {
    return [
      ["aws:PrincipalType", "Anonymous"],
      ["aws:userid", "anonymous"],
    ];
  }
  const { account, user, session } = caller;
  const common: Entry[] = [
    ["aws:PrincipalAccount", account.id],
    ["aws:TokenIssueTime", session?.issuedAt.toISOString()],
    // "Only when the principal uses temporary credentials"; no one has a second factor here.
    ["aws:MultiFactorAuthPresent", session && "false"],
  ];
  if (session?.name !== undefined) {
    return [
      ...common,
      ["aws:PrincipalType", "FederatedUser"],
      ["aws:PrincipalArn", `arn:aws:sts::${account.id}:federated-user/${session.name}`],
      ["aws:userid", `${account.id}:${session.name}`],
    ];
  }
  if (user === undefined) {
    return [
      ...common,
      ["aws:PrincipalType", "Account"],
      ["aws:PrincipalArn", `arn:aws:iam::${account.id}:root`],
      ["aws:userid", account.id],
    ];
  }
  return [
    ...common,
    ["aws:PrincipalType", "User"],
    ["aws:PrincipalArn", user.arn],
    ["aws:userid", user.id],
    ["aws:username", user.name],
  ];
}

function connectionKeys({ sourceIp, isSecure, headers, now }: Sent): Entry[] {
  return [
    ["aws:SourceIp", sourceIp],
    ["aws:SecureTransport", String(isSecure)],
    ["aws:CurrentTime", now.toISOString()],
    ["aws:EpochTime", String(Math.floor(now.getTime() / 1000))],
    ["aws:Referer", headers.get("referer") ?? undefined],
    ["aws:UserAgent", headers.get("user-agent") ?? undefined],
    ["aws:ViaAWSService", "false"],
    ["aws:PrincipalIsAWSService", "false"],
  ];
}

const LISTS = ["s3:ListBucket", "s3:ListBucketVersions"];
const ACLS = ["s3:CreateBucket", "s3:PutBucketAcl", "s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl"];
const TAGGING = ["s3:PutObject", "s3:PutObjectTagging", "s3:PutObjectVersionTagging"];
const TAGGED = [
  "s3:DeleteObjectTagging",
  "s3:DeleteObjectVersionTagging",
  "s3:GetObject",
  "s3:GetObjectAcl",
  "s3:GetObjectAttributes",
  "s3:GetObjectTagging",
  "s3:GetObjectVersion",
  "s3:GetObjectVersionAcl",
  "s3:GetObjectVersionAttributes",
  "s3:GetObjectVersionTagging",
  "s3:PutObjectAcl",
  "s3:PutObjectTagging",
  "s3:PutObjectVersionAcl",
  "s3:PutObjectVersionTagging",
  "s3:UpdateObjectEncryption",
];

/** Keys whose value is a header, with the actions for which AWS lists them. */
const OF_HEADERS: Readonly<Record<string, readonly string[]>> = {
  "x-amz-acl": ACLS,
  "x-amz-grant-full-control": ACLS,
  "x-amz-grant-read": ACLS,
  "x-amz-grant-read-acp": ACLS,
  "x-amz-grant-write": ACLS,
  "x-amz-grant-write-acp": ACLS,
  "x-amz-metadata-directive": ["s3:PutObject"],
  "x-amz-server-side-encryption": ["s3:PutObject"],
  "x-amz-server-side-encryption-aws-kms-key-id": ["s3:PutObject"],
  "x-amz-server-side-encryption-customer-algorithm": ["s3:PutObject"],
  "x-amz-storage-class": ["s3:PutObject", "s3:PutObjectAcl", "s3:PutObjectVersionAcl"],
  "x-amz-website-redirect-location": ["s3:PutObject"],
  "x-amz-object-ownership": ["s3:CreateBucket"],
  "if-match": ["s3:PutObject", "s3:DeleteObject"],
  "if-none-match": ["s3:PutObject"],
};

function s3Keys(sent: Sent, concerned: Concerned): Entry[] {
  const { action, versionId, resourceAccountId, existingTags = [], requestTags = [] } = concerned;
  const { headers, query, copySource } = sent;
  if (!action.startsWith("s3:")) return [];
  const only = (actions: readonly string[], entries: readonly Entry[]) => (actions.includes(action) ? entries : []);
  return [
    ["s3:ResourceAccount", resourceAccountId],
    ...signatureKeys(sent),
    ...only(LISTS, [
      ["s3:prefix", query.get("prefix")],
      ["s3:delimiter", query.get("delimiter")],
      // "The s3:max-keys key is always present in the request when you perform the ListBucket operation."
      ["s3:max-keys", query.get("max-keys") ?? "1000"],
    ]),
    ...Object.entries(OF_HEADERS).flatMap(([name, actions]) =>
      only(actions, [[`s3:${name}`, headers.get(name) ?? undefined]]),
    ),
    ...only(
      ["s3:PutObject"],
      [
        ["s3:x-amz-copy-source", copySource && `/${copySource.bucket}/${copySource.key}`],
        ["s3:ObjectCreationOperation", sent.createsObject === undefined ? undefined : String(sent.createsObject)],
      ],
    ),
    ...only(["s3:CreateBucket"], [["s3:LocationConstraint", sent.locationConstraint]]),
    ...(/^s3:(?:Get|Put|Delete)ObjectVersion/.test(action) ? [["s3:VersionId", versionId] as const] : []),
    ...only(
      TAGGED,
      existingTags.map(({ key, value }) => [`s3:ExistingObjectTag/${key}`, value]),
    ),
    ...only(
      TAGGING,
      requestTags.map(({ key, value }) => [`s3:RequestObjectTag/${key}`, value]),
    ),
  ];
}

function signatureKeys({ authType, signatureAgeMs, signatureVersion, tlsVersion, headers }: Sent): Entry[] {
  // The payload of presigned URLs and forms is not signed.
  const payload = authType === "REST-QUERY-STRING" || authType === "POST" ? "UNSIGNED-PAYLOAD" : undefined;
  return [
    ["s3:authType", authType],
    ["s3:signatureAge", signatureAgeMs === undefined ? undefined : String(signatureAgeMs)],
    ["s3:signatureversion", signatureVersion],
    ["s3:TlsVersion", tlsVersion],
    ["s3:x-amz-content-sha256", headers.get("x-amz-content-sha256") ?? payload],
  ];
}
