/**
 * The headers of a request, including those in its query. Presigners move `x-amz-*` headers into the query of the URL
 * ("hoisting"), and S3 reads them from there as if they had been sent: `x-amz-checksum-crc32`, `x-amz-storage-class`,
 * `x-amz-meta-*`, `x-amz-acl` … The same applies to the conditions of HTTP (recorded on AWS for PutObject: LocalStack's
 * tests of presigned URLs).
 */
import { invalidArgument } from "../errors.ts";
import type { Query } from "../protocol/request-target.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import { isHeaderParameter } from "./sigv2/parameters.ts";
import { AUTH_PARAMETERS } from "./sigv4/presigned-url.ts";

export type SignatureVersion = "AWS4-HMAC-SHA256" | "AWS";

/** How a request is signed, and its query. */
export interface SigningStyle {
  readonly style: "header" | "query" | "form" | "anonymous";
  /** Undefined if the request is not signed. */
  readonly signatureVersion: SignatureVersion | undefined;
  /** The query in the signer's reading, which later stages use. */
  readonly query: Query;
}

const CONDITIONS: ReadonlySet<string> = new Set([
  "if-match",
  "if-none-match",
  "if-modified-since",
  "if-unmodified-since",
]);

/**
 * The request's own headers and those of a presigned URL's query. If a header is also sent, the sent one must have been
 * signed, and wins. Under Version 2, exactly the headers in the string to sign are read from the query.
 * @throws S3Error `InvalidArgument` if a hoisted header is repeated, could not be sent as a header, or is a condition
 *   that was sent with another value
 */
export function effectiveHeaders(request: S3Request, { style, signatureVersion, query }: SigningStyle): Headers {
  if (style !== "query") return request.headers;
  const headers = new Headers(request.headers);
  const hoisted = new Set<string>();
  const isV2 = signatureVersion === "AWS";
  const ignored = isV2 ? NOTHING : emptyBodyChecksum(request, query);
  for (const [name, value] of query.entries) {
    const lower = name.toLowerCase();
    if (!(isV2 ? isHeaderParameter(lower) : isHoisted(lower))) continue;
    if (ignored.has(lower)) continue;
    if (hoisted.has(lower)) throw invalidArgument(`The query parameter ${name} must not be repeated.`, name, value);
    hoisted.add(lower);
    if (!isHeaderName(lower)) throw invalidArgument("Invalid header name in the query", name, value);
    const sent = request.headers.get(lower);
    // Conditions need not be signed, so a sent condition must not replace the signed one.
    if (CONDITIONS.has(lower) && sent !== null && sent !== value) {
      throw invalidArgument(`The header ${lower} contradicts the query parameter.`, name, value);
    }
    if (sent !== null) continue;
    if (/[\0-\x1f\x7f]/.test(value)) throw invalidArgument("Invalid header value in the query", name, value);
    try {
      headers.set(lower, value);
    } catch {
      throw invalidArgument("Invalid header in the query", name, value);
    }
  }
  return headers;
}

function isHoisted(lowerCaseName: string): boolean {
  return lowerCaseName.startsWith("x-amz-") ? !AUTH_PARAMETERS.has(lowerCaseName) : CONDITIONS.has(lowerCaseName);
}

/** A token (RFC 9110, 5.6.2), the only form that `Headers` accepts as a name. */
function isHeaderName(name: string): boolean {
  return /^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name);
}

const NOTHING: ReadonlySet<string> = new Set();
const EMPTY_BODY_CHECKSUM = new Set(["x-amz-checksum-crc32", "x-amz-sdk-checksum-algorithm"]);

/**
 * Deviation: by default the AWS SDK for JavaScript presigns PutObject without a body, computes the CRC-32 of nothing
 * and puts it into the URL, which then matches no upload. This one hoisted value is ignored. Every other checksum of a
 * URL is verified.
 */
function emptyBodyChecksum({ headers }: S3Request, query: Query): ReadonlySet<string> {
  const isSdkDefault =
    query.get("x-amz-checksum-crc32") === "AAAAAA==" && query.get("x-amz-sdk-checksum-algorithm") === "CRC32";
  return isSdkDefault && headers.get("content-length") !== "0" ? EMPTY_BODY_CHECKSUM : NOTHING;
}
