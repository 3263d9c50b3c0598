/** The three ways a body of known length becomes an object: held in memory, streamed into the entry, or into a blob. */
import { formatBase64 } from "../../checksum/digests.ts";
import { createHasher } from "../../checksum/hasher.ts";
import { S3Error, type S3ErrorCode } from "../../errors.ts";
import type { Checksum, ChecksumAlgorithm } from "../../model/checksum.ts";
import type { ContentKey } from "../../model/encryption.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { proposeToken } from "../versions/commit-version.ts";
import { blobKey, type Manifest, type NamingKey, ownedBy, summarizeManifest } from "./blobs.ts";
import { type Committed, commitIf, commitManifest, commitOnce, refuseAtOnce } from "./commit.ts";
import type { EntryCondition, Guard } from "./conditions.ts";
import { entryOptions, isPlain, markForListing, r2StorageClass } from "./entry-options.ts";
import type { EntryPlace } from "./entry-place.ts";
import type { ObjectIdentity, RenameMark } from "./entry-record.ts";
import { keyOfWrite, putKeyedBlob } from "./keyed-blobs.ts";
import { hashed } from "./stored-body.ts";
import { BUFFERED_BYTES, putBytes, readBody, requireStored, streamBody } from "./write.ts";

/**
 * What S3 adds where a client sends no checksum ("Checking object integrity for data uploads"). Deviation: only to objects
 * whose bytes are in memory anyway; others move through the platform without JavaScript touching them.
 */
const DEFAULT_ALGORITHM = "CRC64NVME";

/** What R2 and `encodeRecord` throw for an entry whose metadata is too long. */
const HAS_NO_ROOM: ReadonlySet<S3ErrorCode> = new Set(["MetadataTooLarge", "InvalidRequest"]);

/** Everything about a write except its bytes. */
export interface Write {
  readonly place: EntryPlace;
  readonly attributes: ObjectAttributes;
  /** Of an object that says that it is encrypted. */
  readonly contentKey?: ContentKey | undefined;
  readonly ticket: WriteTicket;
  readonly condition: EntryCondition | undefined;
  /** The entry that the object's bytes and attributes were read from, if it is the one to be replaced. */
  readonly madeOf?: R2Object | undefined;
  /** The identity of that entry's object, if it is still the same object. */
  readonly identity?: ObjectIdentity | undefined;
  /** If it is a rename's. */
  readonly renamed?: RenameMark | undefined;
}

export interface PutOutcome {
  readonly etag: string;
  readonly sizeBytes: number;
  readonly checksum: Checksum | undefined;
  readonly lastModified: Date;
  /** As clients see it; absent in a bucket that was never versioned. */
  readonly versionId?: string;
}

/** Chooses the way. */
export function putBody(write: Write, body: ObjectBody): Promise<PutOutcome> {
  // A replica has the checksum of its source, or none.
  const algorithm = write.ticket.replicaOf === undefined ? DEFAULT_ALGORITHM : undefined;
  const { place, attributes, ticket } = write;
  if (attributes.encryption !== undefined) return putManifest(write, body, algorithm);
  if (body.sizeBytes <= BUFFERED_BYTES) return putBuffered(write, body, algorithm);
  // Keeping a version moves no bytes if they are in blobs.
  const isManifest = place.versioning !== undefined || !isPlain(place, attributes, ticket);
  if (body.checksum.when === "after" || isManifest) return putManifest(write, body);
  return putStreamed(write, body);
}

/**
 * One R2 call, two if a condition had to be checked.
 * @param algorithm of the checksum to add where the body has none
 */
export async function putBuffered(write: Write, body: ObjectBody, algorithm?: ChecksumAlgorithm): Promise<PutOutcome> {
  const bytes = await readBody(body);
  const checksum = finalChecksum(body);
  if (checksum !== undefined || algorithm === undefined) return putInMemory(write, body, { bytes, checksum });
  return withoutAddedChecksum(
    (added) => putInMemory(write, body, { bytes, checksum: added }),
    checksumOf(bytes, algorithm),
  );
}

async function putInMemory(
  write: Write,
  { sizeBytes }: ObjectBody,
  { bytes, checksum }: { readonly bytes: Uint8Array; readonly checksum: Checksum | undefined },
): Promise<PutOutcome> {
  const { place, attributes, ticket } = write;
  const mark = !isPlain(place, attributes, ticket) && markForListing(bytes);
  const committed = await commitIf(place, guardOf(write), ({ links, ...terms }) => {
    const options = entryOptions(place, attributes, { checksum, ...factsOf(write), version: links });
    return putBytes(place, { bytes }, { ...options, ...mark, ...terms });
  });
  return { etag: committed.object.etag, sizeBytes, checksum, ...outcomeOf(committed) };
}

