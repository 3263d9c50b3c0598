/** `Authorization: AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…` (S3 API, "sigv4-auth-using-authorization-header"). */
import { invalidArgument, S3Error } from "../../errors.ts";
import { type ClaimedCredential, MALFORMED_CREDENTIAL, parseCredential } from "./credential-scope.ts";

export const ALGORITHM = "AWS4-HMAC-SHA256";

export interface ClaimedSignature {
  readonly credential: ClaimedCredential;
  /** In lower case, in the given order. */
  readonly signedHeaders: readonly string[];
  readonly signature: string;
}

/**
 * Parses the header. Spaces around commas are optional, as on AWS.
 * @throws S3Error `AuthorizationHeaderMalformed`; `InvalidRequest` for Signature Version 2; `NotImplemented` for
 *   Version 4A; `InvalidArgument` for any other scheme
 */
export function parseAuthorizationHeader(header: string): ClaimedSignature {
  const space = header.search(/\s/);
  if (space === -1) {
    const message = "Authorization header is invalid -- one and only one ' ' (space) required.";
    throw invalidArgument(message, "Authorization", header);
  }
  refuseOtherSchemes(header.slice(0, space), header);
  const components = parseComponents(header.slice(space + 1));
  const credential = parseCredential(requireComponent(components, "Credential"));
  if (credential === undefined) throw headerMalformed(MALFORMED_CREDENTIAL);
  const signedHeaders = parseSignedHeaders(requireComponent(components, "SignedHeaders"));
  if (signedHeaders === undefined) throw headerMalformed('the authorization component "SignedHeaders" is malformed.');
  return { credential, signedHeaders, signature: requireComponent(components, "Signature") };
}

/** `host;x-amz-date` as a list; undefined if a name is empty, repeated or not in lower case. */
export function parseSignedHeaders(text: string): readonly string[] | undefined {
  const names = text.split(";");
  const wellFormed = /^[!#$%&'*+.^_`|~0-9a-z-]+(;[!#$%&'*+.^_`|~0-9a-z-]+)*$/.test(text);
  return wellFormed && new Set(names).size === names.length ? names : undefined;
}

export function headerMalformed(reason: string, details: Readonly<Record<string, string>> = {}): S3Error {
  return new S3Error("AuthorizationHeaderMalformed", {
    message: `The authorization header is malformed; ${reason}`,
    details,
  });
}

/** Signature Version 2, in the header or in the query: AWS refuses it in every region opened since 2014. */
export function signatureV2Refused(): S3Error {
  return new S3Error("InvalidRequest", {
    message: `The authorization mechanism you have provided is not supported. Please use ${ALGORITHM}.`,
  });
}

export function signatureV4aRefused(): S3Error {
  return new S3Error("NotImplemented", {
    message: `Signature Version 4A (AWS4-ECDSA-P256-SHA256) is not implemented. Please use ${ALGORITHM}.`,
  });
}

function refuseOtherSchemes(scheme: string, header: string): void {
  switch (scheme) {
    case ALGORITHM:
      return;
    case "AWS4-ECDSA-P256-SHA256":
      throw signatureV4aRefused();
    case "AWS":
      if (header.includes(":")) throw signatureV2Refused();
      throw invalidArgument(
        "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
        "Authorization",
        header,
      );
    default:
      throw invalidArgument("Unsupported Authorization Type", "Authorization", header);
  }
}

function parseComponents(text: string): ReadonlyMap<string, string> {
  const components = new Map<string, string>();
  const parts = text.split(",");
  for (const part of parts) {
    const component = part.trim();
    const equals = component.indexOf("=");
    if (equals <= 0) throw headerMalformed(`the authorization component "${component}" is malformed.`);
    const name = component.slice(0, equals);
    // Two Authorization headers arrive joined by a comma: neither of two equal components may win.
    if (components.has(name)) throw headerMalformed(`the authorization component "${component}" is malformed.`);
    components.set(name, component.slice(equals + 1));
  }
  if (parts.length !== 3) {
    throw headerMalformed(
      "the authorization header requires three components: Credential, SignedHeaders, and Signature.",
    );
  }
  return components;
}

function requireComponent(components: ReadonlyMap<string, string>, name: string): string {
  const value = components.get(name);
  if (!value) throw headerMalformed(`missing ${name}.`);
  return value;
}
