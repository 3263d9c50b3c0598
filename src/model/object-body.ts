import type { S3Error } from "../errors.ts";
import type { Checksum, ChecksumAlgorithm } from "./checksum.ts";
import type { Pieces } from "./pieces.ts";

/**
 * The bytes of one upload, decoded and self-verifying.
 *
 * Contract: `content` is exactly `sizeBytes` bytes, and its last ones come only after everything the request states about them
 * (payload hash, chunk signatures, trailer, Content-MD5, checksum, length) has been checked. If a check fails, it fails before
 * its last piece, and `failure()` returns the S3 error. So a write that is committed with its last byte is always verified.
 *
 * The one exception is `delegated`: a single digest that the store checks, because then JavaScript need not look at the bytes.
 */
export interface ObjectBody {
  /** Decoded length in bytes, known before the first byte. */
  readonly sizeBytes: number;
  /** A stream if nothing but `delegated` verifies the bytes. Can be consumed only once. */
  readonly content: ReadableStream<Uint8Array> | Pieces;
  /** A digest the store must verify before it commits, and the error to answer if it does not match. */
  readonly delegated: DelegatedDigest | undefined;
  /** The additional checksum to keep with the object. */
  readonly checksum: DeclaredChecksum;
  /** Why `content` failed; the store rethrows this rather than the platform's wrapper around it. */
  failure(): S3Error | undefined;
}

/** Text of the deployment itself, which no client has signed. */
export function textBody(text: string): ObjectBody {
  const bytes = new TextEncoder().encode(text);
  let isRead = false;
  return {
    sizeBytes: bytes.byteLength,
    content: {
      async next() {
        if (isRead) return undefined;
        isRead = true;
        return bytes;
      },
      async cancel() {},
    },
    delegated: undefined,
    checksum: { when: "never" },
    failure: () => undefined,
  };
}

/**
 * The same for bytes whose number is known only at their end: a form's file, which more of the form may follow. There are
 * `minBytes` to `maxBytes` of them, and all is verified once they have ended without a failure.
 */
export interface UnmeasuredBody {
  readonly minBytes: number;
  readonly maxBytes: number;
  /** Can be consumed only once. */
  readonly content: Pieces;
  readonly checksum: Exclude<DeclaredChecksum, { readonly when: "after" }>;
  failure(): S3Error | undefined;
}

/** How an error document shows a digest. */
export type DigestText = "hex" | "base64";

export interface DelegatedDigest {
  readonly algorithm: "md5" | "sha256";
  /** Lower-case hex. */
  readonly hex: string;
  /** @param calculated the actual digest of the bytes, if it is known */
  readonly mismatch: (calculated?: Uint8Array) => S3Error;
}

export type DeclaredChecksum =
  | { readonly when: "never" }
  /** From a header: known before the body, although not yet verified. */
  | { readonly when: "before"; readonly checksum: Checksum }
  /** From the trailer: `value()` may be called once the content has ended cleanly. */
  | { readonly when: "after"; readonly algorithm: ChecksumAlgorithm; readonly value: () => Checksum };
