/**
 * Establishes who sent a request and what the request promises about its payload (S3 API,
 * "sig-v4-authenticating-requests"). An `Authentication` can be created only here, so operations run only for callers
 * that were established here.
 */
import { S3Error } from "../errors.ts";
import type { Caller, Credential, FindCredential } from "../model/caller.ts";
import { withoutCustomerKeys } from "../protocol/customer-key-headers.ts";
import type { PostForm } from "../protocol/post-form/post-form.ts";
import type { S3Request } from "../protocol/s3-request.ts";
import { callerOf, requireUsable } from "./credential.ts";
import { effectiveHeaders, type SigningStyle } from "./effective-headers.ts";
import {
  anonymousPromise,
  CONTENT_SHA256,
  type ContentSha256,
  type PayloadPromise,
  parseContentSha256,
  plainPromise,
  signedPromise,
} from "./payload/content-sha256.ts";
import type { FileSizeRange } from "./post-policy/conditions.ts";
import { type FormClaim, type FormClaimV2, readFormClaim } from "./post-policy/form-claim.ts";
import { ANY_FILE_SIZE, applyPolicy, parsePolicyDocument, shownPolicy } from "./post-policy/policy.ts";
import { type Claim, readClaim, refuseSignatureBesideForm } from "./request-claim.ts";
import type { ClaimV2 } from "./sigv2/claim-v2.ts";
import { effectiveQuery } from "./sigv2/parameters.ts";
import { findSigned, readingsV2 } from "./sigv2/signature.ts";
import { type CanonicalReading, canonicalReadings } from "./sigv4/canonical-request.ts";
import { formatScope } from "./sigv4/credential-scope.ts";
import { deriveSigningKey, type SigningKey, SigningKeyCache, verifySignature } from "./sigv4/signing-key.ts";
import { requestStringToSign } from "./sigv4/string-to-sign.ts";

export { effectiveHeaders, type SignatureVersion } from "./effective-headers.ts";
export { claimedFormAccessKeyId, claimedFormSessionToken } from "./post-policy/form-claim.ts";
export { claimedAccessKeyId, claimedService, claimedSessionToken } from "./request-claim.ts";

/** Not exported, so only the functions of this file can create an object with this property. */
const established: unique symbol = Symbol("established by authenticate()");

export interface Authentication extends SigningStyle {
  readonly [established]: true;
  /** The region in the scope of a Version 4 signature of a request; absent for forms and without such a signature. */
  readonly region?: string;
  readonly caller: Caller;
  readonly payload: PayloadPromise;
}

export interface FormAuthentication extends Authentication {
  /** File sizes that the form's policy allows. */
  readonly fileSize: FileSizeRange;
}

export interface AuthenticationOptions {
  /** `"any"`, or the one region that signatures must name. */
  readonly regions: "any" | (string & {});
  readonly service: "s3" | "iam" | "sts" | "sns";
  /** Further service names that signatures may contain, on surfaces of several services (`iam`, `sts`). */
  readonly additionalServices?: readonly string[];
  /**
   * Hex SHA-256 of the whole body, for surfaces that read the body first. Signatures must then contain this payload
   * hash; `x-amz-content-sha256` is ignored.
   */
  readonly bodySha256?: string;
  /** Whether Signature Version 2 is accepted; default false. */
  readonly signatureV2?: boolean;
}

/** Used for unknown access key ids, so that they take the same work as a wrong signature. */
const SECRET_OF_UNKNOWN_KEYS = "0".repeat(40);

const SIGNATURE_DOES_NOT_MATCH =
  "The request signature we calculated does not match the signature you provided. Check your key and signing method.";

const signingKeys = new SigningKeyCache();

/**
 * @param findCredential called once, and only for a well-formed claim
 * @throws S3Error one of S3's authentication errors, with AWS's details
 */
