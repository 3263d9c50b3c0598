/**
 * Signature Version 4 for tests, written from AWS's description only ("Create a signed request"). Synchronous node:crypto,
 * no code of src.
 */
import { createHash, createHmac } from "node:crypto";

/** What a signature covers. */
export interface SignedParts {
  readonly method: string;
  /** Encoded, starting with `/`. */
  readonly path: string;
  /** Sorted and encoded. */
  readonly query: string;
  /** Lower-case names and values in signed order. */
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly payloadHash: string;
}

/** Which key signs. */
export interface SigningScope {
  /** `YYYYMMDDTHHMMSSZ` */
  readonly timestamp: string;
  readonly region: string;
  readonly service: string;
  readonly secret: string;
}

/** Lower-case hex. */
export function signatureOf(parts: SignedParts, scope: SigningScope): string {
  const canonicalRequest = [
    parts.method,
    parts.path,
    parts.query,
    ...parts.headers.map(([name, value]) => `${name}:${value}`),
    "",
    parts.headers.map(([name]) => name).join(";"),
    parts.payloadHash,
  ].join("\n");
  const stringToSign = `AWS4-HMAC-SHA256\n${scope.timestamp}\n${scopeOf(scope)}\n${sha256Hex(canonicalRequest)}`;
  return hmacHex(signingKeyOf(scope), stringToSign);
}

export function scopeOf({ timestamp, region, service }: Omit<SigningScope, "secret">): string {
  return `${timestamp.slice(0, 8)}/${region}/${service}/aws4_request`;
}

export function signingKeyOf(scope: SigningScope): Uint8Array {
  return scopeOf(scope)
    .split("/")
    .reduce(hmac, new TextEncoder().encode(`AWS4${scope.secret}`));
}

export function sha256Hex(data: string | Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

export function hmacHex(key: Uint8Array, text: string): string {
  return createHmac("sha256", key).update(text).digest("hex");
}

function hmac(key: Uint8Array, text: string): Uint8Array {
  return new Uint8Array(createHmac("sha256", key).update(text).digest());
}
