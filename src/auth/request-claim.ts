/** The claim of a request about its sender, before anything is verified. */
import { invalidArgument, S3Error } from "../errors.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import { CONTENT_SHA256, UNSIGNED_PAYLOAD } from "./payload/content-sha256.ts";
import {
  type AmzDate,
  MAX_SKEW_MS,
  missingDate,
  parseAmzDate,
  parseDateHeader,
  requireRecent,
} from "./request-time.ts";
import {
  type ClaimV2,
  hintedAccessKeyIdV2,
  isHeaderV2,
  isQueryV2,
  readHeaderClaimV2,
  readQueryClaimV2,
} from "./sigv2/claim-v2.ts";
import {
  type ClaimedSignature,
  headerMalformed,
  parseAuthorizationHeader,
  signatureV2Refused,
} from "./sigv4/authorization-header.ts";
import { findDateFault, findScopeFault, type ScopeRules } from "./sigv4/credential-scope.ts";
import {
  checkValidity,
  claimsPresignature,
  credentialMalformed,
  parsePresignature,
  queryMalformed,
  readAuthParameters,
} from "./sigv4/presigned-url.ts";

const SECURITY_TOKEN = "x-amz-security-token";

export interface Claim extends ClaimedSignature {
  readonly version: 4;
  readonly style: "header" | "query";
  readonly date: AmzDate;
  /** Possible values of the canonical request's last line, most likely first. */
  readonly payloadHashes: readonly [string, ...string[]];
  /** `X-Amz-Content-Sha256` in the query, which the signature covers. */
  readonly queryPayloadHash: string | undefined;
  /** `X-Amz-Security-Token` of temporary credentials. The signature covers it like all `x-amz-*`. */
  readonly sessionToken: string | undefined;
}

export interface ClaimRules extends ScopeRules {
  /** Hex SHA-256 of the body, if it has been read: signers for services other than S3 sign it without sending it. */
  readonly bodySha256?: string | undefined;
  /** Whether Signature Version 2 is accepted. */
  readonly signatureV2: boolean;
}

/**
 * Reads a signature's claim and checks everything that does not need the key: format, scope, time, and that all
 * significant headers are signed. Undefined if the request has no signature.
 * @throws S3Error for every malformed, expired, skewed or unsupported claim
 */
export function readClaim(request: S3Request, rules: ClaimRules): Claim | ClaimV2 | undefined {
  const header = request.headers.get("authorization") ?? "";
  const parameters = readAuthParameters(request.query);
  const inQuery = claimsPresignature(parameters);
  const inQueryV2 = isQueryV2(request.query);
  if ((header !== "" && (inQuery || inQueryV2)) || (inQuery && inQueryV2)) {
    throw severalMechanisms(header);
  }
  if (inQueryV2) {
    if (!rules.signatureV2) throw signatureV2Refused();
    return readQueryClaimV2(request);
  }
  if (rules.signatureV2 && isHeaderV2(header)) return readHeaderClaimV2(request, header);
  if (inQuery) return readQueryClaim(request, parameters, rules);
  return header === "" ? undefined : readHeaderClaim(request, header, rules);
}

/**
 * A form has its own signature.
 * @throws S3Error `InvalidArgument` for a further signature in a header or in the query
 */
export function refuseSignatureBesideForm(request: S3Request): void {
  const header = request.headers.get("authorization") ?? "";
  const inQuery = claimsPresignature(readAuthParameters(request.query)) || isQueryV2(request.query);
  if (header !== "" || inQuery) throw severalMechanisms(header);
}

function severalMechanisms(header: string): S3Error {
  const message =
    "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified";
  return invalidArgument(message, "Authorization", header);
}

/**
 * The access key id that the request names, for loading its key early. It is a hint: neither verified nor necessarily
 * well-formed.
 */
export function claimedAccessKeyId(request: S3Request): string | undefined {
  const inQuery = request.query.entries.find(([name]) => name.toLowerCase() === "x-amz-credential")?.[1];
  const inVersion4 = request.headers.has("authorization")
    ? headerCredential(request.headers)
    : credentialParts(inQuery);
  return inVersion4[0] ?? hintedAccessKeyIdV2(request);
}

/** The service that the Authorization header names. It selects the surface that answers, and is not verified. */
export function claimedService(headers: Headers): string | undefined {
  return headerCredential(headers)[3];
}

/** The session token of the request, for loading the key early. It is a hint like `claimedAccessKeyId`. */
export function claimedSessionToken(request: S3Request): string | undefined {
  const inHeader = request.headers.get(SECURITY_TOKEN) ?? undefined;
  if (request.headers.has("authorization")) return inHeader;
  return request.query.entries.find(([name]) => name.toLowerCase() === SECURITY_TOKEN)?.[1] ?? inHeader;
}

