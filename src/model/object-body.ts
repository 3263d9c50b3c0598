import type { S3Error } from "../errors.ts";
import type { Checksum, ChecksumAlgorithm } from "./checksum.ts";

/**
 * The bytes of one upload, decoded and self-verifying.
 *
 * Contract: `stream` yields exactly `sizeBytes` bytes and closes only after every promise the request made about them
 * (payload hash, chunk signatures, trailer, Content-MD5, checksum, length) has been checked. If one does not hold it
 * errors instead, before its last chunk was handed out, and `failure()` tells the S3 error. So whoever commits after
 * a clean end never commits anything unverified.
 *
 * The one exception is `delegated`: a single digest left for the store to check, because then the platform can move
 * the bytes without JavaScript touching them.
 */
export interface ObjectBody {
  /** Decoded length in bytes, known before the first byte. */
  readonly sizeBytes: number;
  /** To be consumed once. */
  readonly stream: ReadableStream<Uint8Array>;
  /** A digest the store must verify before it commits, and the error to answer if it does not match. */
  readonly delegated: DelegatedDigest | undefined;
  /** The additional checksum to keep with the object. */
  readonly checksum: DeclaredChecksum;
  /** Why the stream failed; the store rethrows this rather than the platform's wrapper around it. */
  failure(): S3Error | undefined;
}

/**
 * The same for bytes whose number shows only at their end: a form's file, where more form follows. The stream yields
 * `minBytes` to `maxBytes` bytes before it closes, and verifies everything itself.
 */
export interface UnmeasuredBody {
  readonly minBytes: number;
  readonly maxBytes: number;
  /** To be consumed once. */
  readonly stream: ReadableStream<Uint8Array>;
  readonly checksum: Exclude<DeclaredChecksum, { readonly when: "after" }>;
  failure(): S3Error | undefined;
}

/** How an error document shows a digest. */
export type DigestText = "hex" | "base64";

export interface DelegatedDigest {
  readonly algorithm: "md5" | "sha256";
  /** Lower-case hex. */
  readonly hex: string;
  /** @param calculated what the bytes really have, where that is known */
  readonly mismatch: (calculated?: Uint8Array) => S3Error;
}

export type DeclaredChecksum =
  | { readonly when: "never" }
  /** Stood in a header: known, though not yet verified, before the body. */
  | { readonly when: "before"; readonly checksum: Checksum }
  /** Stands in the trailer: `value()` may be called once the stream has ended cleanly. */
  | { readonly when: "after"; readonly algorithm: ChecksumAlgorithm; readonly value: () => Checksum };
