/**
 * Keys derived from the deployment's SEAL_KEY (HKDF-SHA-256, one purpose each) and the sealing of secrets at rest
 * with AES-256-GCM. A sealed value is bound to its owner's name, so a row's secret cannot be moved to another row.
 */
import { formatHex } from "../checksum/digests.ts";
import { MacKey } from "../model/mac-key.ts";

const encoder = new TextEncoder();
const IV_BYTES = 12;

export interface Sealer {
  /** Base64 of IV and ciphertext. `name` is authenticated, not stored. */
  seal(secret: string, name: string): Promise<string>;
  /** @throws if the value was altered, belongs to another name or was sealed under another SEAL_KEY. */
  unseal(sealed: string, name: string): Promise<string>;
}

/**
 * Its key is derived when it is first used: most isolates use few of them.
 * @param purpose what is sealed under one purpose cannot be unsealed under another
 */
export function openSealer(
  sealKey: Uint8Array<ArrayBuffer>,
  purpose:
    | "access-key-secrets"
    | "session-tokens"
    | "remote-secrets"
    | "signing-keys"
    | "kms-keys"
    | "kms-export"
    | "config-export"
    | "setup-secrets",
): Sealer {
  // Not a promise: one request must not wait for I/O of another.
  let derived: CryptoKey | undefined;
  const key = async () => {
    const algorithm = { name: "AES-GCM", length: 256 };
    derived ??= await derive(sealKey, purpose, { algorithm, usages: ["encrypt", "decrypt"] });
    return derived;
  };
  return {
    async seal(secret, name) {
      const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
      const algorithm = { name: "AES-GCM", iv, additionalData: encoder.encode(name) };
      const sealed = new Uint8Array(await crypto.subtle.encrypt(algorithm, await key(), encoder.encode(secret)));
      return btoa(toBinary(iv) + toBinary(sealed));
    },
    async unseal(sealed, name) {
      const bytes = Uint8Array.from(atob(sealed), (character) => character.charCodeAt(0));
      const algorithm = { name: "AES-GCM", iv: bytes.subarray(0, IV_BYTES), additionalData: encoder.encode(name) };
      return new TextDecoder().decode(await crypto.subtle.decrypt(algorithm, await key(), bytes.subarray(IV_BYTES)));
    },
  };
}

/** A call takes some ten thousand arguments, and a page of an export has more bytes. */
function toBinary(bytes: Uint8Array): string {
  let text = "";
  for (let start = 0; start < bytes.length; start += 8192) {
    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
  }
  return text;
}

/** Derived, too, when it is first used. MACs of one purpose mean nothing under another. */
export function openMacKey(sealKey: Uint8Array<ArrayBuffer>, purpose: string): MacKey {
  const algorithm = { name: "HMAC", hash: "SHA-256", length: 256 };
  return new MacKey(() => derive(sealKey, purpose, { algorithm, usages: ["sign", "verify"] }));
}

/** A name that distinguishes SEAL_KEYs and reveals nothing about them. */
export async function nameSealKey(sealKey: Uint8Array<ArrayBuffer>): Promise<string> {
  const mac = await openMacKey(sealKey, "seal-key-name").sign(new Uint8Array(0));
  return formatHex(mac.subarray(0, 16));
}

/** 32 bytes from a secret that a person has chosen. Each guess at it takes as many iterations of PBKDF2. */
export async function stretch(
  secret: string,
  { salt, iterations }: { readonly salt: Uint8Array<ArrayBuffer>; readonly iterations: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await crypto.subtle.importKey("raw", encoder.encode(secret), "PBKDF2", false, ["deriveBits"]);
  return new Uint8Array(
    await crypto.subtle.deriveBits({ name: "PBKDF2", hash: "SHA-256", salt, iterations }, key, 256),
  );
}

interface DerivedKey {
  readonly algorithm: { readonly name: string; readonly length: number; readonly hash?: string };
  readonly usages: ("encrypt" | "decrypt" | "sign" | "verify")[];
}

async function derive(
  sealKey: Uint8Array<ArrayBuffer>,
  purpose: string,
  { algorithm, usages }: DerivedKey,
): Promise<CryptoKey> {
  const root = await crypto.subtle.importKey("raw", sealKey, "HKDF", false, ["deriveKey"]);
  const parameters = {
    name: "HKDF",
    hash: "SHA-256",
    salt: new Uint8Array(0),
    info: encoder.encode(`workers-s3/${purpose}`),
  };
  return crypto.subtle.deriveKey(parameters, root, algorithm, false, usages);
}
