/** The key that signs the requests of one day to one region and service (AWS "Create a signed request", step 4). */
import { formatHex, parseHex } from "../../checksum/digests.ts";
import type { ClaimedCredential } from "./credential-scope.ts";

const HMAC_SHA256 = { name: "HMAC", hash: "SHA-256" };
const encoder = new TextEncoder();

/** Not extractable. */
export type SigningKey = CryptoKey;

/** Takes four HMACs; `SigningKeyCache` keeps the key for the next request. */
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
  // An invalid signature is also compared, so that its format does not change the code path.
  const claimed = parseHex(signature, 32);
  const valid = await crypto.subtle.verify("HMAC", key, claimed ?? new Uint8Array(32), encoder.encode(stringToSign));
  return valid && claimed !== undefined;
}

/**
 * Caches derived keys by secret and scope, so a replaced secret does not match. Only keys that verified a request are
 * cached, so strangers cannot displace them.
 */
export class SigningKeyCache {
  readonly #keys = new Map<string, SigningKey>();
  readonly #maxEntries: number;

  constructor(maxEntries = 256) {
    this.#maxEntries = maxEntries;
  }

  find(secretAccessKey: string, scope: ClaimedCredential): SigningKey | undefined {
    return this.#keys.get(nameOf(secretAccessKey, scope));
  }

  remember(secretAccessKey: string, scope: ClaimedCredential, key: SigningKey): void {
    const name = nameOf(secretAccessKey, scope);
    // Inserting again keeps the map in order of use; the first entry is the least recently used.
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

function nameOf(secretAccessKey: string, { accessKeyId, day, region, service }: ClaimedCredential): string {
  // No part of the scope contains `/`, and the secret is last, so different inputs give different texts. The text itself
  // is no greater risk than its digest: the secrets of keys in use are in this isolate's memory in any case.
  return `${accessKeyId}/${day}/${region}/${service}/${secretAccessKey}`;
}

function importKey(bytes: BufferSource): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", bytes, HMAC_SHA256, false, ["sign", "verify"]);
}

function hmac(key: CryptoKey, text: string): Promise<ArrayBuffer> {
  return crypto.subtle.sign("HMAC", key, encoder.encode(text));
}
