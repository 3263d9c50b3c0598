/** Copying: whether bytes have to be moved, and the body that moves them. */

import { formatBase64 } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import type { Checksum, ChecksumAlgorithm } from "../../model/checksum.ts";
import type { ObjectAttributes, StoredObject } from "../../model/object.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { type Pieces, toPieces } from "../../model/pieces.ts";
import { summarizeManifest } from "./blobs.ts";
import { commitManifest, r2StorageClass } from "./commit.ts";
import { identityOf } from "./entry.ts";
import type { EntryPlace } from "./entry-place.ts";
import type { OpenedObject } from "./opened-object.ts";
import { factsOf, type PutOutcome, putBody, type Write } from "./put.ts";

/** What is to be copied, and the attributes of the copy. */
export interface CopyPlan {
  readonly source: OpenedObject;
  readonly attributes: ObjectAttributes;
}

/**
 * Copies by reference where that is possible, and by value where not.
 * @param means.hold records the entry that is about to name a blob set, which keeps the set; throws if it is being removed
 */
export async function copyObject(
  source: OpenedObject,
  write: Omit<Write, "madeOf">,
  means: {
    readonly checksumAlgorithm: ChecksumAlgorithm | undefined;
    readonly hold: (blobSetId: string) => Promise<void>;
  },
): Promise<PutOutcome> {
  const { place, attributes, ticket, condition } = write;
  const { checksumAlgorithm } = means;
  const madeOf = isOntoItself(source, place) ? source.origin.found : undefined;
  const identity = isStillTheSame(source, place, attributes)
    ? (identityOf(source.origin.found) ?? undefined)
    : undefined;
  if (!isCopiedByReference(source, { store: place.store, attributes, checksumAlgorithm })) {
    const body = copyBody(await source.content(), source.object, checksumAlgorithm);
    return putBody({ ...write, madeOf, identity }, body);
  }
  const { etag, checksum, sizeBytes, partCount } = source.object;
  const manifest = await source.manifest();
  // First the reference, then the entry: in between, the blobs are kept for an entry that may still be put.
  await means.hold(manifest.b);
  const facts = summarizeManifest(manifest, { sizeBytes, etag, isUpload: partCount !== undefined });
  const object = {
    attributes,
    manifest,
    facts: { checksum, manifest: facts, ...factsOf({ ticket, identity, condition }) },
  };
  const stored = await commitManifest(place, object, { condition, madeOf });
  return { etag, checksum, sizeBytes, lastModified: stored.uploaded };
}

/**
 * Whether the copy can share the source's blobs: if they are in the store and the class of the copy, and no checksum has to
 * be computed over them. The copy then keeps the source's ETag and parts.
 */
export function isCopiedByReference(
  source: OpenedObject,
  copy: {
    readonly store: R2Bucket;
    readonly attributes: ObjectAttributes;
    readonly checksumAlgorithm?: ChecksumAlgorithm | undefined;
  },
): boolean {
  const { store, attributes, checksumAlgorithm } = copy;
  const { object, origin } = source;
  return (
    origin.entry.isManifest &&
    source.range === undefined &&
    origin.store === store &&
    r2StorageClass(object).storageClass === r2StorageClass(attributes).storageClass &&
    (checksumAlgorithm === undefined || checksumAlgorithm === object.checksum?.algorithm)
  );
}

/** Whether the copy replaces its own source. */
export function isOntoItself({ origin }: OpenedObject, place: EntryPlace): boolean {
  return origin.store === place.store && origin.found.key === place.r2Key;
}

/** Whether an object is copied onto itself and only its class changes. It then counts as the same object. */
function isStillTheSame(source: OpenedObject, place: EntryPlace, attributes: ObjectAttributes): boolean {
  const { object } = source;
  const said = ({ content, userMetadata, websiteRedirectLocation }: ObjectAttributes) =>
    JSON.stringify([content, userMetadata, websiteRedirectLocation]);
  return (
    isOntoItself(source, place) && object.storageClass !== attributes.storageClass && said(object) === said(attributes)
  );
}

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
