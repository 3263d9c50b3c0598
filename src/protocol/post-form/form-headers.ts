/**
 * A form's fields as headers: "Parameters that are passed to PUT through HTTP headers are instead passed as form fields
 * to POST" (RESTObjectPOST). The code that reads the headers of a PUT then reads the fields of a form.
 */
import { invalidArgument } from "../../errors.ts";
import { hasControlCharacter } from "../header-values.ts";

/** Headers of a write, except `x-amz-meta-*`, whose values may be any text. */
const NAMES: ReadonlySet<string> = new Set([
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-md5",
  "content-type",
  "expires",
  "x-amz-acl",
  "x-amz-sdk-checksum-algorithm",
  "x-amz-server-side-encryption",
  "x-amz-storage-class",
  "x-amz-tagging",
  "x-amz-website-redirect-location",
]);
const PREFIXES = ["x-amz-checksum-", "x-amz-grant-", "x-amz-object-lock-", "x-amz-server-side-encryption-"];

/** The only `x-amz-*` header of the request itself that is used: it can only restrict what is done. */
const EXPECTED_OWNER = "x-amz-expected-bucket-owner";

/**
 * @param sent headers of the request itself; those that describe the object are dropped
 * @throws S3Error `InvalidArgument` for a value that no header can carry
 */
export function toObjectHeaders(fields: ReadonlyMap<string, string>, sent: Headers): Headers {
  const headers = new Headers();
  for (const [name, value] of sent) {
    if (!isObjectHeader(name) && (!name.startsWith("x-amz-") || name === EXPECTED_OWNER)) headers.set(name, value);
  }
  for (const [field, value] of fields) {
    const name = field === "acl" ? "x-amz-acl" : field;
    if (!isObjectHeader(name)) continue;
    if (headers.has(name))
      throw invalidArgument(`The form fields acl and ${name} must not both be given.`, field, value);
    if (hasControlCharacter(value)) throw invalidArgument("Form field contains control characters.", field, value);
    // A character beyond Latin-1 becomes a space (seen on AWS, LocalStack's recordings).
    headers.set(name, value.replace(/[^\u0000-\u00ff]/gu, " "));
  }
  return headers;
}

function isObjectHeader(name: string): boolean {
  return NAMES.has(name) || PREFIXES.some((prefix) => name.startsWith(prefix));
}
