/** Bodies of bytes that are stored already, and checksums computed while a body is read. */
import { formatBase64 } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import type { Checksum, ChecksumAlgorithm } from "../../model/checksum.ts";
import type { StoredObject } from "../../model/object.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { type Pieces, toPieces } from "../../model/pieces.ts";

/**
 * A body of stored bytes. It keeps their checksum, or gets a new one: of the requested algorithm, or of the same
 * algorithm where the old one is composite, which does not apply to an object without parts.
 */
export function copyBody(
  content: ObjectBody["content"],
  source: StoredObject,
  checksumAlgorithm: ChecksumAlgorithm | undefined,
): ObjectBody {
  const { checksum, sizeBytes } = source;
  const algorithm = checksumAlgorithm ?? checksum?.algorithm;
  if (algorithm === undefined) return storedBody(content, sizeBytes, { when: "never" });
  if (checksum?.type === "FULL_OBJECT" && checksum.algorithm === algorithm) {
    return storedBody(content, sizeBytes, { when: "before", checksum });
  }
  return hashed(storedBody(content, sizeBytes), algorithm);
}

/** A body whose checksum is computed while it is read; everything else about it is still verified. */
export function hashed(body: ObjectBody, algorithm: ChecksumAlgorithm): ObjectBody {
  const hasher = createHasher(algorithm);
  const pieces = toPieces(body.content);
  const content: Pieces = {
    async next() {
      const piece = await pieces.next();
      if (piece !== undefined) hasher.update(piece);
      return piece;
    },
    cancel: (reason) => pieces.cancel(reason),
  };
  let value: string | undefined;
  const checksum = (): Checksum => {
    // A hasher returns its digest only once.
    value ??= formatBase64(hasher.digest());
    return { algorithm, value, type: "FULL_OBJECT" };
  };
  return { ...body, content, checksum: { when: "after", algorithm, value: checksum } };
}

/** Bytes that were verified when they were first stored. */
export function storedBody(
  content: ObjectBody["content"],
  sizeBytes: number,
  checksum: ObjectBody["checksum"] = { when: "never" },
): ObjectBody {
  return { sizeBytes, content, delegated: undefined, checksum, failure: () => undefined };
}
