/**
 * Moving the blobs of a set to another storage class of R2. Each is put again at its own key, with the same bytes and metadata:
 * so nothing that names a blob changes, no reader misses one, and what is interrupted continues where it was.
 *
 * Objects that share a set by copying share its class as well.
 */
import { S3Error } from "../../errors.ts";
import type { ContentKey } from "../../model/encryption.ts";
import { storedPieces } from "../platform/reading.ts";
import { callR2 } from "../platform-errors.ts";
import { blobSetPrefix } from "./blobs.ts";
import { keyOption } from "./keyed-blobs.ts";
import { storedBody } from "./stored-body.ts";
import { streamBody } from "./write.ts";

const INFREQUENT_ACCESS = "InfrequentAccess";
/** In the metadata of a blob: the class that it was moved to. */
const CLASS = "class";
const MOVED = "STANDARD_IA";
/** Blobs moved at a time; a Worker may have six calls to R2 in flight. */
const PARALLEL = 4;

/**
 * Moves a set to Infrequent Access. False if the time or the calls were not enough: then some of it has been moved.
 * @param blobs.contentKey of encrypted blobs
 * @param limits.until after this time no further blob is begun; one of 5 GiB takes a minute or two
 */
export async function moveToInfrequentAccess(
  store: R2Bucket,
  { blobSetId, contentKey }: { readonly blobSetId: string; readonly contentKey?: ContentKey | undefined },
  limits: { readonly until: Date; take(calls: number): boolean },
): Promise<boolean> {
  const prefix = blobSetPrefix(blobSetId);
  let cursor: string | undefined;
  do {
    if (!limits.take(1)) return false;
    const page = await callR2(
      store.list({ prefix, include: ["customMetadata"], ...(cursor !== undefined && { cursor }) }),
    );
    const waiting = page.objects.filter((blob) => !isMoved(blob));
    const moveNext = async (): Promise<boolean> => {
      for (let blob = waiting.shift(); blob !== undefined; blob = waiting.shift()) {
        if (Date.now() > limits.until.getTime() || !limits.take(2)) return false;
        await moveBlob(store, blob, contentKey);
      }
      return true;
    };
    const results = await Promise.all(Array.from({ length: PARALLEL }, moveNext));
    if (results.includes(false)) return false;
    cursor = page.truncated ? page.cursor : undefined;
  } while (cursor !== undefined);
  return true;
}

/** A blob that has been deleted meanwhile stays deleted. */
async function moveBlob(
  store: R2Bucket,
  { key: r2Key, etag }: R2Object,
  contentKey: ContentKey | undefined,
): Promise<void> {
  const found = await callR2(store.get(r2Key, keyOption(contentKey)));
  if (found === null) return;
  if (found.etag !== etag) {
    await found.body.cancel();
    return;
  }
  const mismatch = () => new S3Error("InternalError", { cause: new Error("the moved blob differs from its source") });
  const body = storedBody(storedPieces(store, found.body), found.size);
  const options = {
    storageClass: INFREQUENT_ACCESS,
    onlyIf: { etagMatches: etag },
    ...(found.httpMetadata !== undefined && { httpMetadata: found.httpMetadata }),
    customMetadata: { ...found.customMetadata, [CLASS]: MOVED },
  };
  // The ETag of an encrypted blob need not be the MD5 of its bytes.
  const delegated = contentKey === undefined ? ({ algorithm: "md5", hex: etag, mismatch } as const) : undefined;
  await streamBody({ store, r2Key }, { ...body, delegated }, { ...options, ...keyOption(contentKey) });
}

/** The simulator of R2 keeps no class. */
function isMoved({ storageClass, customMetadata }: R2Object): boolean {
  return storageClass === INFREQUENT_ACCESS || customMetadata?.[CLASS] === MOVED;
}
