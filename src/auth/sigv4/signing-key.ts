/** The key a day's requests to one region and service are signed with (AWS "Create a signed request", step 4). */
import { formatHex, parseHex } from "../../checksum/digests.ts";
import { sha256Hex } from "../../checksum/hasher.ts";
import type { ClaimedCredential } from "./credential-scope.ts";

const HMAC_SHA256 = { name: "HMAC", hash: "SHA-256" };
const encoder = new TextEncoder();

/** Not extractable. */
export type SigningKey = CryptoKey;

/** Four HMACs; `SigningKeyCache` saves them for the next request. */
export async function deriveSigningKey(secretAccessKey: string, scope: ClaimedCredential): Promise<SigningKey> {
  let key = await importKey(encoder.encode(`AWS4${secretAccessKey}`));
  for (const step of [scope.day, scope.region, scope.service, scope.terminal])
    key = await importKey(await hmac(key, step));
  return key;
}

/** Signature as lower-case hex. */
export async function sign(key: SigningKey, stringToSign: string): Promise<string> {
  return formatHex(new Uint8Array(await hmac(key, stringToSign)));
}

/** Whether `signature` is the lower-case hex signature of the text. WebCrypto compares in constant time. */
export async function verifySignature(key: SigningKey, stringToSign: string, signature: string): Promise<boolean> {
  // A text that is no signature is compared all the same, so that its shape takes the same path.
  const claimed = parseHex(signature, 32);
  const valid = await crypto.subtle.verify("HMAC", key, claimed ?? new Uint8Array(32), encoder.encode(stringToSign));
  return valid && claimed !== undefined;
}

/**
 * Derived keys by a digest of secret and scope: nothing to read a secret from, and a replaced secret misses by itself.
 * Only keys that verified a request are remembered, so strangers cannot wash the cache out.
 */
export class SigningKeyCache {
  readonly #keys = new Map<string, SigningKey>();
  readonly #maxEntries: number;

  constructor(maxEntries = 256) {
    this.#maxEntries = maxEntries;
  }

  find(secretAccessKey: string, scope: ClaimedCredential): SigningKey | undefined {
    return this.#keys.get(fingerprint(secretAccessKey, scope));
  }

  remember(secretAccessKey: string, scope: ClaimedCredential, key: SigningKey): void {
    const name = fingerprint(secretAccessKey, scope);
    // Re-inserting keeps the map in order of use; the first entry is the one unused for longest.
    this.#keys.delete(name);
    this.#keys.set(name, key);
    for (const oldest of this.#keys.keys()) {
      if (this.#keys.size <= this.#maxEntries) break;
      this.#keys.delete(oldest);
    }
  }

  get size(): number {
    return this.#keys.size;
  }
}

function fingerprint(secretAccessKey: string, { accessKeyId, day, region, service }: ClaimedCredential): string {
  // None of the scope's parts contains `/`, and the secret stands last, so different inputs give different texts.
  return sha256Hex(`${accessKeyId}/${day}/${region}/${service}/${secretAccessKey}`);
}

function importKey(bytes: BufferSource): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, HMAC_SHA256, false, ["sign", "verify"]);
}

function hmac(key: CryptoKey, text: string): Promise<ArrayBuffer> {
  return crypto.subtle.sign("HMAC", key, encoder.encode(text));
}
