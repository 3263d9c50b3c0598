/** The encryption of an object's bytes in storage, beyond that of R2, which encrypts everything with keys of its own. */
import { S3Error } from "../errors.ts";

/** What an object says about its encryption. Plain data, which is stored with it; nothing of it is a key. */
export type ObjectEncryption = CustomerKeyEncryption | DataKeyEncryption;

/** With a key that the customer sends with each request (SSE-C). It is not stored: the proof decides whether it is sent. */
export interface CustomerKeyEncryption {
  readonly kind: "customer-key";
  readonly proof: string;
}

/** With a random key of the object (SSE-KMS). */
export interface DataKeyEncryption {
  readonly kind: "data-key";
  /** The object's key, sealed under a key of the deployment and bound to the object (`KeyBinding`). */
  readonly sealed: string;
  /** ARN of the deployment's key. */
  readonly keyArn: string;
  /** The encryption context, in the form in which it is sent. */
  readonly context?: string;
  readonly usesBucketKey?: boolean;
  /** When an object that was written without a key got it, milliseconds since 1970; absent if it was written with one. */
  readonly since?: number;
}

export const CONTENT_KEY_BYTES = 32;

/**
 * The key that R2 encrypts the bytes of an object with, and does not keep. It shows itself to R2 only: it is no plain data, so
 * neither a log line nor a message can contain it.
 */
export class ContentKey {
  readonly #bytes: Uint8Array<ArrayBuffer>;

  /** @throws RangeError for a key that has not 32 bytes */
  constructor(bytes: Uint8Array) {
    if (bytes.length !== CONTENT_KEY_BYTES) throw new RangeError("a content key has 32 bytes");
    this.#bytes = new Uint8Array(bytes);
  }

  /** For R2's `ssecKey`, a MAC or a cipher. A copy, in memory of its own. */
  expose(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice();
  }

  /** Looks at all bytes, so the duration reveals nothing. */
  equals(other: ContentKey): boolean {
    let difference = 0;
    this.#bytes.forEach((byte, index) => {
      difference |= byte ^ (other.#bytes[index] ?? 0);
    });
    return difference === 0;
  }
}

/** How the bytes of a write are encrypted: what its object says, and the key. Neither: only by R2, with a key of its own. */
export interface WriteEncryption {
  readonly encryption?: ObjectEncryption | undefined;
  readonly contentKey?: ContentKey | undefined;
}

/**
 * The key of an object's bytes; undefined if only R2 encrypts them.
 * @throws S3Error `InvalidRequest` for an encrypted object without its key
 */
export function requireUnlocked(
  { encryption }: { readonly encryption?: ObjectEncryption },
  contentKey: ContentKey | undefined,
): ContentKey | undefined {
  if (encryption === undefined) return undefined;
  if (contentKey === undefined) throw keyMissing();
  return contentKey;
}

/** A read without the key of an object that is encrypted with a customer's (recorded on AWS). */
export function keyMissing(): S3Error {
  return new S3Error("InvalidRequest", {
    message:
      "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.",
  });
}

export function isSameEncryption(left: ObjectEncryption | undefined, right: ObjectEncryption | undefined): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}