export async function authenticate(
  request: S3Request,
  findCredential: FindCredential,
  options: AuthenticationOptions,
): Promise<Authentication> {
  const { regions, bodySha256, signatureV2 = false } = options;
  const { service, additionalServices: more } = options;
  const services = more === undefined ? [service] : [service, ...more];
  const claim = readClaim(request, { regions, services, bodySha256, signatureV2 });
  if (claim === undefined) {
    return {
      [established]: true,
      caller: { kind: "anonymous" },
      payload: anonymousPromise(request.headers.get(CONTENT_SHA256)),
      query: request.query,
      style: "anonymous",
      signatureVersion: undefined,
    };
  }
  if (claim.version === 2) return authenticateV2(request, claim, findCredential);
  // The payload hash is checked before the key is looked up, because its meaning does not depend on the caller.
  for (const hash of claim.payloadHashes) parseContentSha256(hash);
  if (claim.queryPayloadHash !== undefined) parseContentSha256(claim.queryPayloadHash);

  const named = { accessKeyId: claim.credential.accessKeyId, sessionToken: claim.sessionToken };
  const credential = await findCredential(named.accessKeyId, named.sessionToken);
  const { signingKey, reading } = await findReading(request, claim, credential);
  const usable = requireUsable(credential, named, request.now);
  if (reading === undefined) throw await requestDoesNotMatch(request, claim);
  signingKeys.remember(usable.secretAccessKey, claim.credential, signingKey);
  return {
    [established]: true,
    caller: callerOf(usable),
    payload: signedPromise(promisedContent(request, claim, reading.payloadHash), {
      accessKeyId: usable.accessKeyId,
      signingKey,
      signature: claim.signature,
      ...signingContext(claim),
    }),
    query: reading.query,
    style: claim.style,
    signatureVersion: "AWS4-HMAC-SHA256",
    region: claim.credential.region,
  };
}

/** A request signed with Version 2, whose signature does not cover the body or most of the query. */
async function authenticateV2(
  request: S3Request,
  claim: ClaimV2,
  findCredential: FindCredential,
): Promise<Authentication> {
  const { style, accessKeyId, sessionToken, signature } = claim;
  const named = { accessKeyId, sessionToken };
  const credential = await findCredential(accessKeyId, sessionToken);
  const secret = credential?.secretAccessKey ?? SECRET_OF_UNKNOWN_KEYS;
  const reading = await findSigned(
    { secret, signature },
    readingsV2(request, claim),
    ({ stringToSign }) => stringToSign,
  );
  const usable = requireUsable(credential, named, request.now);
  if (reading === undefined) {
    const [usual] = readingsV2(request, claim);
    throw signatureDoesNotMatch({ accessKeyId, signature, stringToSign: usual?.stringToSign ?? "" });
  }
  const verified = { style, signatureVersion: "AWS", query: effectiveQuery(reading.query) } as const;
  const payload = plainPromise(effectiveHeaders(request, verified).get(CONTENT_SHA256));
  return { [established]: true, caller: callerOf(usable), payload, ...verified };
}

/**
 * The same for POST Object, whose form has a policy and its signature in fields, or neither. When this returns, every
 * condition of the policy holds except that on the file's size.
 *
 * @param request with the form, read up to its file
 * @param findCredential called once, and only for a well-formed claim
 * @throws S3Error one of S3's authentication errors; `InvalidPolicyDocument`, `AccessDenied` by the policy
 */
export async function authenticatePostForm(
  request: S3Request & { readonly form: PostForm },
  findCredential: FindCredential,
  options: AuthenticationOptions,
): Promise<FormAuthentication> {
  refuseSignatureBesideForm(request);
  const { fields } = request.form;
  const { regions, service, signatureV2 = false } = options;
  const common = { [established]: true, payload: { kind: "unsigned" }, query: request.query } as const;
  const claim = readFormClaim(fields, { regions, services: [service], signatureV2 });
  if (claim === undefined) {
    const anonymous = { caller: { kind: "anonymous" }, style: "anonymous", signatureVersion: undefined } as const;
    return { ...common, ...anonymous, fileSize: ANY_FILE_SIZE };
  }
  const usable =
    claim.version === 2
      ? await verifyFormV2(request, claim, findCredential)
      : await verifyForm(request, claim, findCredential);
  const bucket = request.resource.kind === "service" ? "" : request.resource.bucket;
  const fileSize = applyPolicy(parsePolicyDocument(claim.policy), { bucket, fields }, request.now);
  const signatureVersion = claim.version === 2 ? "AWS" : "AWS4-HMAC-SHA256";
  return { ...common, caller: callerOf(usable), style: "form", signatureVersion, fileSize };
}

async function verifyForm(request: S3Request, claim: FormClaim, findCredential: FindCredential): Promise<Credential> {
  const { accessKeyId } = claim.credential;
  const named = { accessKeyId, sessionToken: claim.sessionToken };
  const credential = await findCredential(accessKeyId, claim.sessionToken);
  const secret = credential?.secretAccessKey ?? SECRET_OF_UNKNOWN_KEYS;
  const signingKey = signingKeys.find(secret, claim.credential) ?? (await deriveSigningKey(secret, claim.credential));
  const isGenuine = await verifySignature(signingKey, claim.policy, claim.signature);
  const usable = requireUsable(credential, named, request.now);
  if (!isGenuine) {
    throw signatureDoesNotMatch({
      accessKeyId,
      stringToSign: shownPolicy(claim.policy),
      signature: claim.signature,
    });
  }
  signingKeys.remember(usable.secretAccessKey, claim.credential, signingKey);
  return usable;
}

