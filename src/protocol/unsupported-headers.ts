/**
 * Request headers whose feature is not offered. They are refused rather than dropped: a client that asks for a lock or a
 * key must not believe that it has one.
 */
import { S3Error } from "../errors.ts";

/** Header names, or beginnings of names ending in `-`, and the values that ask for no more than what is so anyway. */
const UNSUPPORTED: readonly (readonly [header: string, ...harmless: string[]])[] = [
  ["x-amz-object-lock-"],
  ["x-amz-bucket-object-lock-enabled", "false", "False"],
  // R2 encrypts everything at rest with AES-256.
  ["x-amz-server-side-encryption", "AES256"],
  ["x-amz-server-side-encryption-"],
  ["x-amz-copy-source-server-side-encryption-"],
  ["x-amz-write-offset-bytes"],
  ["x-amz-bucket-namespace", "global"],
];

/** @throws S3Error `NotImplemented` naming the header */
export function refuseUnsupportedHeaders(headers: Headers): void {
  for (const [name, value] of headers) {
    if (!name.startsWith("x-amz-")) continue;
    const rule = UNSUPPORTED.find(([header]) => (header.endsWith("-") ? name.startsWith(header) : name === header));
    if (rule === undefined || rule.slice(1).includes(value)) continue;
    throw new S3Error("NotImplemented", {
      details: {
        Header: name,
        ...(value.length <= 256 && !name.includes("customer-key") && { additionalMessage: value }),
      },
    });
  }
}
