/** Bytes that end cleanly only if their length and digests are those that were declared. */

import { equalBytes } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import type { Pieces } from "../../model/pieces.ts";
import { terminatedEarly, wrongLength } from "./aws-chunked.ts";
import type { ExpectedDigest } from "./declared-content.ts";

/** The bytes as they are received. */
export interface ReceivedPieces extends Pieces {
  /** Leaves the memory of the last piece to the caller: the next piece gets another. */
  keep(): void;
}

export interface VerifiedPiecesOptions {
  /** Undefined if only the end of the pieces determines the size. */
  readonly sizeBytes: number | undefined;
  readonly received: ReceivedPieces;
  /** Decodes a piece in its own memory. @throws S3Error */
  readonly decode?: (piece: Uint8Array) => Promise<Uint8Array>;
  /** After the last piece. @throws S3Error */
  readonly end?: () => Promise<void>;
  /** The algorithms to calculate, all known before the first byte. */
  readonly algorithms: readonly ExpectedDigest["algorithm"][];
  /** The digests to compare with; called after `end`, since one of them may be in the trailer. */
  readonly expected: () => readonly ExpectedDigest[];
}

/**
 * Passes the pieces through. The one that completes the declared size is released only after the rest of the body, the length
 * and the digests have been checked, so that a reader that received all bytes also knows the result. Where no size is declared,
 * the reader knows it at the end. Memory: two pieces.
 */
export class VerifiedPieces implements Pieces {
  readonly #options: VerifiedPiecesOptions;
  readonly #hashers: ReadonlyMap<ExpectedDigest["algorithm"], ReturnType<typeof createHasher>>;
  #size = 0;
  #state: "open" | "over" | "cancelled" = "open";
  #failure: S3Error | undefined;

  constructor(options: VerifiedPiecesOptions) {
    this.#options = options;
    this.#hashers = new Map(
      [...new Set(options.algorithms)].map((algorithm) => [algorithm, createHasher(algorithm)] as const),
    );
  }

  /** What is wrong with the body, once `next` has failed for that reason. */
  failure(): S3Error | undefined {
    return this.#failure;
  }

  /** @throws S3Error whatever is wrong with the body; `IncompleteBody` if the connection broke */
  async next(): Promise<Uint8Array | undefined> {
    if (this.#state === "over") return undefined;
    this.#requireOpen();
    try {
      return await this.#next();
    } catch (cause) {
      // A body that is no longer wanted ends early, which is not its fault.
      this.#requireOpen();
      // Other errors come from the connection: the client disconnected.
      this.#failure = cause instanceof S3Error ? cause : terminatedEarly(cause);
      await this.cancel(this.#failure).catch(() => undefined);
      throw this.#failure;
    }
  }

  async cancel(reason: unknown): Promise<void> {
    if (this.#state === "over") return;
    this.#state = "cancelled";
    await this.#options.received.cancel(reason);
  }

  #requireOpen(): void {
    if (this.#state === "cancelled") throw this.#failure ?? new Error("the body was cancelled");
  }

  async #next(): Promise<Uint8Array | undefined> {
    const { sizeBytes, received } = this.#options;
    const piece = await this.#decoded();
    if (piece === undefined) {
      await this.#finish();
      return undefined;
    }
    if (this.#size !== sizeBytes) return piece;
    received.keep();
    // Only framing may follow; `#decoded` refuses more data.
    while ((await this.#decoded()) !== undefined);
    await this.#finish();
    return piece;
  }

  /** The next piece with data, counted and hashed. */
  async #decoded(): Promise<Uint8Array | undefined> {
    const { sizeBytes, received, decode } = this.#options;
    for (let raw = await received.next(); raw !== undefined; raw = await received.next()) {
      const piece = decode === undefined ? raw : await decode(raw);
      if (piece.length === 0) continue;
      this.#size += piece.length;
      if (sizeBytes !== undefined && this.#size > sizeBytes) throw wrongLength();
      for (const hasher of this.#hashers.values()) hasher.update(piece);
      return piece;
    }
    return undefined;
  }

  async #finish(): Promise<void> {
    const { sizeBytes, end, expected } = this.#options;
    await end?.();
    if (sizeBytes !== undefined && this.#size !== sizeBytes) throw wrongLength();
    const digests = new Map([...this.#hashers].map(([algorithm, hasher]) => [algorithm, hasher.digest()]));
    for (const { algorithm, bytes, mismatch } of expected()) {
      const calculated = digests.get(algorithm);
      if (calculated === undefined || !equalBytes(calculated, bytes)) throw mismatch(calculated);
    }
    this.#state = "over";
  }
}
