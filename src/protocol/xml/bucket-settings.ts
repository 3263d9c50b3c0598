/**
 * Small bucket settings: request payment, ABAC, acceleration, encryption, public access block, ownership
 * controls and the policy status.
 *
 * Of the first three only one value is offered, the one that a bucket has anyway, so that setting it has its full
 * effect. Every other value answers 501.
 */
import { S3Error } from "../../errors.ts";
import { OBJECT_OWNERSHIPS, type ObjectOwnership, type PublicAccessBlock } from "../../model/acl.ts";
import type { BucketEncryption } from "../../model/bucket.ts";
import {
  childrenOf,
  childText,
  findChild,
  malformedXml,
  parseXml,
  requireChild,
  requireChildText,
  requireOnly,
  textOf,
  type XmlElement,
} from "./reader.ts";
import { formatXml, xmlElement, xmlOptional, xmlText } from "./writer.ts";

export const MAX_DEFAULT_SETTING_BYTES = 16 * 1024;
const LIMITS = { maxBytes: MAX_DEFAULT_SETTING_BYTES };

/** API_PutBucketRequestPayment. @throws S3Error `MalformedXML`; `NotImplemented` unless the owner pays */
export function parseRequestPayment(body: Uint8Array): void {
  const root = parseXml(body, "RequestPaymentConfiguration", LIMITS);
  requireOnly(root, ["Payer"]);
  requireOffered(requireChildText(root, "Payer"), "BucketOwner", ["Requester"]);
}

export function formatRequestPayment(): string {
  return formatXml("RequestPaymentConfiguration", [xmlText("Payer", "BucketOwner")]);
}

/** API_PutBucketAbac. @throws S3Error `MalformedXML`; `NotImplemented` unless it is disabled */
export function parseAbacStatus(body: Uint8Array): void {
  const root = parseXml(body, "AbacStatus", LIMITS);
  requireOnly(root, ["Status"]);
  requireOffered(requireChildText(root, "Status"), "Disabled", ["Enabled"]);
}

export function formatAbacStatus(): string {
  return formatXml("AbacStatus", [xmlText("Status", "Disabled")]);
}

/** API_PutBucketAccelerateConfiguration. @throws S3Error `MalformedXML`; `NotImplemented` unless it is suspended */
export function parseAccelerate(body: Uint8Array): "Suspended" {
  const root = parseXml(body, "AccelerateConfiguration", LIMITS);
  requireOnly(root, ["Status"]);
  requireOffered(childText(root, "Status") ?? "", "Suspended", ["Enabled"]);
  return "Suspended";
}

/** @param status undefined if it was never set */
export function formatAccelerate(status: "Suspended" | undefined): string {
  return formatXml("AccelerateConfiguration", [xmlOptional("Status", status)]);
}

function requireOffered(value: string, offered: string, others: readonly string[]): void {
  if (value === offered) return;
  if (!others.includes(value)) throw malformedXml(`unknown value ${value}`);
  throw new S3Error("NotImplemented", { message: `The value ${value} is not implemented.` });
}

/** Request and answer of a bucket's default encryption (API_PutBucketEncryption). */
export const MAX_ENCRYPTION_BYTES = 64 * 1024;

const NOT_OFFERED: readonly string[] = ["aws:kms:dsse", "aws:fsx"];
/** "Maximum length of 2048" for the ARN of a key (API_control_S3UpdateObjectEncryptionSSEKMS). */
const MAX_KEY_NAME = 2048;

/**
 * @throws S3Error `MalformedXML`, also for several rules: a bucket has one; `InvalidArgument` for a key without KMS;
 *   `NotImplemented` for dual-layer encryption, and for blocked encryption types, which are refused anyway
 */
export function parseEncryptionConfiguration(body: Uint8Array): BucketEncryption {
  const root = parseXml(body, "ServerSideEncryptionConfiguration", { maxBytes: MAX_ENCRYPTION_BYTES });
  requireOnly(root, ["Rule"]);
  const rule = requireChild(root, "Rule");
  requireOnly(rule, ["ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes"]);
  const byDefault = findChild(rule, "ApplyServerSideEncryptionByDefault");
  const algorithm = byDefault === undefined ? {} : parseDefault(byDefault);
  const blocked = findChild(rule, "BlockedEncryptionTypes");
  if (blocked !== undefined) requireNoneBlocked(blocked);
  const flag = childText(rule, "BucketKeyEnabled")?.toLowerCase() ?? "false";
  if (flag !== "true" && flag !== "false") throw malformedXml("BucketKeyEnabled is neither true nor false");
  return { ...algorithm, bucketKeyEnabled: flag === "true" };
}

export function formatEncryptionConfiguration(encryption: BucketEncryption): string {
  const { algorithm = "AES256", keyName, bucketKeyEnabled } = encryption;
  return formatXml("ServerSideEncryptionConfiguration", [
    xmlElement("Rule", [
      xmlElement("ApplyServerSideEncryptionByDefault", [
        xmlText("SSEAlgorithm", algorithm),
        ...(keyName === undefined ? [] : [xmlText("KMSMasterKeyID", keyName)]),
      ]),
      xmlText("BucketKeyEnabled", bucketKeyEnabled),
    ]),
  ]);
}

