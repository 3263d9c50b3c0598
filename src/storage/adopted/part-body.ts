/** The bytes of a part. R2 checks no digest of parts, so each is checked here, before R2 gets the last bytes. */
import { createHash } from "node:crypto";
import { formatHex, parseHex } from "../../checksum/digests.ts";
import { S3Error } from "../../errors.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { type Pieces, toPieces } from "../../model/pieces.ts";

export interface PartBody {
  /** Nothing about it is delegated. */
  readonly body: ObjectBody;
  /** Hex; once the content has ended cleanly. */
  md5(): string;
}

export function partBody(sent: ObjectBody): PartBody {
  const { delegated, sizeBytes } = sent;
  const md5 = createHash("md5");
  const other = delegated?.algorithm === "sha256" ? createHash("sha256") : undefined;
  const pieces = toPieces(sent.content);
  let seenBytes = 0;
  let digest: string | undefined;
  let failure: S3Error | undefined;
  const end = (): void => {
    digest = formatHex(new Uint8Array(md5.digest()));
    if (delegated === undefined) return;
    const found = other === undefined ? digest : formatHex(new Uint8Array(other.digest()));
    if (found === delegated.hex) return;
    failure = delegated.mismatch(parseHex(found, found.length / 2));
    throw failure;
  };
  const content: Pieces = {
    async next() {
      const piece = await pieces.next();
      if (piece !== undefined) {
        seenBytes += piece.length;
        md5.update(piece);
        other?.update(piece);
      }
      // With the last piece, which R2 gets only if all is right.
      if (seenBytes === sizeBytes && digest === undefined) end();
      return piece;
    },
    cancel: (reason) => pieces.cancel(reason),
  };
  return {
    body: { ...sent, content, delegated: undefined, failure: () => failure ?? sent.failure() },
    md5() {
      if (digest === undefined) throw new S3Error("IncompleteBody");
      return digest;
    },
  };
}
