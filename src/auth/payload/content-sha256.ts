/**
 * `x-amz-content-sha256`: the promise of a request about its payload (S3 API, "sigv4-auth-using-authorization-header").
 */
import { invalidArgument, S3Error } from "../../errors.ts";
import type { SigningKey } from "../sigv4/signing-key.ts";
import type { SigningContext } from "../sigv4/string-to-sign.ts";

export const CONTENT_SHA256 = "x-amz-content-sha256";
export const UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD";

export type ContentSha256 =
  /** Lower-case hex SHA-256 of the payload. */
  | { readonly kind: "literal"; readonly sha256: string }
  | { readonly kind: "unsigned" }
  | { readonly kind: "signed-chunks"; readonly trailer: boolean }
  /** With or without a trailer. */
  | { readonly kind: "unsigned-chunks" };

/** The promise after the request's signature has been verified, with the values that chunk signatures continue from. */
export type PayloadPromise =
  | Exclude<ContentSha256, { readonly kind: "signed-chunks" }>
  | { readonly kind: "signed-chunks"; readonly trailer: boolean; readonly seed: ChunkSeed };

export interface ChunkSeed extends SigningContext {
  readonly accessKeyId: string;
  readonly signingKey: SigningKey;
  /** The request's own signature, which the first chunk's signature covers. */
  readonly signature: string;
}

/**
 * @throws S3Error `InvalidArgument` on any other value, `NotImplemented` on the Version 4A modes
 */
export function parseContentSha256(value: string): ContentSha256 {
  switch (value) {
    case UNSIGNED_PAYLOAD:
      return { kind: "unsigned" };
    case "STREAMING-UNSIGNED-PAYLOAD-TRAILER":
      return { kind: "unsigned-chunks" };
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD":
      return { kind: "signed-chunks", trailer: false };
    case "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER":
      return { kind: "signed-chunks", trailer: true };
    case "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD":
    case "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER":
      throw new S3Error("NotImplemented", { message: `The chunk encoding algorithm ${value} is not supported.` });
  }
  if (/^[0-9a-fA-F]{64}$/.test(value)) return { kind: "literal", sha256: value.toLowerCase() };
  const message =
    "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value.";
  throw invalidArgument(message, CONTENT_SHA256, value);
}

/** @throws S3Error `InvalidRequest` if chunk signatures are announced: without a key they cannot be verified */
export function anonymousPromise(value: string | null): PayloadPromise {
  const parsed: ContentSha256 = value === null ? { kind: "unsigned" } : parseContentSha256(value);
  if (parsed.kind !== "signed-chunks") return parsed;
  throw new S3Error("InvalidRequest", {
    message:
      "Anonymous requests don't support this x-amz-content-sha256 value. Please use UNSIGNED-PAYLOAD or STREAMING-UNSIGNED-PAYLOAD-TRAILER.",
  });
}

/**
 * The promise of a Version 2 request, whose signature does not cover the payload.
 * @throws S3Error `InvalidRequest` for aws-chunked bodies, signed or not, which belong to Version 4
 */
export function plainPromise(value: string | null): PayloadPromise {
  const parsed: ContentSha256 = value === null ? { kind: "unsigned" } : parseContentSha256(value);
  if (parsed.kind === "unsigned" || parsed.kind === "literal") return parsed;
  throw new S3Error("InvalidRequest", {
    message: `Signature Version 2 does not support the x-amz-content-sha256 value ${value}. Please use AWS4-HMAC-SHA256.`,
  });
}

export function signedPromise(parsed: ContentSha256, seed: ChunkSeed): PayloadPromise {
  return parsed.kind === "signed-chunks" ? { ...parsed, seed } : parsed;
}
