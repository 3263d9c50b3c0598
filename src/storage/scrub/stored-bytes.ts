/** Reading the bytes of R2 objects for their digests. */
import { createHasher, type Hasher } from "../../checksum/hasher.ts";
import type { ChecksumAlgorithm } from "../../model/checksum.ts";
import type { ContentKey } from "../../model/encryption.ts";
import { StreamPieces } from "../../model/pieces.ts";
import { fromR2Error } from "../platform-errors.ts";
import { keyOption } from "../r2/keyed-blobs.ts";
import type { CallCounts } from "./call-counts.ts";

export interface DigestQuery {
  /** In the order of the bytes. */
  readonly r2Keys: readonly string[];
  readonly algorithms: readonly ChecksumAlgorithm[];
  readonly contentKey: ContentKey | undefined;
}

/** "missing": there is no such R2 object; otherwise R2's reason why its bytes cannot be read. */
export type ReadBytes =
  | {
      readonly outcome: "read";
      readonly sizeBytes: number;
      readonly digests: ReadonlyMap<ChecksumAlgorithm, Uint8Array>;
    }
  | { readonly outcome: "missing" }
  | { readonly outcome: "unreadable"; readonly reason: string };

/** @throws S3Error if R2 does not answer now */
export async function digestsOf(
  store: R2Bucket,
  { r2Keys, algorithms, contentKey }: DigestQuery,
  counts: CallCounts,
): Promise<ReadBytes> {
  const hashers = new Map(
    algorithms.map((algorithm): [ChecksumAlgorithm, Hasher] => [algorithm, createHasher(algorithm)]),
  );
  let sizeBytes = 0;
  try {
    for (const r2Key of r2Keys) {
      const found = await store.get(r2Key, keyOption(contentKey));
      if (found === null) return { outcome: "missing" };
      const pieces = new StreamPieces(found.body, found.size);
      for (let piece = await pieces.next(); piece !== undefined; piece = await pieces.next()) {
        sizeBytes += piece.length;
        for (const hasher of hashers.values()) hasher.update(piece);
      }
    }
  } catch (error) {
    const failure = fromR2Error(error);
    // Anything else may be what R2 says about a wrong key.
    if (failure.code !== "InternalError") throw failure;
    return { outcome: "unreadable", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    counts.bytesRead += sizeBytes;
  }
  const digests = new Map([...hashers].map(([algorithm, hasher]) => [algorithm, hasher.digest()]));
  return { outcome: "read", sizeBytes, digests };
}
