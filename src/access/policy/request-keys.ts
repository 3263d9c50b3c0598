/** The condition keys of a request ("AWS global condition context keys", "Amazon S3 condition keys"). */
import { S3Error } from "../../errors.ts";
import type { Tag } from "../../model/object.ts";
import type { ObjectLock } from "../../model/object-lock.ts";
import { Effort } from "./effort.ts";
import { ConditionKeys, PolicyMemory, type UnknownKeys } from "./policy-request.ts";
import type { PolicyPrincipal, RequestPrincipal, ServicePrincipal } from "./principal.ts";

export interface RequestFacts {
  readonly principal: RequestPrincipal;
  /** The address of the connection as the platform reports it, never from a header of the client. */
  readonly sourceIp: string | undefined;
  readonly isSecure: boolean;
  /** `1.2`, `1.3`; undefined without TLS. */
  readonly tlsVersion?: string | undefined;
  /** Only headers that the signature covers; for POST forms the form's fields. */
  readonly headers: Headers;
  readonly query: { get(name: string): string | undefined };
  readonly now: Date;
  /** Undefined: not signed. */
  readonly authType: "REST-HEADER" | "REST-QUERY-STRING" | "POST" | undefined;
  readonly signatureAgeMs?: number | undefined;
  /** `AWS4-HMAC-SHA256`, or `AWS` for Signature Version 2. */
  readonly signatureVersion?: string | undefined;
  /** Decoded, so that an escape cannot evade a condition. */
  readonly copySource?: { readonly bucket: string; readonly key: string } | undefined;
  /** Owner of the bucket. */
  readonly resourceAccountId?: string | undefined;
  /** The LocationConstraint of CreateBucket. */
  readonly locationConstraint?: string | undefined;
  /** Whether the request creates a whole object: false for parts and for CreateMultipartUpload. */
  readonly createsObject?: boolean | undefined;
  /** Whether the encryption was chosen, and decided about, when the upload was created: for its parts and completion. */
  readonly isOfUpload?: boolean | undefined;
  /** Tags that the object has now; empty if there is no object. Undefined: not looked up. */
  readonly existingTags?: readonly Tag[] | undefined;
  /**
   * Tags that the request sets; empty if it sets no tags. `later`: they are in the body or a source, which are read
   * after the decision, and the decision is then made again. Undefined: not looked up.
   */
  readonly requestTags?: readonly Tag[] | "later" | undefined;
  /** The lock that the request gives an object; undefined: none. `later`: as for tags. */
  readonly requestLock?: ObjectLock | "later" | undefined;
  /** The optional fields of the inventory that the request configures. `later`: as for tags. */
  readonly inventoryFields?: readonly string[] | "later" | undefined;
}

/** The facts that may differ between the objects of one request. */
export interface PerObjectFacts
  extends Pick<
    RequestFacts,
    "isOfUpload" | "existingTags" | "requestTags" | "requestLock" | "inventoryFields" | "query" | "now"
  > {
  /** The key whose existence the response would reveal, in place of the prefix that the request names. */
  readonly listedKey?: string | undefined;
  /** The version that the action is on; undefined: the current one. */
  readonly versionId?: string | undefined;
  /** The versions are named in the body, which is read after the decision, and the decision is then made for each. */
  readonly versionsFollow?: boolean;
  /** The object is written as its source is, which is read after the decision, and the decision is then made again. */
  readonly carriedFollow?: boolean;
}

type Entry = readonly [key: string, values: readonly string[]];

const EXISTING_TAG = "s3:ExistingObjectTag/";
const REQUEST_TAG = "s3:RequestObjectTag";
const REQUEST_LOCK = "s3:object-lock-";
/** Of headers about the object that is written. */
const CARRIED = "s3:x-amz-";
const INVENTORY_FIELDS = "s3:InventoryAccessibleOptionalFields";

const DAY_MS = 24 * 60 * 60 * 1000;

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

/** S3's limit for headers and query together; here it limits the texts that patterns are matched with. */
const MAX_VALUE_LENGTH = 8192;