async function verifyFormV2(
  request: S3Request,
  claim: FormClaimV2,
  findCredential: FindCredential,
): Promise<Credential> {
  const { accessKeyId, sessionToken, policy, signature } = claim;
  const credential = await findCredential(accessKeyId, sessionToken);
  const secret = credential?.secretAccessKey ?? SECRET_OF_UNKNOWN_KEYS;
  const genuine = await findSigned({ secret, signature }, [policy], String);
  const usable = requireUsable(credential, { accessKeyId, sessionToken }, request.now);
  if (genuine === undefined) {
    throw signatureDoesNotMatch({ accessKeyId, stringToSign: shownPolicy(policy), signature });
  }
  return usable;
}

/** The first reading of the request that matches the signature. */
async function findReading(
  request: S3Request,
  claim: Claim,
  credential: Credential | undefined,
): Promise<{ signingKey: SigningKey; reading: CanonicalReading | undefined }> {
  const secret = credential?.secretAccessKey ?? SECRET_OF_UNKNOWN_KEYS;
  const signingKey = signingKeys.find(secret, claim.credential) ?? (await deriveSigningKey(secret, claim.credential));
  const context = signingContext(claim);
  for (const reading of canonicalReadings(request, claim.signedHeaders, claim.payloadHashes)) {
    const stringToSign = await requestStringToSign(context, reading.canonicalRequest);
    if (await verifySignature(signingKey, stringToSign, claim.signature)) return { signingKey, reading };
  }
  return { signingKey, reading: undefined };
}

/**
 * The strictest promise of the request. The payload hash of the verified canonical request counts first; if it is
 * UNSIGNED-PAYLOAD, a presigned URL may have another promise in its query (signed) or in a header (unsigned, but it can
 * only restrict the request).
 */
function promisedContent(request: S3Request, claim: Claim, verifiedHash: string): ContentSha256 {
  if (claim.style === "header") return parseContentSha256(verifiedHash);
  const hashes = [verifiedHash, claim.queryPayloadHash, request.headers.get(CONTENT_SHA256)];
  const promises = hashes.flatMap((hash) => (hash ? [parseContentSha256(hash)] : []));
  return promises.find(({ kind }) => kind !== "unsigned") ?? { kind: "unsigned" };
}

async function requestDoesNotMatch(request: S3Request, claim: Claim): Promise<S3Error> {
  const [reading] = canonicalReadings(request, claim.signedHeaders, claim.payloadHashes);
  const canonicalRequest = reading?.canonicalRequest ?? "";
  const stringToSign = await requestStringToSign(signingContext(claim), canonicalRequest);
  const { accessKeyId } = claim.credential;
  return signatureDoesNotMatch({ accessKeyId, stringToSign, signature: claim.signature, canonicalRequest });
}

interface Mismatch {
  readonly accessKeyId: string;
  readonly stringToSign: string;
  readonly signature: string;
  /** The canonical request behind the string to sign, under Version 4. */
  readonly canonicalRequest?: string;
}

/** Reports everything that was compared except the correct signature and the keys of customers. */
function signatureDoesNotMatch({ accessKeyId, signature, ...compared }: Mismatch): S3Error {
  const stringToSign = withoutCustomerKeys(compared.stringToSign);
  const canonicalRequest = compared.canonicalRequest && withoutCustomerKeys(compared.canonicalRequest);
  return new S3Error("SignatureDoesNotMatch", {
    message: SIGNATURE_DOES_NOT_MATCH,
    details: {
      AWSAccessKeyId: accessKeyId,
      StringToSign: stringToSign,
      SignatureProvided: signature,
      StringToSignBytes: formatByteList(stringToSign),
      ...(canonicalRequest !== undefined && {
        CanonicalRequest: canonicalRequest,
        CanonicalRequestBytes: formatByteList(canonicalRequest),
      }),
    },
  });
}

function signingContext(claim: Claim) {
  return { timestamp: claim.date.timestamp, scope: formatScope(claim.credential) };
}

/** `41 57 53 34`: the form in which S3 shows the bytes it signed. */
function formatByteList(text: string): string {
  return Array.from(new TextEncoder().encode(text), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
}
