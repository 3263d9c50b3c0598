/**
 * Settings of which only one value is offered: what a bucket has anyway, so that making them has its full effect. Every
 * other value answers 501.
 */
import { S3Error } from "../../errors.ts";
import { childText, malformedXml, parseXml, requireChildText, requireOnly } from "./reader.ts";
import { formatXml, xmlOptional, xmlText } from "./writer.ts";

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

/** API_PutBucketLogging. @throws S3Error `MalformedXML`; `NotImplemented` unless logging is off */
export function parseLoggingStatus(body: Uint8Array): void {
  const root = parseXml(body, "BucketLoggingStatus", LIMITS);
  requireOnly(root, ["LoggingEnabled"]);
  if (root.children.length > 0) throw new S3Error("NotImplemented", { message: "Access logs are not implemented." });
}

export function formatLoggingStatus(): string {
  return formatXml("BucketLoggingStatus", []);
}

/** API_PutBucketAccelerateConfiguration. @throws S3Error `MalformedXML`; `NotImplemented` unless it is suspended */
export function parseAccelerate(body: Uint8Array): "Suspended" {
  const root = parseXml(body, "AccelerateConfiguration", LIMITS);
  requireOnly(root, ["Status"]);
  requireOffered(childText(root, "Status") ?? "", "Suspended", ["Enabled"]);
  return "Suspended";
}

/** @param status undefined: never set */
export function formatAccelerate(status: "Suspended" | undefined): string {
  return formatXml("AccelerateConfiguration", [xmlOptional("Status", status)]);
}

function requireOffered(value: string, offered: string, others: readonly string[]): void {
  if (value === offered) return;
  if (!others.includes(value)) throw malformedXml(`unknown value ${value}`);
  throw new S3Error("NotImplemented", { message: `The value ${value} is not implemented.` });
}
