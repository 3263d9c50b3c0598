/** Bodies that are documents: small, read whole, verified like any upload. */
import { S3Error } from "../../errors.ts";
import type { S3Request } from "../../protocol/s3-request.ts";
import type { Authentication } from "../authenticate.ts";
import { openVerifiedBody } from "./object-body.ts";

export interface WholeBodyOptions {
  readonly maxBytes: number;
  /** Whether S3 insists on `Content-MD5` or a checksum (DeleteObjects and most configuration documents). */
  readonly requireDigest: boolean;
}

/**
 * @throws S3Error as `openObjectBody`, for the bytes as well; `MaxMessageLengthExceeded` beyond `maxBytes`,
 * `InvalidRequest` if a required digest is missing
 */
export async function readWholeBody(
  request: S3Request,
  headers: Headers,
  authentication: Authentication,
  { maxBytes, requireDigest }: WholeBodyOptions,
): Promise<Uint8Array> {
  const { body, protectsIntegrity } = openVerifiedBody(request, headers, authentication);
  if (requireDigest && !protectsIntegrity) {
    throw new S3Error("InvalidRequest", {
      message: "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    });
  }
  if (body.sizeBytes > maxBytes) {
    throw new S3Error("MaxMessageLengthExceeded", {
      message: "Your request was too big.",
      details: { MaxMessageLengthBytes: String(maxBytes) },
    });
  }
  const whole = new Uint8Array(body.sizeBytes);
  let filled = 0;
  const reader = body.stream.getReader();
  for (let { done, value } = await reader.read(); !done; { done, value } = await reader.read()) {
    if (value === undefined) continue;
    whole.set(value, filled);
    filled += value.length;
  }
  return whole;
}
