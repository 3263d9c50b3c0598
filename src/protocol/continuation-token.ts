/**
 * Continuation tokens: the position where a listing continues, opaque to clients ("obfuscated and is not a real key",
 * API_ListObjectsV2). A token is authenticated, so that its form may change and it is valid for one bucket only.
 *
 * Form: Base64url of HMAC-SHA-256(key, scope NUL after) followed by `after` in UTF-8.
 */
import { S3Error } from "../errors.ts";
import type { MacKey } from "../model/mac-key.ts";
import { decodeUtf8 } from "./percent-encoding.ts";

const MAC_BYTES = 32;

/**
 * @param scope What the token is valid for, such as a bucket id; must not contain NUL.
 * @param after The last key or common prefix of the page.
 */
export async function formatContinuationToken(key: MacKey, scope: string, after: string): Promise<string> {
  const mac = await key.sign(signedBytes(scope, after));
  return toBase64Url([...mac, ...new TextEncoder().encode(after)]);
}

/**
 * Returns `after`.
 *
 * @param key The same key.
 * @throws S3Error `InvalidArgument` for a token that this deployment did not issue for this scope.
 */
export async function parseContinuationToken(key: MacKey, scope: string, token: string): Promise<string> {
  const bytes = fromBase64Url(token);
  const after = bytes && decodeUtf8(bytes.subarray(MAC_BYTES));
  const isGenuine =
    bytes !== undefined &&
    after !== undefined &&
    bytes.byteLength >= MAC_BYTES &&
    (await key.verify(signedBytes(scope, after), bytes.subarray(0, MAC_BYTES)));
  if (!isGenuine) {
    const message = "The continuation token provided is incorrect";
    throw new S3Error("InvalidArgument", { message, details: { ArgumentName: "continuation-token" } });
  }
  return after;
}

function signedBytes(scope: string, after: string): Uint8Array {
  return new TextEncoder().encode(`${scope}\0${after}`);
}

function toBase64Url(bytes: readonly number[]): string {
  return btoa(bytes.map((byte) => String.fromCharCode(byte)).join(""))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}

function fromBase64Url(text: string): Uint8Array<ArrayBuffer> | undefined {
  if (!/^[A-Za-z0-9_-]*$/.test(text)) return undefined;
  try {
    return Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (character) =>
      character.charCodeAt(0),
    );
  } catch {
    return undefined;
  }
}
