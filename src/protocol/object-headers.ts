/** The headers that describe an object: in the request of a write, in answers, and overridden by a query. */

import { invalidArgument, S3Error } from "../errors.ts";
import { checksumHeader } from "../model/checksum.ts";
import type { ObjectEncryption } from "../model/encryption.ts";
import {
  type ContentHeaders,
  type ObjectAttributes,
  STORAGE_CLASSES,
  type StorageClass,
  type StoredObject,
} from "../model/object.ts";
import { customerKeyAnswer } from "./customer-key-headers.ts";
import { formatHttpDate } from "./dates.ts";
import { CONTEXT_HEADER } from "./encryption-headers.ts";
import { formatETag, requireHeaderValue, requireLatin1 } from "./header-values.ts";
import { formatUserMetadata } from "./metadata.ts";
import type { Query } from "./request-target.ts";

const DEFAULT_CONTENT_TYPE = "binary/octet-stream";

/**
 * Reads the content headers of a request ("System-defined object metadata", UsingMetadata). Values are kept as sent,
 * without the coding `aws-chunked`, which describes the transfer.
 *
 * @throws S3Error `InvalidArgument` for control characters.
 */
export function parseContentHeaders(headers: Headers): ContentHeaders {
  const read = (name: string) => {
    const value = headers.get(name);
    return value === null || value === "" ? undefined : requireHeaderValue(name, value);
  };
  const cacheControl = read("Cache-Control");
  const contentDisposition = read("Content-Disposition");
  const contentEncoding = withoutAwsChunked(read("Content-Encoding"));
  const contentLanguage = read("Content-Language");
  const expires = read("Expires");
  return {
    contentType: read("Content-Type") ?? DEFAULT_CONTENT_TYPE,
    ...(cacheControl === undefined ? {} : { cacheControl }),
    ...(contentDisposition === undefined ? {} : { contentDisposition }),
    ...(contentEncoding === undefined ? {} : { contentEncoding }),
    ...(contentLanguage === undefined ? {} : { contentLanguage }),
    ...(expires === undefined ? {} : { expires }),
  };
}

/** "Amazon S3 stores the resulting object without the aws-chunked encoding" (sigv4-streaming). */
function withoutAwsChunked(value: string | undefined): string | undefined {
  if (value === undefined || !/aws-chunked/i.test(value)) return value;
  const codings = value
    .split(",")
    .map((coding) => coding.trim())
    .filter((coding) => coding !== "" && coding.toLowerCase() !== "aws-chunked");
  return codings.length === 0 ? undefined : codings.join(",");
}

/**
 * `x-amz-storage-class` ("Using Amazon S3 storage classes").
 *
 * @throws S3Error `InvalidStorageClass` for unknown classes and for those that are not offered here: an answer must
 *   never name a class that the object is not in.
 */
export function parseStorageClass(headers: Headers): StorageClass {
  const header = headers.get("x-amz-storage-class");
  if (header === null || header === "") return "STANDARD";
  const storageClass = STORAGE_CLASSES.find((name) => name === header);
  if (storageClass === undefined) {
    throw new S3Error("InvalidStorageClass", { details: { StorageClassRequested: header } });
  }
  return storageClass;
}

export const WEBSITE_REDIRECT_LOCATION_HEADER = "x-amz-website-redirect-location";
const MAX_REDIRECT_LOCATION_LENGTH = 2048;

/**
 * `x-amz-website-redirect-location`: a key of the bucket beginning with `/`, or an http(s) URL (API_PutObject).
 * @throws S3Error `InvalidRedirectLocation` (code and text as tried on AWS by versitygw's authors)
 */
export function parseWebsiteRedirectLocation(headers: Headers): string | undefined {
  const value = headers.get(WEBSITE_REDIRECT_LOCATION_HEADER);
  if (value === null) return undefined;
  if (value.length > MAX_REDIRECT_LOCATION_LENGTH || !/^(\/|https?:\/\/)[^\p{Cc}]*$/iu.test(value)) {
    throw new S3Error("InvalidRedirectLocation");
  }
  return value;
}

/**
 * In the answer for every object, upload and part: R2 encrypts everything at rest.
 * @param keyMd5 of the customer's key that the request presents, in base64
 */
export function encryptionHeaders(encryption: ObjectEncryption | undefined, keyMd5?: string): Record<string, string> {
  switch (encryption?.kind) {
    case undefined:
      return { "x-amz-server-side-encryption": "AES256" };
    case "customer-key":
      return keyMd5 === undefined ? {} : customerKeyAnswer(keyMd5);
    case "data-key":
      return {
        "x-amz-server-side-encryption": "aws:kms",
        "x-amz-server-side-encryption-aws-kms-key-id": encryption.keyArn,
        ...(encryption.usesBucketKey === true && { "x-amz-server-side-encryption-bucket-key-enabled": "true" }),
      };
  }
}