function headerCredential(headers: Headers): readonly string[] {
  return credentialParts(/\bCredential=([^,\s]+)/.exec(headers.get("authorization") ?? "")?.[1]);
}

/** Empty unless there are at least two parts. */
function credentialParts(credential = ""): readonly string[] {
  const parts = credential.split("/");
  return parts.length > 1 && parts[0] !== "" ? parts : [];
}

function readHeaderClaim(request: S3Request, header: string, rules: ClaimRules): Claim {
  const { headers, now } = request;
  const claimed = parseAuthorizationHeader(header);
  const fault = findScopeFault(claimed.credential, rules);
  if (fault !== undefined) throw headerMalformed(fault.reason, fault.details);

  const date = readDate(headers);
  const dateFault = findDateFault(claimed.credential, date);
  if (dateFault !== undefined) throw headerMalformed(dateFault);
  requireRecent(date.instant, now, date.timestamp);

  const payloadHash = rules.bodySha256 ?? headers.get(CONTENT_SHA256);
  if (payloadHash === null) {
    throw new S3Error("InvalidRequest", {
      message: `Missing required header for this request: ${CONTENT_SHA256}`,
    });
  }
  checkEverythingSigned(headers, claimed.signedHeaders);
  return {
    ...claimed,
    version: 4,
    style: "header",
    date,
    payloadHashes: [payloadHash],
    queryPayloadHash: undefined,
    sessionToken: headers.get(SECURITY_TOKEN) ?? undefined,
  };
}

function readQueryClaim(request: S3Request, parameters: ReadonlyMap<string, string>, rules: ScopeRules): Claim {
  const { headers, now } = request;
  const claimed = parsePresignature(parameters);
  const fault = findScopeFault(claimed.credential, rules);
  if (fault !== undefined) throw credentialMalformed(fault.reason, fault.details);
  const dateFault = findDateFault(claimed.credential, claimed.date);
  if (dateFault !== undefined) throw queryMalformed(dateFault);
  checkValidity(claimed, now, MAX_SKEW_MS);

  // A presigner does not know the payload, so the user of the URL may add this one header.
  checkEverythingSigned(headers, claimed.signedHeaders, CONTENT_SHA256);
  const inQuery = parameters.get(CONTENT_SHA256);
  return {
    ...claimed,
    version: 4,
    style: "query",
    payloadHashes: presignedHashes(claimed, headers, inQuery),
    queryPayloadHash: inQuery,
    sessionToken: presignedToken(parameters.get(SECURITY_TOKEN), headers.get(SECURITY_TOKEN)),
  };
}

/** Presigners sign UNSIGNED-PAYLOAD, unless they sign the header or put a hash into the URL. */
function presignedHashes(
  { signedHeaders }: ClaimedSignature,
  headers: Headers,
  inQuery: string | undefined,
): readonly [string, ...string[]] {
  const inHeader = headers.get(CONTENT_SHA256);
  if (inHeader !== null && signedHeaders.includes(CONTENT_SHA256)) return [inHeader];
  const [first = UNSIGNED_PAYLOAD, ...more] = new Set([
    inQuery ?? UNSIGNED_PAYLOAD,
    UNSIGNED_PAYLOAD,
    ...(inHeader === null ? [] : [inHeader]),
  ]);
  return [first, ...more];
}

function readDate(headers: Headers): AmzDate {
  const amzDate = headers.get("x-amz-date");
  const date = amzDate === null ? parseDateHeader(headers.get("date") ?? "") : parseAmzDate(amzDate);
  if (date !== undefined) return date;
  throw missingDate();
}

/**
 * Anyone on the way can add an unsigned header, and every `x-amz-*` header changes the result of a request.
 * @param exempt a header that need not be signed
 */
function checkEverythingSigned(headers: Headers, signedHeaders: readonly string[], exempt?: string): void {
  const signed = new Set(signedHeaders);
  const missing = signed.has("host") ? [] : ["host"];
  for (const name of headers.keys()) {
    if (name.startsWith("x-amz-") && !signed.has(name) && name !== exempt) missing.push(name);
  }
  if (missing.length === 0) return;
  throw new S3Error("AccessDenied", {
    message: "There were headers present in the request which were not signed",
    details: { HeadersNotSigned: missing.join(", ") },
  });
}

/** @throws S3Error `AuthorizationQueryParametersError` if query and header have different tokens */
function presignedToken(inQuery: string | undefined, inHeader: string | null): string | undefined {
  if (inQuery !== undefined && inHeader !== null && inQuery !== inHeader) {
    throw queryMalformed("X-Amz-Security-Token and the x-amz-security-token header must not differ.");
  }
  return inQuery ?? inHeader ?? undefined;
}
