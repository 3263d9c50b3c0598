/** The condition keys of a request ("AWS global condition context keys", "Amazon S3 condition keys"). */
import { S3Error } from "../../errors.ts";
import type { Tag } from "../../model/object.ts";
import { Effort } from "./effort.ts";
import { ConditionKeys, PolicyMemory, type UnknownKeys } from "./policy-request.ts";
import type { PolicyPrincipal, RequestPrincipal } from "./principal.ts";

export interface RequestFacts {
  readonly principal: RequestPrincipal;
  /** The address of the connection as the platform gives it, never a header of the client's. */
  readonly sourceIp: string | undefined;
  readonly isSecure: boolean;
  /** `1.2`, `1.3`; undefined without TLS. */
  readonly tlsVersion?: string | undefined;
  /** Only what the signature covers; for POST forms the form's fields. */
  readonly headers: Headers;
  readonly query: { get(name: string): string | undefined };
  readonly now: Date;
  /** Undefined: not signed. */
  readonly authType: "REST-HEADER" | "REST-QUERY-STRING" | "POST" | undefined;
  readonly signatureAgeMs?: number | undefined;
  /** `AWS4-HMAC-SHA256`, or `AWS` for Signature Version 2. */
  readonly signatureVersion?: string | undefined;
  /** Decoded, so that no escape slips past a condition. */
  readonly copySource?: { readonly bucket: string; readonly key: string } | undefined;
  /** Owner of the bucket. */
  readonly resourceAccountId?: string | undefined;
  /** LocationConstraint asked for by CreateBucket. */
  readonly locationConstraint?: string | undefined;
  /** Whether the request puts a whole object in place: false for parts and for starting an upload. */
  readonly createsObject?: boolean | undefined;
  /** Tags of the object as it stands, none if there is no object. Undefined: nobody has looked. */
  readonly existingTags?: readonly Tag[] | undefined;
  /**
   * Tags the request wants to set, none if it sets none. `later`: they come with what is read after the decision, which is
   * then made again. Undefined: nobody has looked.
   */
  readonly requestTags?: readonly Tag[] | "later" | undefined;
}

/** Of a request, what may differ between the objects it is about. */
export interface PerObjectFacts extends Pick<RequestFacts, "existingTags" | "requestTags" | "query"> {
  /** The one key whose existence would be told, whatever prefix the request itself names. */
  readonly listedKey?: string | undefined;
}

type Entry = readonly [key: string, values: readonly string[]];

const EXISTING_TAG = "s3:ExistingObjectTag/";
const REQUEST_TAG = "s3:RequestObjectTag";

/** Keys whose value is the header of the same name. */
const HEADER_KEYS = [
  "x-amz-acl",
  "x-amz-grant-full-control",
  "x-amz-grant-read",
  "x-amz-grant-read-acp",
  "x-amz-grant-write",
  "x-amz-grant-write-acp",
  "x-amz-metadata-directive",
  "x-amz-object-ownership",
  "x-amz-server-side-encryption",
  "x-amz-server-side-encryption-aws-kms-key-id",
  "x-amz-server-side-encryption-customer-algorithm",
  "x-amz-storage-class",
  "x-amz-website-redirect-location",
  "if-match",
  "if-none-match",
];

/** Keys whose header is called otherwise. */
const RENAMED_HEADER_KEYS = [
  ["s3:object-lock-legal-hold", "x-amz-object-lock-legal-hold"],
  ["s3:object-lock-mode", "x-amz-object-lock-mode"],
  ["s3:object-lock-retain-until-date", "x-amz-object-lock-retain-until-date"],
] as const;

/** S3 takes no more than this of headers and query together; here it bounds what patterns are matched with. */
const MAX_VALUE_LENGTH = 8192;

/**
 * Everything a condition may ask about. Which keys an action has is for the evaluation to say.
 * @throws S3Error `RequestHeaderSectionTooLarge` for a value of more than 8,192 characters.
 */
export function requestKeys(facts: RequestFacts, effort = new Effort()): ConditionKeys {
  const entries = [
    ...connectionKeys(facts),
    ...principalKeys(facts.principal),
    ...signatureKeys(facts),
    ...headerKeys(facts),
    // "The s3:max-keys key is always present": what is not asked for is 1,000.
    ["s3:max-keys", [facts.query.get("max-keys") || "1000"]] satisfies Entry,
    ...optional("s3:LocationConstraint", facts.locationConstraint),
    ...optional("s3:ResourceAccount", facts.resourceAccountId),
    ...optional("aws:ResourceAccount", facts.resourceAccountId),
    ...optional("s3:ObjectCreationOperation", facts.createsObject),
  ];
  requireBearable(entries);
  return new ConditionKeys(entries, [], { memory: new PolicyMemory(effort) }).ofObject(...objectKeys(facts));
}

/** The same request, asked about one of its objects. @throws S3Error as above */
export function keysOfObject(keys: ConditionKeys, facts: PerObjectFacts): ConditionKeys {
  return keys.ofObject(...objectKeys(facts));
}

function objectKeys({ existingTags, requestTags, query, listedKey }: PerObjectFacts): [Entry[], UnknownKeys[]] {
  const listing =
    listedKey === undefined
      ? [...optional("s3:prefix", query.get("prefix")), ...optional("s3:delimiter", query.get("delimiter"))]
      : optional("s3:prefix", listedKey);
  const entries = [...listing, ...tagKeys(existingTags ?? [], requestTags === "later" ? [] : (requestTags ?? []))];
  requireBearable(entries);
  const unknown: UnknownKeys[] = [];
  if (existingTags === undefined) unknown.push({ prefix: EXISTING_TAG.toLowerCase(), decided: "against" });
  if (requestTags === undefined) unknown.push({ prefix: REQUEST_TAG.toLowerCase(), decided: "against" });
  if (requestTags === "later") unknown.push({ prefix: REQUEST_TAG.toLowerCase(), decided: "for" });
  return [entries, unknown];
}

