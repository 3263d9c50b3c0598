/**
 * Strings to sign: for a request (AWS "Create a signed request", step 3), for a chunk and for a trailer (S3 API,
 * "sigv4-streaming").
 */
import { formatHex } from "../../checksum/digests.ts";
import { sha256Hex } from "../../checksum/hasher.ts";

/** The beginning of every string to sign. */
export interface SigningContext {
  /** `YYYYMMDDTHHMMSSZ` */
  readonly timestamp: string;
  /** `YYYYMMDD/region/service/aws4_request` */
  readonly scope: string;
}

export const EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const encoder = new TextEncoder();

/** Asynchronous, because WebCrypto's digest takes half the time of Node's, and verification has to wait for it anyway. */
export async function requestStringToSign(
  { timestamp, scope }: SigningContext,
  canonicalRequest: string,
): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", encoder.encode(canonicalRequest));
  return `AWS4-HMAC-SHA256\n${timestamp}\n${scope}\n${formatHex(new Uint8Array(digest))}`;
}

/**
 * @param previousSignature signature of the previous chunk, or of the request
 * @param chunkSha256 lower-case hex SHA-256 of the chunk's data
 */
export function chunkStringToSign(
  { timestamp, scope }: SigningContext,
  previousSignature: string,
  chunkSha256: string,
): string {
  return `AWS4-HMAC-SHA256-PAYLOAD\n${timestamp}\n${scope}\n${previousSignature}\n${EMPTY_SHA256}\n${chunkSha256}`;
}

/** @param canonicalTrailers `name:value\n` each, sorted by name */
export function trailerStringToSign(
  { timestamp, scope }: SigningContext,
  previousSignature: string,
  canonicalTrailers: string,
): string {
  return `AWS4-HMAC-SHA256-TRAILER\n${timestamp}\n${scope}\n${previousSignature}\n${sha256Hex(canonicalTrailers)}`;
}
