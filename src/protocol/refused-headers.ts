/**
 * Request headers that AWS honours on an operation and this service does not. They are refused rather than dropped: a
 * client that asks for a lock, a key or a condition must not believe that it has one. A header that means nothing on an
 * operation is passed over, as AWS does.
 *
 * test/unit/protocol/commands.test.ts holds the table against all commands of AWS's newest SDK.
 */
import { S3Error } from "../errors.ts";
import type { OperationName } from "./operation-name.ts";

/** A header, and the values in lower case that ask for no more than what is so anyway. */
type RefusedHeader = readonly [name: string, ...accepted: string[]];

const CUSTOMER_KEY: readonly RefusedHeader[] = [
  ["x-amz-server-side-encryption-customer-algorithm"],
  ["x-amz-server-side-encryption-customer-key"],
  ["x-amz-server-side-encryption-customer-key-md5"],
];

const SOURCE_CUSTOMER_KEY: readonly RefusedHeader[] = [
  ["x-amz-copy-source-server-side-encryption-customer-algorithm"],
  ["x-amz-copy-source-server-side-encryption-customer-key"],
  ["x-amz-copy-source-server-side-encryption-customer-key-md5"],
];

const ENCRYPTION: readonly RefusedHeader[] = [
  // R2 encrypts everything at rest with AES-256.
  ["x-amz-server-side-encryption", "aes256"],
  ["x-amz-server-side-encryption-aws-kms-key-id"],
  ["x-amz-server-side-encryption-context"],
  ["x-amz-server-side-encryption-bucket-key-enabled", "false"],
  ...CUSTOMER_KEY,
];

const OBJECT_LOCK: readonly RefusedHeader[] = [
  ["x-amz-object-lock-mode"],
  ["x-amz-object-lock-retain-until-date"],
  ["x-amz-object-lock-legal-hold"],
  ["x-amz-object-lock-event-hold"],
  ["x-amz-object-lock-event-hold-duration-days"],
  ["x-amz-object-lock-event-hold-duration-years"],
];

/** In the order in which AWS looks at them, where that is known. */
export const REFUSED_HEADERS: Partial<Readonly<Record<OperationName, readonly RefusedHeader[]>>> = {
  AbortMultipartUpload: [["x-amz-if-match-initiated-time"]],
  CompleteMultipartUpload: CUSTOMER_KEY,
  CopyObject: [...OBJECT_LOCK, ...ENCRYPTION, ...SOURCE_CUSTOMER_KEY, ["x-amz-object-annotation-directive"]],
  CreateBucket: [
    ["x-amz-bucket-object-lock-enabled", "false"],
    ["x-amz-bucket-namespace", "global"],
  ],
  CreateMultipartUpload: [...OBJECT_LOCK, ...ENCRYPTION],
  DeleteObject: [["x-amz-if-match-last-modified-time"], ["x-amz-if-match-size"], ["x-amz-mfa"]],
  DeleteObjects: [["x-amz-mfa"]],
  // No parameters of encryption belong on a read but a customer's key; AWS refuses the others as well, with 400.
  GetObject: ENCRYPTION,
  GetObjectAttributes: CUSTOMER_KEY,
  HeadObject: ENCRYPTION,
  ListParts: CUSTOMER_KEY,
  PostObject: [...OBJECT_LOCK, ...ENCRYPTION],
  PutBucketReplication: [["x-amz-bucket-object-lock-token"]],
  PutObject: [...OBJECT_LOCK, ...ENCRYPTION, ["x-amz-write-offset-bytes"]],
  UploadPart: ENCRYPTION,
  UploadPartCopy: [...ENCRYPTION, ...SOURCE_CUSTOMER_KEY],
};

/** Headers of these families that mean something on other operations than those of the table, or are honoured. */
export const KNOWN_CRITICAL_HEADERS: ReadonlySet<string> = new Set([
  ...Object.values(REFUSED_HEADERS).flatMap((headers) => headers.map(([name]) => name)),
  "x-amz-bypass-governance-retention",
  "x-amz-copy-source-if-match",
  "x-amz-copy-source-if-modified-since",
  "x-amz-copy-source-if-none-match",
  "x-amz-copy-source-if-unmodified-since",
  "x-amz-object-if-match",
  "x-amz-rename-source-if-match",
  "x-amz-rename-source-if-modified-since",
  "x-amz-rename-source-if-none-match",
  "x-amz-rename-source-if-unmodified-since",
]);

/** Conditions, locks, ways around locks, and encryption: AWS goes on adding to them. */
const CRITICAL = /^x-amz-(?!meta-|fwd-)(.*-)?(if-.+|object-lock-.+|bypass-.+|server-side-encryption.*)$/;

/** Whether a header belongs to a family of which none may be passed over by a write that does not know it. */
export function isCriticalHeader(name: string): boolean {
  return CRITICAL.test(name);
}

/**
 * @param headers with those of a presigned URL's query, or the fields of a form
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