/**
 * All condition keys of a request. The evaluation selects the keys that an action has.
 * @throws S3Error `RequestHeaderSectionTooLarge` for a value of more than 8,192 characters
 */
export function requestKeys(facts: RequestFacts, effort = new Effort()): ConditionKeys {
  const entries = [
    ...connectionKeys(facts),
    ...principalKeys(facts.principal),
    ...signatureKeys(facts),
    ...headerKeys(facts),
    // "The s3:max-keys key is always present": the default is 1,000.
    ["s3:max-keys", [facts.query.get("max-keys") || "1000"]] satisfies Entry,
    ...optional("s3:LocationConstraint", facts.locationConstraint),
    ...optional("s3:ResourceAccount", facts.resourceAccountId),
    ...optional("aws:ResourceAccount", facts.resourceAccountId),
    ...optional("s3:ObjectCreationOperation", facts.createsObject),
  ];
  requireBoundedValues(entries);
  return new ConditionKeys(entries, [], { memory: new PolicyMemory(effort) }).ofObject(...objectKeys(facts));
}

/**
 * The keys of the same request for one of its objects.
 * @throws S3Error as `requestKeys`
 */
export function keysOfObject(keys: ConditionKeys, facts: PerObjectFacts): ConditionKeys {
  return keys.ofObject(...objectKeys(facts));
}

function objectKeys(facts: PerObjectFacts): [Entry[], UnknownKeys[]] {
  const { existingTags, requestTags, requestLock, query, listedKey, versionId, versionsFollow, now } = facts;
  const { inventoryFields = [] } = facts;
  const listing =
    listedKey === undefined
      ? [...optional("s3:prefix", query.get("prefix")), ...optional("s3:delimiter", query.get("delimiter"))]
      : optional("s3:prefix", listedKey);
  const entries = [
    ...listing,
    ...optional("s3:VersionId", versionId),
    ...tagKeys(existingTags ?? [], requestTags === "later" ? [] : (requestTags ?? [])),
    ...(requestLock === "later" ? [] : lockKeys(requestLock ?? {}, now)),
    [INVENTORY_FIELDS, inventoryFields === "later" ? [] : inventoryFields] satisfies Entry,
  ];
  requireBoundedValues(entries);
  const unknown: UnknownKeys[] = [];
  if (facts.isOfUpload === true) unknown.push({ prefix: "s3:x-amz-server-side-encryption", decided: "for" });
  if (existingTags === undefined) unknown.push({ prefix: EXISTING_TAG.toLowerCase(), decided: "against" });
  if (requestTags === undefined) unknown.push({ prefix: REQUEST_TAG.toLowerCase(), decided: "against" });
  if (requestTags === "later") unknown.push({ prefix: REQUEST_TAG.toLowerCase(), decided: "for" });
  if (requestLock === "later") unknown.push({ prefix: REQUEST_LOCK, decided: "for" });
  if (inventoryFields === "later") unknown.push({ prefix: INVENTORY_FIELDS.toLowerCase(), decided: "for" });
  if (facts.carriedFollow === true) unknown.push({ prefix: CARRIED, decided: "for" });
  if (versionsFollow === true) unknown.push({ prefix: "s3:versionid", decided: "for" });
  return [entries, unknown];
}

function requireBoundedValues(entries: readonly Entry[]): void {
  if (entries.some(([, values]) => values.some((value) => value.length > MAX_VALUE_LENGTH))) {
    throw new S3Error("RequestHeaderSectionTooLarge");
  }
}