/** The same in the answer to a write, which also has the encryption context. */
export function writtenEncryptionHeaders(
  encryption: ObjectEncryption | undefined,
  keyMd5: string | undefined,
): Record<string, string> {
  const headers = encryptionHeaders(encryption, keyMd5);
  const context = encryption?.kind === "data-key" ? encryption.context : undefined;
  return context === undefined ? headers : { ...headers, [CONTEXT_HEADER]: context };
}

/** ETag, Last-Modified and version: the only object headers of a 304, and the first of every other answer. */
export function validatorHeaders(object: StoredObject): Record<string, string> {
  return {
    etag: formatETag(object.etag),
    "last-modified": formatHttpDate(object.lastModified),
    ...versionHeader(object.versionId),
  };
}

/** Of the object that an answer is about. @param versionId undefined in a bucket that was never versioned: no header */
export function versionHeader(versionId: string | undefined): Record<string, string> {
  return versionId === undefined ? {} : { "x-amz-version-id": versionId };
}

/**
 * The headers of an answer with one object, such as GetObject and HeadObject.
 *
 * @param showChecksum whether the request has `x-amz-checksum-mode: ENABLED` and the answer is the whole object
 * @param keyMd5 as in `encryptionHeaders`
 */
export function objectHeaders(object: StoredObject, showChecksum: boolean, keyMd5?: string): Record<string, string> {
  const { checksum } = object;
  const headers: Record<string, string> = {
    ...validatorHeaders(object),
    "accept-ranges": "bytes",
    ...encryptionHeaders(object.encryption, keyMd5),
    ...attributeHeaders(object),
    ...formatUserMetadata(object.userMetadata),
  };
  if (showChecksum && checksum !== undefined) {
    headers[checksumHeader(checksum.algorithm)] = checksum.value;
    headers["x-amz-checksum-type"] = checksum.type;
  }
  return headers;
}

/** The headers that a PUT of an object and the answer to its GET have in common, except user metadata. */
export function attributeHeaders({
  content,
  storageClass,
  websiteRedirectLocation,
}: Pick<ObjectAttributes, "content" | "storageClass" | "websiteRedirectLocation">): Record<string, string> {
  const { cacheControl, contentDisposition, contentEncoding, contentLanguage, expires } = content;
  const headers: Record<string, string> = { "content-type": content.contentType };
  if (cacheControl !== undefined) headers["cache-control"] = cacheControl;
  if (contentDisposition !== undefined) headers["content-disposition"] = contentDisposition;
  if (contentEncoding !== undefined) headers["content-encoding"] = contentEncoding;
  if (contentLanguage !== undefined) headers["content-language"] = contentLanguage;
  if (expires !== undefined) headers.expires = expires;
  if (storageClass !== "STANDARD") headers["x-amz-storage-class"] = storageClass;
  if (websiteRedirectLocation !== undefined) headers[WEBSITE_REDIRECT_LOCATION_HEADER] = websiteRedirectLocation;
  return headers;
}

/** `response-*` query parameters of GetObject and HeadObject ("Overriding response header values", API_GetObject). */
const OVERRIDABLE = [
  ["response-cache-control", "cache-control"],
  ["response-content-disposition", "content-disposition"],
  ["response-content-encoding", "content-encoding"],
  ["response-content-language", "content-language"],
  ["response-content-type", "content-type"],
  ["response-expires", "expires"],
] as const;

export type ResponseOverrides = Readonly<Partial<Record<(typeof OVERRIDABLE)[number][1], string>>>;

/**
 * Response headers to replace, by lower-case name. The operation checks that the request is signed: an anonymous one
 * may override nothing.
 *
 * @throws S3Error `InvalidArgument` for values that no header can carry, and for other names (versity/versitygw 2075).
 */
export function parseResponseOverrides(query: Query): ResponseOverrides {
  const overrides: { -readonly [Name in keyof ResponseOverrides]: ResponseOverrides[Name] } = {};
  if (query.entries.length === 0) return overrides;
  for (const [name, value] of query.entries) if (name.startsWith("response-")) requireOverridable(name, value);
  for (const [parameter, header] of OVERRIDABLE) {
    const value = query.get(parameter);
    if (value === undefined || value === "") continue;
    overrides[header] = requireLatin1(parameter, requireHeaderValue(parameter, value));
  }
  return overrides;
}

function requireOverridable(name: string, value: string): void {
  if (OVERRIDABLE.some(([parameter]) => parameter === name)) return;
  const message = `${name} is not in the set of overridable response headers. Please refer to the S3 API documentation for a complete list of overridable response headers.`;
  throw invalidArgument(message, name, value);
}
