/** Copying: whether bytes have to be moved, and moving them. */
import type { ChecksumAlgorithm } from "../../model/checksum.ts";
import type { ContentKey } from "../../model/encryption.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import { summarizeManifest } from "./blobs.ts";
import { commitManifest } from "./commit.ts";
import { identityOf } from "./entry.ts";
import { r2StorageClass } from "./entry-options.ts";
import type { EntryPlace, R2Location } from "./entry-place.ts";
import { hasSameKey } from "./keyed-blobs.ts";
import type { OpenedObject } from "./opened-object.ts";
import { factsOf, outcomeOf, type PutOutcome, putBody, type Write } from "./put.ts";
import { copyBody } from "./stored-body.ts";

/** What is to be copied, and the attributes of the copy. */
export interface CopyPlan {
  readonly source: OpenedObject;
  readonly attributes: ObjectAttributes;
  /** Of the copy. */
  readonly contentKey?: ContentKey | undefined;
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
  const { place, attributes, contentKey, ticket, condition, renamed } = write;
  const { checksumAlgorithm } = means;
  // In a versioned bucket the copy is a new version, and what it was made of is kept.
  const madeOf = isOntoItself(source, place) && place.versioning === undefined ? source.origin.found : undefined;
  const identity = isStillTheSame(source, place, attributes)
    ? (identityOf(source.origin.found) ?? undefined)
    : undefined;
  if (!isCopiedByReference(source, { store: place.store, attributes, contentKey, checksumAlgorithm })) {
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
    facts: { checksum, manifest: facts, ...factsOf({ ticket, identity, condition, renamed }) },
  };
  const committed = await commitManifest(place, object, { condition, madeOf });
  return { etag, checksum, sizeBytes, ...outcomeOf(committed) };
}

/**
 * Whether the copy can share the source's blobs: if they are in the store and the class of the copy and under its key, and no
 * checksum has to be computed over them. The copy then keeps the source's ETag and parts.
 */
export function isCopiedByReference(
  source: OpenedObject,
  copy: {
    readonly store: R2Bucket;
    readonly attributes: ObjectAttributes;
    readonly contentKey?: ContentKey | undefined;
    readonly checksumAlgorithm?: ChecksumAlgorithm | undefined;
  },
): boolean {
  const { store, attributes, contentKey, checksumAlgorithm } = copy;
  const { object, origin } = source;
  return (
    origin.entry.isManifest &&
    source.range === undefined &&
    origin.store === store &&
    hasSameKey(
      { encryption: object.encryption, contentKey: source.contentKey },
      { encryption: attributes.encryption, contentKey },
    ) &&
    r2StorageClass(object).storageClass === r2StorageClass(attributes).storageClass &&
    (checksumAlgorithm === undefined || checksumAlgorithm === object.checksum?.algorithm)
  );
}

/** Whether the copy replaces its own source. */
export function isOntoItself({ origin }: OpenedObject, place: R2Location): boolean {
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
