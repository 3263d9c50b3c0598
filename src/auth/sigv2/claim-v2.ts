/** The claim of a request that is signed with Signature Version 2 (RESTAuthentication), before anything is verified. */
import { invalidArgument, S3Error } from "../../errors.ts";
import type { Query } from "../../protocol/request-target.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import { effectiveHeaders } from "../effective-headers.ts";
import { formatErrorTime, missingDate, parseDateHeader, requireRecent } from "../request-time.ts";
import { requireUnambiguous } from "./parameters.ts";

export interface ClaimV2 {
  readonly version: 2;
  readonly style: "header" | "query";
  readonly accessKeyId: string;
  /** Base64. */
  readonly signature: string;
  /** `x-amz-security-token` of temporary credentials. Signed like all `x-amz-*`. */
  readonly sessionToken: string | undefined;
  /** The text that is signed instead of the date. */
  readonly dateLine: string;
}

const SECURITY_TOKEN = "x-amz-security-token";
const PARAMETERS = ["AWSAccessKeyId", "Signature", "Expires"] as const;

/** `Authorization: AWS <id>:<signature>`. */
export function isHeaderV2(authorization: string): boolean {
  return /^AWS\s/.test(authorization);
}

/** Whether the query claims a Version 2 signature, complete or not. */
export function isQueryV2(query: Query): boolean {
  return query.has("AWSAccessKeyId") || query.has("Signature");
}

/** The access key id that the request names, for loading its key early. It is only a hint. */
export function hintedAccessKeyIdV2(request: S3Request): string | undefined {
  const authorization = request.headers.get("authorization") ?? "";
  return isHeaderV2(authorization) ? /^AWS\s+([^:\s]+):/.exec(authorization)?.[1] : request.query.get("AWSAccessKeyId");
}

/**
 * @throws S3Error `InvalidArgument` for a malformed header; `AccessDenied` without a date; `RequestTimeTooSkewed`; and
 *   the errors of `requireUnambiguous`
 */
export function readHeaderClaimV2(request: S3Request, authorization: string): ClaimV2 {
  const [, accessKeyId, signature] = /^AWS\s+([^:\s]+):([^:\s]+)$/.exec(authorization) ?? [];
  if (accessKeyId === undefined || signature === undefined) {
    const message = "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature";
    throw invalidArgument(message, "Authorization", authorization);
  }
  const { headers, now } = request;
  const amzDate = headers.get("x-amz-date");
  const written = amzDate ?? headers.get("date") ?? "";
  const date = parseDateHeader(written);
  if (date === undefined) throw missingDate();
  requireRecent(date.instant, now, written);
  requireUnambiguous(request.query);
  const sessionToken = headers.get(SECURITY_TOKEN) ?? undefined;
  // "If you include the x-amz-date header, use the empty string for the Date."
  return {
    version: 2,
    style: "header",
    accessKeyId,
    signature,
    sessionToken,
    dateLine: amzDate === null ? written : "",
  };
}

/**
 * @throws S3Error `AccessDenied` for missing parameters, and for an invalid or expired time; `InvalidArgument` for
 *   repeated parameters; and the errors of `requireUnambiguous`
 */
export function readQueryClaimV2(request: S3Request): ClaimV2 {
  const [accessKeyId = "", signature = "", expires = ""] = PARAMETERS.map((name) => findOnce(request.query, name));
  if (accessKeyId === "" || signature === "" || expires === "") {
    throw new S3Error("AccessDenied", {
      message: "Query-string authentication requires the Signature, Expires and AWSAccessKeyId parameters",
    });
  }
  requireUnexpired(expires, request.now);
  requireUnambiguous(request.query);
  const headers = effectiveHeaders(request, { style: "query", signatureVersion: "AWS", query: request.query });
  return {
    version: 2,
    style: "query",
    accessKeyId,
    // Some signers do not encode the `+` of Base64, which a query reads as a space.
    signature: signature.replaceAll(" ", "+"),
    sessionToken: headers.get(SECURITY_TOKEN) ?? undefined,
    dateLine: expires,
  };
}

function findOnce(query: Query, name: string): string | undefined {
  const [value, ...others] = query.getAll(name);
  if (others.length === 0) return value;
  throw invalidArgument(`The query parameter ${name} must not be repeated.`, name, value);
}

/** Seconds since 1970, without a limit on the future, as on AWS. */
function requireUnexpired(text: string, now: Date): void {
  if (!/^\d{1,12}$/.test(text)) {
    throw new S3Error("AccessDenied", { message: `Invalid date (should be seconds since epoch): ${text}` });
  }
  const expiresAt = new Date(Number(text) * 1000);
  if (now.getTime() < expiresAt.getTime()) return;
  throw new S3Error("AccessDenied", {
    message: "Request has expired",
    details: { Expires: formatErrorTime(expiresAt), ServerTime: formatErrorTime(now) },
  });
}