function requireBearable(entries: readonly Entry[]): void {
  if (entries.some(([, values]) => values.some((value) => value.length > MAX_VALUE_LENGTH))) {
    throw new S3Error("RequestHeaderSectionTooLarge");
  }
}

function connectionKeys({ sourceIp, isSecure, tlsVersion, headers, now }: RequestFacts): Entry[] {
  return [
    ["aws:SecureTransport", [String(isSecure)]],
    ["aws:CurrentTime", [now.toISOString()]],
    ["aws:EpochTime", [String(Math.floor(now.getTime() / 1000))]],
    // No service of AWS sends requests, for itself or for others.
    ["aws:PrincipalIsAWSService", ["false"]],
    ["aws:ViaAWSService", ["false"]],
    ...optional("aws:SourceIp", sourceIp),
    ...optional("aws:Referer", headers.get("referer")),
    ...optional("aws:UserAgent", headers.get("user-agent")),
    ...optional("s3:TlsVersion", tlsVersion),
  ];
}

/** "Principal key values" of "Policy elements: Variables and tags". */
function principalKeys(principal: RequestPrincipal): Entry[] {
  if (principal.kind === "anonymous") {
    return [
      ["aws:PrincipalType", ["Anonymous"]],
      ["aws:userid", ["anonymous"]],
    ];
  }
  const { accountId, user, federatedUserName: federated } = principal;
  const account: Entry = ["aws:PrincipalAccount", [accountId]];
  if (federated !== undefined) {
    return [
      account,
      ["aws:PrincipalType", ["FederatedUser"]],
      ["aws:PrincipalArn", [`arn:aws:sts::${accountId}:federated-user/${federated}`]],
      ["aws:userid", [`${accountId}:${federated}`]],
    ];
  }
  return user === undefined
    ? [
        account,
        ["aws:PrincipalType", ["Account"]],
        ["aws:PrincipalArn", [`arn:aws:iam::${accountId}:root`]],
        ["aws:userid", [accountId]],
      ]
    : [
        account,
        ["aws:PrincipalType", ["User"]],
        ["aws:PrincipalArn", [user.arn]],
        ["aws:userid", [user.id]],
        ["aws:username", [user.name]],
      ];
}

/** "Amazon S3 Signature Version 4 Authentication Specific Policy Keys". */
function signatureKeys({ authType, signatureAgeMs, signatureVersion, headers }: RequestFacts): Entry[] {
  // Presigned URLs and forms sign no content, unless they say so.
  const isUnsigned = authType === "REST-QUERY-STRING" || authType === "POST";
  return [
    ...optional("s3:authType", authType),
    ...optional("s3:signatureAge", signatureAgeMs),
    ...optional("s3:signatureversion", signatureVersion),
    ...optional(
      "s3:x-amz-content-sha256",
      headers.get("x-amz-content-sha256") ?? (isUnsigned ? "UNSIGNED-PAYLOAD" : undefined),
    ),
  ];
}

function headerKeys({ headers, copySource }: RequestFacts): Entry[] {
  const source = copySource && `${copySource.bucket}/${copySource.key}`;
  return [
    ...HEADER_KEYS.flatMap((name) => optional(`s3:${name}`, headers.get(name))),
    ...RENAMED_HEADER_KEYS.flatMap(([key, header]) => optional(key, headers.get(header))),
    // AWS's examples write it with a leading slash and without.
    ...(source === undefined ? [] : [["s3:x-amz-copy-source", [source, `/${source}`]] satisfies Entry]),
  ];
}

function tagKeys(existingTags: readonly Tag[], requestTags: readonly Tag[]): Entry[] {
  return [
    ...existingTags.map(({ key, value }): Entry => [`${EXISTING_TAG}${key}`, [value]]),
    ...requestTags.map(({ key, value }): Entry => [`${REQUEST_TAG}/${key}`, [value]]),
    [`${REQUEST_TAG}Keys`, requestTags.map(({ key }) => key)],
  ];
}

function optional(key: string, value: string | number | boolean | null | undefined): Entry[] {
  return value === undefined || value === null ? [] : [[key, [String(value)]]];
}

/** For which bucket S3 acts: without these a topic that lets S3 publish would be open to everybody's buckets. */
export interface SourceBucket {
  readonly name: string;
  readonly accountId: string;
}

export const S3_SERVICE = { kind: "service", name: "s3.amazonaws.com" } as const satisfies PolicyPrincipal;

/**
 * The condition keys of what S3 does for a bucket: tell a topic of its events ("AWS global condition context keys",
 * "Properties of the resource"). What hangs on a caller or a connection is absent, as for services of AWS.
 * aws:SourceOwner is not among them: the default policy of topics asks for it, and lets no bucket in on AWS.
 * @param resourceAccountId owner of the topic
 */
export function serviceKeys(source: SourceBucket, resourceAccountId: string, now: Date): ConditionKeys {
  return new ConditionKeys([
    ["aws:SourceArn", [`arn:aws:s3:::${source.name}`]],
    ["aws:SourceAccount", [source.accountId]],
    ["aws:ResourceAccount", [resourceAccountId]],
    ["aws:PrincipalIsAWSService", ["true"]],
    ["aws:PrincipalServiceName", [S3_SERVICE.name]],
    ["aws:ViaAWSService", ["false"]],
    // Nothing of it leaves the platform.
    ["aws:SecureTransport", ["true"]],
    ["aws:CurrentTime", [now.toISOString()]],
    ["aws:EpochTime", [String(Math.floor(now.getTime() / 1000))]],
  ]);
}
