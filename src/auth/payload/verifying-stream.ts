/** A stream that ends cleanly only if its length and digests are those that were declared. */

import { equalBytes } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import { terminatedEarly, wrongLength } from "./aws-chunked.ts";
import type { ExpectedDigest } from "./declared-content.ts";

export interface VerifyingStreamOptions {
  /** Undefined if only the end of the pieces determines the size. */
  readonly sizeBytes: number | undefined;
  /** The decoded data in pieces; it may itself fail with an S3Error. */
  readonly pieces: AsyncIterator<Uint8Array, unknown>;
  /** The algorithms to calculate, all known before the first byte. */
  readonly algorithms: readonly ExpectedDigest["algorithm"][];
  /** The digests to compare with; called after the last piece, since one of them may be in the trailer. */
  readonly expected: () => readonly ExpectedDigest[];
  readonly cancel: (reason: unknown) => Promise<void>;
}

export interface VerifyingStream {
  readonly stream: ReadableStream<Uint8Array>;
  failure(): S3Error | undefined;
}

/**
 * Passes the pieces through, one per pull and always one piece late: the last piece is released only after length and
 * digests have been checked, so that a reader that received all bytes also knows the result. Memory: one piece.
 */
export function verifyingStream(options: VerifyingStreamOptions): VerifyingStream {
  const { sizeBytes, pieces } = options;
  const hashers = new Map([...new Set(options.algorithms)].map((algorithm) => [algorithm, createHasher(algorithm)]));
  let held: Uint8Array | undefined;
  let received = 0;
  let failed: S3Error | undefined;

  const check = () => {
    if (sizeBytes !== undefined && received !== sizeBytes) throw wrongLength();
    const digests = new Map([...hashers].map(([algorithm, hasher]) => [algorithm, hasher.digest()]));
    for (const { algorithm, bytes, mismatch } of options.expected()) {
      const calculated = digests.get(algorithm);
      if (calculated === undefined || !equalBytes(calculated, bytes)) throw mismatch(calculated);
    }
  };

  /** The next piece that may be released; undefined after the last one. */
  const next = async (): Promise<Uint8Array | undefined> => {
    for (;;) {
      const { done, value } = await pieces.next();
      const ready = held;
      if (done) {
        held = undefined;
        check();
        return ready;
      }
      received += value.length;
      if (sizeBytes !== undefined && received > sizeBytes) throw wrongLength();
      for (const hasher of hashers.values()) hasher.update(value);
      held = value;
      if (ready !== undefined) return ready;
    }
  };

  const stream = new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        try {
          const piece = await next();
          if (piece !== undefined) controller.enqueue(piece);
          if (piece === undefined || held === undefined) controller.close();
        } catch (cause) {
          held = undefined;
          // Other errors come from the connection: the client disconnected.
          failed = cause instanceof S3Error ? cause : terminatedEarly(cause);
          await options.cancel(failed).catch(() => undefined);
          throw failed;
        }
      },
      cancel: options.cancel,
    },
    { highWaterMark: 0 },
  );
  return { stream, failure: () => failed };
}
