/**
 * Proofs of customers' keys. A proof is stored with the object in place of the key: a salt of its own, and the MAC of salt and key
 * under a key of the deployment. It decides whether a presented key is right before any byte is read, as on AWS ("Amazon S3
 * stores a randomly salted Hash-based Message Authentication Code (HMAC) value of the encryption key").
 */
import { formatBase64, parseBase64 } from "../checksum/digests.ts";
import type { ContentKey, ObjectEncryption } from "../model/encryption.ts";
import type { MacKey } from "../model/mac-key.ts";

const SALT_BYTES = 16;
const MAC_BYTES = 32;

export class CustomerKeys {
  readonly #macKey: MacKey;

  constructor(macKey: MacKey) {
    this.#macKey = macKey;
  }

  /** What an object says that is encrypted with the key. Different with each call. */
  async describe(key: ContentKey): Promise<ObjectEncryption> {
    const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
    const mac = await this.#macKey.sign(concat(salt, key.expose()));
    return { kind: "customer-key", proof: formatBase64(concat(salt, mac)) };
  }

  /** Whether the proof was made of this key. */
  async isKeyOf(proof: string, key: ContentKey): Promise<boolean> {
    const bytes = parseBase64(proof, SALT_BYTES + MAC_BYTES);
    if (bytes === undefined) return false;
    return this.#macKey.verify(concat(bytes.subarray(0, SALT_BYTES), key.expose()), bytes.subarray(SALT_BYTES));
  }
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}
