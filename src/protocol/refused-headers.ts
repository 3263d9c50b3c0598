/**
 * Request headers that AWS supports on an operation and this service does not. They are refused rather than ignored: a
 * client that asks for a lock, a key or a condition must not believe that it has one. As on AWS, a header that means
 * nothing on an operation is ignored.
 *
 * test/unit/protocol/commands.test.ts compares the table with all commands of AWS's newest SDK.
 */
import { S3Error } from "../errors.ts";
import type { OperationName } from "./operation-name.ts";

/** A header, and the values (in lower case) that are accepted because they ask for what happens anyway. */
type RefusedHeader = readonly [name: string, ...accepted: string[]];

/** Supported by every operation that AWS has them on. */
const CUSTOMER_KEY = ["algorithm", "key", "key-md5"].flatMap((name) => [
  `x-amz-server-side-encryption-customer-${name}`,
  `x-amz-copy-source-server-side-encryption-customer-${name}`,
]);

const EVENT_HOLD: readonly RefusedHeader[] = [
  ["x-amz-object-lock-event-hold"],
  ["x-amz-object-lock-event-hold-duration-days"],
  ["x-amz-object-lock-event-hold-duration-years"],
];

/** In the order in which AWS checks them, where it is known. */
export const REFUSED_HEADERS: Partial<Readonly<Record<OperationName, readonly RefusedHeader[]>>> = {
  AbortMultipartUpload: [["x-amz-if-match-initiated-time"]],
  CopyObject: EVENT_HOLD,
  CreateBucket: [["x-amz-bucket-namespace", "global"]],
  CreateMultipartUpload: EVENT_HOLD,
  DeleteObject: [["x-amz-mfa"]],
  DeleteObjects: [["x-amz-mfa"]],
  PostObject: EVENT_HOLD,
  PutBucketReplication: [["x-amz-bucket-object-lock-token"]],
  PutBucketVersioning: [["x-amz-mfa"]],
  PutObject: [...EVENT_HOLD, ["x-amz-write-offset-bytes"]],
};

/** Critical headers that are supported, or that have a meaning only on other operations than those of the table. */
export const KNOWN_CRITICAL_HEADERS: ReadonlySet<string> = new Set([
  ...CUSTOMER_KEY,
  ...Object.values(REFUSED_HEADERS).flatMap((headers) => headers.map(([name]) => name)),
  "x-amz-bucket-object-lock-enabled",
  "x-amz-bypass-governance-retention",
  "x-amz-copy-source-if-match",
  "x-amz-copy-source-if-modified-since",
  "x-amz-copy-source-if-none-match",
  "x-amz-copy-source-if-unmodified-since",
  "x-amz-if-match-last-modified-time",
  "x-amz-if-match-size",
  "x-amz-object-if-match",
  "x-amz-object-lock-legal-hold",
  "x-amz-object-lock-mode",
  "x-amz-object-lock-retain-until-date",
  "x-amz-rename-source-if-match",
  "x-amz-rename-source-if-modified-since",
  "x-amz-rename-source-if-none-match",
  "x-amz-rename-source-if-unmodified-since",
  "x-amz-server-side-encryption",
  "x-amz-server-side-encryption-aws-kms-key-id",
  "x-amz-server-side-encryption-bucket-key-enabled",
  "x-amz-server-side-encryption-context",
]);

/** Conditions, locks, bypasses of locks, and encryption. AWS keeps adding headers of these families. */
const CRITICAL = /^x-amz-(?!meta-|fwd-)(.*-)?(if-.+|object-lock-.+|bypass-.+|server-side-encryption.*)$/;

/** Whether a write must refuse the header if it does not know it. */
export function isCriticalHeader(name: string): boolean {
  return CRITICAL.test(name);
}

/**
 * @param headers including those that come from a presigned URL's query, or from the fields of a form
 * @throws S3Error `NotImplemented` naming the header
 */
export function refuseHeaders(operation: OperationName, headers: Headers, method: string): void {
  for (const [name, ...accepted] of REFUSED_HEADERS[operation] ?? []) {
    const value = headers.get(name);
    if (value !== null && !accepted.includes(value.toLowerCase())) throw notImplemented(name);
  }
  if (method === "GET" || method === "HEAD") return;
  for (const name of headers.keys()) {
    if (isCriticalHeader(name) && !KNOWN_CRITICAL_HEADERS.has(name)) throw notImplemented(name);
  }
}

function notImplemented(header: string): S3Error {
  return new S3Error("NotImplemented", { details: { Header: header } });
}
