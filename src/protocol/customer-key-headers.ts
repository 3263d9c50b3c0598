/** The headers of encryption with a customer's key (SSE-C), in requests and answers, and of the key of a copy's source. */
import { S3Error } from "../errors.ts";

const TARGET = "x-amz-server-side-encryption-customer-";
const SOURCE = "x-amz-copy-source-server-side-encryption-customer-";

export interface CustomerKeyHeaders {
  readonly algorithm: string | null;
  /** Base64. */
  readonly key: string | null;
  /** Base64. */
  readonly keyMd5: string | null;
}

/** Undefined if the request has none of them. @param of whose key: that of the request's object, or of the source of a copy */
export function readCustomerKeyHeaders(headers: Headers, of: "target" | "source"): CustomerKeyHeaders | undefined {
  const prefix = of === "target" ? TARGET : SOURCE;
  const read = (name: string) => headers.get(`${prefix}${name}`);
  const found = { algorithm: read("algorithm"), key: read("key"), keyMd5: read("key-md5") };
  return Object.values(found).every((value) => value === null) ? undefined : found;
}

/** Of the answer about an object that is encrypted with the key. */
export function customerKeyAnswer(keyMd5: string): Record<string, string> {
  return { [`${TARGET}algorithm`]: "AES256", [`${TARGET}key-MD5`]: keyMd5 };
}

/** @throws S3Error `InvalidRequest` for a key that was sent without TLS, whatever the operation would do with it */
export function requireSecureKeys(headers: Headers, isSecure: boolean): void {
  const isSent =
    readCustomerKeyHeaders(headers, "target") !== undefined || readCustomerKeyHeaders(headers, "source") !== undefined;
  if (isSecure || !isSent) return;
  throw new S3Error("InvalidRequest", {
    message:
      "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.",
  });
}

const SHOWN_KEY = /((?:x-amz-copy-source-|x-amz-)server-side-encryption-customer-key(?:-md5)?)([:=])[^\n&]*/gi;

const KEY_NAME = /^(?:x-amz-copy-source-|x-amz-)server-side-encryption-customer-key(?:-md5)?$/i;

/** Whether the header or field of this name is a key or the MD5 of one. */
export function isCustomerKeyName(name: string): boolean {
  return KEY_NAME.test(name);
}

/** A text of headers or of a query, for an error document, without the keys in it and their MD5. */
export function withoutCustomerKeys(text: string): string {
  return text.replace(SHOWN_KEY, "$1$2***");
}