/** One R2 call, two with a condition. */
async function putStreamed(write: Write, body: ObjectBody): Promise<PutOutcome> {
  const { place, attributes } = write;
  const checksum = body.checksum.when === "before" ? body.checksum.checksum : undefined;
  const options = entryOptions(place, attributes, { checksum, ...factsOf(write) });
  // A condition that fails before the body moves also spares the upload.
  const committed = await commitOnce(place, guardOf(write), ({ onlyIf }) =>
    streamBody(place, body, onlyIf === undefined ? options : { ...options, onlyIf }),
  );
  return { etag: committed.object.etag, sizeBytes: body.sizeBytes, checksum, ...outcomeOf(committed) };
}

/**
 * Two R2 calls, three with a condition or in a versioned bucket, and one more if a version is kept there.
 * @param algorithm of the checksum to add to a small body that has none
 */
export async function putManifest(write: Write, sent: ObjectBody, algorithm?: ChecksumAlgorithm): Promise<PutOutcome> {
  const { place, attributes, contentKey, condition, madeOf } = write;
  await refuseAtOnce(place, condition);
  const isAdded = algorithm !== undefined && sent.checksum.when === "never" && sent.sizeBytes <= BUFFERED_BYTES;
  const body = isAdded ? hashed(sent, algorithm) : sent;
  const token = proposeToken(place);
  const owner = { entry: place.r2Key, version: token };
  const { manifest, etag } = await putOnlyBlob(place.store, body, { attributes, contentKey, owner });
  const { sizeBytes } = body;
  const facts = summarizeManifest(manifest, { sizeBytes, etag, isUpload: false });
  const commit = async (checksum: Checksum | undefined): Promise<PutOutcome> => {
    const object = { attributes, manifest, facts: { checksum, manifest: facts, ...factsOf(write) } };
    const committed = await commitManifest(place, object, { condition, madeOf, token });
    return { etag, sizeBytes, checksum, ...outcomeOf(committed) };
  };
  // If the entry is refused now, the blob is left to the sweep, which reads the entry first: R2 may have repeated a put that
  // took effect.
  return isAdded ? withoutAddedChecksum(commit, finalChecksum(body)) : commit(finalChecksum(body));
}

/** The added checksum must not be the reason why the client's metadata does not fit. */
async function withoutAddedChecksum(
  put: (checksum: Checksum | undefined) => Promise<PutOutcome>,
  added: Checksum | undefined,
): Promise<PutOutcome> {
  try {
    return await put(added);
  } catch (error) {
    if (!(error instanceof S3Error && HAS_NO_ROOM.has(error.code))) throw error;
    return put(undefined);
  }
}

/** What the commit adds to the outcome of a write. */
export function outcomeOf({ object, versionId }: Committed): Pick<PutOutcome, "lastModified" | "versionId"> {
  return { lastModified: object.uploaded, ...(versionId !== undefined && { versionId }) };
}

/** For whom a blob is put, and how. */
export interface BlobFacts {
  readonly attributes: Pick<ObjectAttributes, "storageClass" | "encryption">;
  readonly contentKey?: ContentKey | undefined;
  readonly owner: NamingKey;
}

/** Streams a body into the one blob of a new set, for an entry that is still to be put. One R2 call. */
export async function putOnlyBlob(
  store: R2Bucket,
  body: ObjectBody,
  { attributes, contentKey, owner }: BlobFacts,
): Promise<{ manifest: Manifest; etag: string }> {
  const key = keyOfWrite({ encryption: attributes.encryption, contentKey });
  const blobSetId = newBlobSetId();
  const name = "1";
  const options = { customMetadata: ownedBy(owner), ...r2StorageClass(attributes) };
  const at = { store, r2Key: blobKey(blobSetId, name) };
  const { etag } =
    key === undefined
      ? requireStored(await streamBody(at, body, options))
      : await putKeyedBlob(at, body, { ...options, contentKey: key });
  return { manifest: { v: 1, b: blobSetId, p: [[name, body.sizeBytes]] }, etag };
}

/** What an entry records about the write itself. */
export function factsOf({
  ticket,
  identity,
  condition,
  renamed,
}: Pick<Write, "ticket" | "identity" | "condition" | "renamed">) {
  return { ticket, identity, isConditional: condition !== undefined, renamed };
}

function guardOf({ condition, madeOf, ticket }: Write): Guard {
  return { condition, madeOf, writeId: ticket.writeId };
}

function checksumOf(bytes: Uint8Array, algorithm: ChecksumAlgorithm): Checksum {
  const hasher = createHasher(algorithm);
  hasher.update(bytes);
  return { algorithm, value: formatBase64(hasher.digest()), type: "FULL_OBJECT" };
}

/** The checksum to store, after the body has ended cleanly. */
export function finalChecksum(body: ObjectBody): Checksum | undefined {
  if (body.checksum.when === "never") return undefined;
  return body.checksum.when === "before" ? body.checksum.checksum : body.checksum.value();
}