function connectionKeys({ sourceIp, isSecure, tlsVersion, headers, now }: RequestFacts): Entry[] {
  return [
    ["aws:SecureTransport", [String(isSecure)]],
    ["aws:CurrentTime", [now.toISOString()]],
    ["aws:EpochTime", [String(Math.floor(now.getTime() / 1000))]],
    // AWS services send no requests here, neither their own nor on behalf of others.
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
  const { accountId, user, federatedUserName: federated, sessionIssuedAt } = principal;
  const account: Entry[] = [
    ["aws:PrincipalAccount", [accountId]],
    // Both are present for temporary credentials only. No one signs in with a second factor here.
    ...optional("aws:TokenIssueTime", sessionIssuedAt?.toISOString()),
    ...optional("aws:MultiFactorAuthPresent", sessionIssuedAt && false),
  ];
  if (federated !== undefined) {
    return [
      ...account,
      ["aws:PrincipalType", ["FederatedUser"]],
      ["aws:PrincipalArn", [`arn:aws:sts::${accountId}:federated-user/${federated}`]],
      ["aws:userid", [`${accountId}:${federated}`]],
    ];
  }
  return user === undefined
    ? [
        ...account,
        ["aws:PrincipalType", ["Account"]],
        ["aws:PrincipalArn", [`arn:aws:iam::${accountId}:root`]],
        ["aws:userid", [accountId]],
      ]
    : [
        ...account,
        ["aws:PrincipalType", ["User"]],
        ["aws:PrincipalArn", [user.arn]],
        ["aws:userid", [user.id]],
        ["aws:username", [user.name]],
      ];
}

/** "Amazon S3 Signature Version 4 Authentication Specific Policy Keys". */
function signatureKeys({ authType, signatureAgeMs, signatureVersion, headers }: RequestFacts): Entry[] {
  // Presigned URLs and forms do not sign the content unless they say so.
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
    // AWS's examples write it with and without a leading slash.
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

/**
 * The lock as the operation has read it, from the headers or the document that it honours. A header that it ignores gives no
 * key. A day that has begun counts as a whole remaining day.
 */
function lockKeys({ retention, hasLegalHold }: ObjectLock, now: Date): Entry[] {
  return [
    ...optional(`${REQUEST_LOCK}legal-hold`, hasLegalHold === undefined ? undefined : hasLegalHold ? "ON" : "OFF"),
    ...optional(`${REQUEST_LOCK}mode`, retention?.mode),
    ...optional(`${REQUEST_LOCK}retain-until-date`, retention && new Date(retention.until).toISOString()),
    ...optional(
      `${REQUEST_LOCK}remaining-retention-days`,
      retention && Math.ceil((retention.until - now.getTime()) / DAY_MS),
    ),
  ];
}

function optional(key: string, value: string | number | boolean | null | undefined): Entry[] {
  return value === undefined || value === null ? [] : [[key, [String(value)]]];
}

/** The bucket for which S3 acts. Without these keys a topic that lets S3 publish would be open to every bucket. */
export interface SourceBucket {
  readonly name: string;
  readonly accountId: string;
  /** Which part of S3 acts; by default the one that notifies topics. */
  readonly service?: ServicePrincipal;
}

export const S3_SERVICE = { kind: "service", name: "s3.amazonaws.com" } as const satisfies PolicyPrincipal;
/** Writes access logs. */
export const LOG_DELIVERY_SERVICE = {
  kind: "service",
  name: "logging.s3.amazonaws.com",
} as const satisfies PolicyPrincipal;

/**
 * The condition keys of S3 itself when it notifies a topic about a bucket, or writes its access logs ("AWS global condition
 * context keys", "Properties of the resource"). Keys of a caller or a connection are absent, as for services on AWS.
 * aws:SourceOwner is absent too: the default policy of topics requires it, and thereby admits no bucket on AWS.
 * @param resourceAccountId owner of the topic or of the bucket for logs
 */
export function serviceKeys(source: SourceBucket, resourceAccountId: string, now: Date): ConditionKeys {
  return new ConditionKeys([
    ["aws:SourceArn", [`arn:aws:s3:::${source.name}`]],
    ["aws:SourceAccount", [source.accountId]],
    ["aws:ResourceAccount", [resourceAccountId]],
    ["aws:PrincipalIsAWSService", ["true"]],
    ["aws:PrincipalServiceName", [(source.service ?? S3_SERVICE).name]],
    ["aws:ViaAWSService", ["false"]],
    // Neither leaves the platform.
    ["aws:SecureTransport", ["true"]],
    ["aws:CurrentTime", [now.toISOString()]],
    ["aws:EpochTime", [String(Math.floor(now.getTime() / 1000))]],
  ]);
}
