/**
 * Copying an object to another bucket as it is: same bytes, ETag, parts and checksums. An inline object is streamed; the
 * blobs of a manifest are copied one by one, since ETag and part numbers depend on their boundaries.
 */
import { S3Error } from "../../errors.ts";
import type { ContentKey } from "../../model/encryption.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import { storedPieces } from "../platform/reading.ts";
import { callR2 } from "../platform-errors.ts";
import { proposeToken } from "../versions/commit-version.ts";
import { blobKey, type Manifest, ownedBy, summarizeManifest } from "./blobs.ts";
import { commitManifest, refuseAtOnce } from "./commit.ts";
import { r2StorageClass } from "./entry-options.ts";
import type { R2Location } from "./entry-place.ts";
import { keyOfWrite, keyOption, putKeyedBlob } from "./keyed-blobs.ts";
import type { OpenedObject } from "./opened-object.ts";
import { type BlobFacts, outcomeOf, type PutOutcome, putBuffered, putManifest, type Write } from "./put.ts";
import { copyBody, storedBody } from "./stored-body.ts";
import { BUFFERED_BYTES, requireStored, streamBody } from "./write.ts";

/** Blobs copied at a time; a request may have six calls to R2 in flight. */
const PARALLEL = 4;

/**
 * The blobs first, then one put of the entry.
 * @throws S3Error `PreconditionFailed` if a later object is at the key, `ConditionalRequestConflict`
 */
export async function replicateByValue(source: OpenedObject, write: Write, until: Date): Promise<PutOutcome> {
  const { object } = source;
  const { isManifest } = source.origin.entry;
  requireReadable(source);
  const isBuffered = !isManifest && object.sizeBytes <= BUFFERED_BYTES;
  // The commit of so few bytes looks at the key before it puts.
  if (!isBuffered) await refuseAtOnce(write.place, write.condition);
  if (isManifest) return copyBlobs(source, write, until);
  const copied = copyBody(await source.content(), object, undefined);
  const mismatch = () => new S3Error("InternalError", { cause: new Error("the copy differs from its source") });
  // An object that was put into R2 by other means may have an ETag that is not an MD5.
  const isMd5 = /^[0-9a-f]{32}$/.test(object.etag);
  const body: ObjectBody = isMd5 ? { ...copied, delegated: { algorithm: "md5", hex: object.etag, mismatch } } : copied;
  return isBuffered && write.attributes.encryption === undefined ? putBuffered(write, body) : putManifest(write, body);
}

/** @throws S3Error `InvalidRequest` */
function requireReadable({ object, contentKey }: OpenedObject): void {
  if (object.encryption === undefined || contentKey !== undefined) return;
  throw new S3Error("InvalidRequest", {
    message:
      "The object is encrypted with a customer's key: a replica can only share its bytes, in the same region and class.",
  });
}

async function copyBlobs(source: OpenedObject, write: Write, until: Date): Promise<PutOutcome> {
  const { place, attributes, contentKey, ticket, condition } = write;
  const { object } = source;
  const token = proposeToken(place);
  const owner = { entry: place.r2Key, version: token };
  const manifest = await copyBlobSet(source, { store: place.store, attributes, contentKey, owner }, until);
  const facts = summarizeManifest(manifest, {
    sizeBytes: object.sizeBytes,
    etag: object.etag,
    isUpload: object.partCount !== undefined,
  });
  // If anything fails, the sweep removes what is left over, after it has read the entry.
  const replica = { attributes, manifest, facts: { checksum: object.checksum, manifest: facts, ticket } };
  const committed = await commitManifest(place, replica, { condition, token });
  const { etag, checksum, sizeBytes } = object;
  return { etag, checksum, sizeBytes, ...outcomeOf(committed) };
}

/**
 * Copies the blobs of a manifest one by one, into a new set.
 * @param until when it gives up; undefined: never
 * @throws S3Error `SlowDown`
 */
export async function copyBlobSet(
  source: OpenedObject,
  to: BlobFacts & { readonly store: R2Bucket },
  until: Date | undefined,
): Promise<Manifest> {
  const { store, attributes, contentKey, owner } = to;
  const key = keyOfWrite({ encryption: attributes.encryption, contentKey });
  const { b: from, ...present } = await source.manifest();
  const manifest: Manifest = { ...present, b: newBlobSetId() };
  const options = { customMetadata: ownedBy(owner), ...r2StorageClass(attributes) };
  await copyEach(
    manifest.p.map(([name]) => name),
    until,
    (name) =>
      copyBlob(
        { store: source.origin.store, r2Key: blobKey(from, name), contentKey: source.contentKey },
        { store, r2Key: blobKey(manifest.b, name), contentKey: key },
        options,
      ),
  );
  return manifest;
}

/** Starts no further copy once one has failed, or the time is up. */
async function copyEach(
  names: readonly string[],
  until: Date | undefined,
  copy: (name: string) => Promise<void>,
): Promise<void> {
  const waiting = [...names];
  const copyNext = async () => {
    for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
      if (until !== undefined && Date.now() > until.getTime()) {
        throw new S3Error("SlowDown", { message: "Copying the object takes too long." });
      }
      await copy(name);
    }
  };
  try {
    await Promise.all(Array.from({ length: PARALLEL }, copyNext));
  } catch (error) {
    waiting.length = 0;
    throw error;
  }
}

interface BlobPlace extends R2Location {
  readonly contentKey: ContentKey | undefined;
}

/** R2 checks the copy against the MD5 it gave the original, if neither is encrypted. */
async function copyBlob(from: BlobPlace, to: BlobPlace, options: R2PutOptions): Promise<void> {
  const found = await callR2(from.store.get(from.r2Key, keyOption(from.contentKey)));
  // Overwritten or deleted while it was being copied: the next attempt sees what there is now.
  if (found === null) throw new S3Error("SlowDown", { cause: new Error(`blob ${from.r2Key} is gone`) });
  const mismatch = () => new S3Error("InternalError", { cause: new Error("the copy differs from its source") });
  const body = storedBody(storedPieces(from.store, found.body), found.size);
  if (to.contentKey !== undefined) {
    await putKeyedBlob(to, body, { ...options, contentKey: to.contentKey });
    return;
  }
  if (from.contentKey !== undefined) {
    requireStored(await streamBody(to, body, options));
    return;
  }
  await streamBody(to, { ...body, delegated: { algorithm: "md5", hex: found.etag, mismatch } }, options);
}
