/** Query parameters of a presigned URL (S3 API, "sigv4-query-string-auth"). */
import { S3Error } from "../../errors.ts";
import type { Query } from "../../protocol/request-target.ts";
import { type AmzDate, formatErrorTime, parseAmzDate } from "../request-time.ts";
import {
  ALGORITHM,
  type ClaimedSignature,
  parseSignedHeaders,
  signatureV2Refused,
  signatureV4aRefused,
} from "./authorization-header.ts";
import { MALFORMED_CREDENTIAL, parseCredential } from "./credential-scope.ts";

/** Seven days. */
export const MAX_EXPIRES_SECONDS = 604_800;

export interface ClaimedPresignature extends ClaimedSignature {
  readonly date: AmzDate;
  readonly expiresInSeconds: number;
}

/** The parameters of the signature itself, in lower case; every other `x-amz-*` parameter is a hoisted header. */
export const AUTH_PARAMETERS: ReadonlySet<string> = new Set([
  "x-amz-algorithm",
  "x-amz-credential",
  "x-amz-date",
  "x-amz-expires",
  "x-amz-signedheaders",
  "x-amz-signature",
  "x-amz-security-token",
  "x-amz-content-sha256",
]);

const MISSING_PARAMETERS =
  "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.";

const NO_PARAMETERS: ReadonlyMap<string, string> = new Map();

/**
 * The parameters by lower-case name. Names ignore case, so that `X-Amz-Signature` together with `x-amz-signature` is a
 * repetition and neither is overlooked.
 * @throws S3Error `AuthorizationQueryParametersError` if one of the signature's own parameters is repeated
 */
export function readAuthParameters(query: Query): ReadonlyMap<string, string> {
  if (query.entries.length === 0) return NO_PARAMETERS;
  const parameters = new Map<string, string>();
  for (const [name, value] of query.entries) {
    const lower = name.toLowerCase();
    if (!AUTH_PARAMETERS.has(lower)) continue;
    if (parameters.has(lower)) throw queryMalformed(`The query parameter ${name} must not be repeated.`);
    parameters.set(lower, value);
  }
  return parameters;
}

/** Whether the query claims a Version 4 signature, complete or not. */
export function claimsPresignature(parameters: ReadonlyMap<string, string>): boolean {
  return parameters.has("x-amz-algorithm") || parameters.has("x-amz-credential") || parameters.has("x-amz-signature");
}

/**
 * @throws S3Error `AuthorizationQueryParametersError`; `NotImplemented` for Version 4A; `InvalidRequest` if mixed with
 * Version 2
 */
export function parsePresignature(parameters: ReadonlyMap<string, string>): ClaimedPresignature {
  const algorithm = parameters.get("x-amz-algorithm");
  const credentialText = parameters.get("x-amz-credential");
  const signature = parameters.get("x-amz-signature");
  const dateText = parameters.get("x-amz-date");
  const signedHeadersText = parameters.get("x-amz-signedheaders");
  const expiresText = parameters.get("x-amz-expires");
  if (algorithm === "AWS4-ECDSA-P256-SHA256") throw signatureV4aRefused();
  if (!algorithm || !credentialText || !signature || !dateText || !signedHeadersText || !expiresText) {
    throw queryMalformed(MISSING_PARAMETERS);
  }
  if (algorithm === "AWS") throw signatureV2Refused();
  if (algorithm !== ALGORITHM) throw queryMalformed(`X-Amz-Algorithm only supports "${ALGORITHM}"`);
  const credential = parseCredential(credentialText);
  if (credential === undefined) throw credentialMalformed(MALFORMED_CREDENTIAL);
  const date = parseAmzDate(dateText);
  if (date === undefined) throw queryMalformed(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  const signedHeaders = parseSignedHeaders(signedHeadersText);
  if (signedHeaders === undefined) throw queryMalformed("X-Amz-SignedHeaders is malformed.");
  return { credential, signedHeaders, signature, date, expiresInSeconds: parseExpires(expiresText) };
}

/**
 * Valid from its date (minus `skewMs`, since the signer's clock may be fast) until before date + expires. So a URL for
 * 0 seconds, which is well-formed on AWS, has always expired.
 * @throws S3Error `AccessDenied`
 */
export function checkValidity({ date, expiresInSeconds }: ClaimedPresignature, now: Date, skewMs: number): void {
  const signedAt = date.instant.getTime();
  if (signedAt > now.getTime() + skewMs) {
    throw new S3Error("AccessDenied", {
      message: "Request is not yet valid",
      details: { RequestTime: date.timestamp, ServerTime: formatErrorTime(now) },
    });
  }
  const expiresAt = signedAt + expiresInSeconds * 1000;
  if (expiresInSeconds === 0 || now.getTime() >= expiresAt) {
    throw new S3Error("AccessDenied", {
      message: "Request has expired",
      details: {
        "X-Amz-Expires": String(expiresInSeconds),
        Expires: formatErrorTime(new Date(expiresAt)),
        ServerTime: formatErrorTime(now),
      },
    });
  }
}

export function queryMalformed(message: string, details: Readonly<Record<string, string>> = {}): S3Error {
  return new S3Error("AuthorizationQueryParametersError", { message, details });
}

export function credentialMalformed(reason: string, details: Readonly<Record<string, string>> = {}): S3Error {
  return queryMalformed(`Error parsing the X-Amz-Credential parameter; ${reason}`, details);
}

function parseExpires(text: string): number {
  if (!/^-?\d{1,15}$/.test(text)) throw queryMalformed("X-Amz-Expires should be a number");
  const seconds = Number(text);
  if (seconds < 0) throw queryMalformed("X-Amz-Expires must be non-negative");
  if (seconds > MAX_EXPIRES_SECONDS) {
    throw queryMalformed(
      `X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than ${MAX_EXPIRES_SECONDS} seconds`,
    );
  }
  return seconds;
}
