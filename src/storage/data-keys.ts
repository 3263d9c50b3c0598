/**
 * Data keys of objects, sealed under a key of SSE-KMS: AES-256-GCM under a key that HKDF-SHA-256 derives from it and a random
 * salt, so that no number of objects exhausts a key. A sealed data key is bound to the bucket's id, the object's key and the
 * encryption context: in the record of another object it cannot be unsealed.
 */
import { formatBase64, parseBase64 } from "../checksum/digests.ts";
import { CONTENT_KEY_BYTES, ContentKey } from "../model/encryption.ts";
import type { KeyBinding } from "../model/kms-key.ts";

const encoder = new TextEncoder();
const SALT_BYTES = 16;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const INFO = encoder.encode("workers-s3/data-keys");

/** A key of SSE-KMS in memory. It does not show itself. */
export class DataKeySealer {
  readonly #root: CryptoKey;

  private constructor(root: CryptoKey) {
    this.#root = root;
  }

  /** @param material 32 random bytes */
  static async open(material: Uint8Array<ArrayBuffer>): Promise<DataKeySealer> {
    return new DataKeySealer(await crypto.subtle.importKey("raw", material, "HKDF", false, ["deriveKey"]));
  }

  /** Base64 of salt, IV and ciphertext. */
  async seal(dataKey: ContentKey, binding: KeyBinding): Promise<string> {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES));
    const algorithm = { name: "AES-GCM", iv, additionalData: bytesOf(binding) };
    const sealed = await crypto.subtle.encrypt(algorithm, await this.#derive(salt), dataKey.expose());
    return formatBase64(new Uint8Array([...salt, ...iv, ...new Uint8Array(sealed)]));
  }

  /** Undefined if it was sealed under another key, belongs to another object, or was altered. */
  async unseal(sealed: string, binding: KeyBinding): Promise<ContentKey | undefined> {
    const bytes = parseBase64(sealed, SALT_BYTES + IV_BYTES + CONTENT_KEY_BYTES + TAG_BYTES);
    if (bytes === undefined) return undefined;
    const iv = bytes.slice(SALT_BYTES, SALT_BYTES + IV_BYTES);
    const algorithm = { name: "AES-GCM", iv, additionalData: bytesOf(binding) };
    const key = await this.#derive(bytes.slice(0, SALT_BYTES));
    try {
      const opened = await crypto.subtle.decrypt(algorithm, key, bytes.slice(SALT_BYTES + IV_BYTES));
      return new ContentKey(new Uint8Array(opened));
    } catch {
      return undefined;
    }
  }

  #derive(salt: Uint8Array<ArrayBuffer>): Promise<CryptoKey> {
    const parameters = { name: "HKDF", hash: "SHA-256", salt, info: INFO };
    const algorithm = { name: "AES-GCM", length: 256 };
    return crypto.subtle.deriveKey(parameters, this.#root, algorithm, false, ["encrypt", "decrypt"]);
  }
}

function bytesOf({ bucketId, key, context }: KeyBinding): Uint8Array {
  return encoder.encode(JSON.stringify([bucketId, key, context ?? ""]));
}
