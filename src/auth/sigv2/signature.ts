/** HMAC-SHA1 under the secret itself: the signature of Signature Version 2, of requests and of policies of forms. */
import { parseBase64 } from "../../checksum/digest-text.ts";

const HMAC_SHA1 = { name: "HMAC", hash: "SHA-1" };
const SIGNATURE_BYTES = 20;
const encoder = new TextEncoder();

/** Whether `signature` is the Base64 signature of one of the texts; which of them, if so. WebCrypto compares in constant time. */
export async function findSigned<T>(
  secretAccessKey: string,
  signature: string,
  candidates: Iterable<T>,
  textOf: (candidate: T) => string,
): Promise<T | undefined> {
  const key = await crypto.subtle.importKey("raw", encoder.encode(secretAccessKey), HMAC_SHA1, false, ["verify"]);
  // A text that is no signature is compared all the same, so that its shape takes the same path.
  const claimed = parseBase64(signature, SIGNATURE_BYTES);
  for (const candidate of candidates) {
    const text = encoder.encode(textOf(candidate));
    const valid = await crypto.subtle.verify("HMAC", key, claimed ?? new Uint8Array(SIGNATURE_BYTES), text);
    if (valid && claimed !== undefined) return candidate;
  }
  return undefined;
}