/** Whether the key exists is decided when an object is written, as on AWS. */
function parseDefault(byDefault: XmlElement): Pick<BucketEncryption, "algorithm" | "keyName"> {
  requireOnly(byDefault, ["SSEAlgorithm", "KMSMasterKeyID"]);
  const algorithm = requireChildText(byDefault, "SSEAlgorithm");
  const key = childText(byDefault, "KMSMasterKeyID");
  if (NOT_OFFERED.includes(algorithm)) {
    throw new S3Error("NotImplemented", { message: `Encryption with ${algorithm} is not implemented.` });
  }
  if (algorithm === "aws:kms") {
    if (key !== undefined && key.length > MAX_KEY_NAME) throw malformedXml("KMSMasterKeyID is too long");
    return { algorithm, ...(key !== undefined && key !== "" && { keyName: key }) };
  }
  if (algorithm !== "AES256") throw malformedXml(`unknown algorithm ${algorithm}`);
  if (key === undefined) return {};
  throw new S3Error("InvalidArgument", {
    message: "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse",
    details: { ArgumentName: "ApplyServerSideEncryptionByDefault" },
  });
}

function requireNoneBlocked(blocked: XmlElement): void {
  requireOnly(blocked, ["EncryptionType"]);
  const types = childrenOf(blocked, "EncryptionType").map(textOf);
  if (types.some((type) => type !== "NONE" && type !== "SSE-C")) throw malformedXml("unknown encryption type");
  if (types.includes("SSE-C")) {
    throw new S3Error("NotImplemented", { message: "Blocked encryption types are not implemented." });
  }
}

/** Request and answer of the public access block (API_PutPublicAccessBlock). */
export const MAX_PUBLIC_ACCESS_BLOCK_BYTES = 16 * 1024;

/**
 * An absent setting is off.
 * @throws S3Error `MalformedXML`; `InvalidRequest` without any setting
 */
export function parsePublicAccessBlock(body: Uint8Array): PublicAccessBlock {
  const root = parseXml(body, "PublicAccessBlockConfiguration", { maxBytes: MAX_PUBLIC_ACCESS_BLOCK_BYTES });
  requireOnly(root, ["BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"]);
  if (childrenOf(root).length === 0) {
    throw new S3Error("InvalidRequest", { message: "Must specify at least one configuration." });
  }
  return {
    blockPublicAcls: parseFlag(root, "BlockPublicAcls"),
    ignorePublicAcls: parseFlag(root, "IgnorePublicAcls"),
    blockPublicPolicy: parseFlag(root, "BlockPublicPolicy"),
    restrictPublicBuckets: parseFlag(root, "RestrictPublicBuckets"),
  };
}

function parseFlag(root: XmlElement, name: string): boolean {
  const text = childText(root, name)?.toLowerCase() ?? "false";
  if (text !== "true" && text !== "false") throw malformedXml(`${name} is neither true nor false`);
  return text === "true";
}

export function formatPublicAccessBlock(settings: PublicAccessBlock): string {
  return formatXml("PublicAccessBlockConfiguration", [
    xmlText("BlockPublicAcls", settings.blockPublicAcls),
    xmlText("IgnorePublicAcls", settings.ignorePublicAcls),
    xmlText("BlockPublicPolicy", settings.blockPublicPolicy),
    xmlText("RestrictPublicBuckets", settings.restrictPublicBuckets),
  ]);
}

/** Request and answer of the ownership controls (API_PutBucketOwnershipControls). */
export const MAX_OWNERSHIP_CONTROLS_BYTES = 16 * 1024;

/** @throws S3Error `MalformedXML`, also for several rules: a bucket has one */
export function parseOwnershipControls(body: Uint8Array): ObjectOwnership {
  const root = parseXml(body, "OwnershipControls", { maxBytes: MAX_OWNERSHIP_CONTROLS_BYTES });
  requireOnly(root, ["Rule"]);
  const rule = requireChild(root, "Rule");
  requireOnly(rule, ["ObjectOwnership"]);
  const text = requireChildText(rule, "ObjectOwnership");
  const ownership = OBJECT_OWNERSHIPS.find((known) => known === text);
  if (ownership === undefined) throw malformedXml(`unknown object ownership ${text}`);
  return ownership;
}

export function formatOwnershipControls(ownership: ObjectOwnership): string {
  return formatXml("OwnershipControls", [xmlElement("Rule", [xmlText("ObjectOwnership", ownership)])]);
}

/** Answer of GetBucketPolicyStatus (API_GetBucketPolicyStatus). */
export function formatPolicyStatus(isPublic: boolean): string {
  return formatXml("PolicyStatus", [xmlText("IsPublic", isPublic)]);
}
