/**
 * Multipart uploads. A part is streamed to R2 first and then recorded by the upload's Durable Object; completing is one call
 * to that object, which puts the entry.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import type { ContentKey, ObjectEncryption } from "../../model/encryption.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { lockOfNewVersion, type ObjectLock } from "../../model/object-lock.ts";
import { newAttemptId } from "../../model/random-ids.ts";
import type {
  OpenUpload,
  PartChecksum,
  PartsPage,
  UploadChecksum,
  UploadListQuery,
  UploadsPage,
} from "../../model/upload.ts";
import type { BucketDeletion } from "../d1/bucket-deletion.ts";
import type { OpenUploads } from "../d1/open-uploads.ts";
import { callR2 } from "../platform-errors.ts";
import { blobKey } from "../r2/blobs.ts";
import { identityOf } from "../r2/entry.ts";
import { r2StorageClass, requireRoom } from "../r2/entry-options.ts";
import { entryKey, entryPlace, type R2Location, type RegionStores, storeOf } from "../r2/entry-place.ts";
import { putKeyedBlob } from "../r2/keyed-blobs.ts";
import type { OpenedObject } from "../r2/opened-object.ts";
import type { PutOutcome } from "../r2/put.ts";
import { hashed, storedBody } from "../r2/stored-body.ts";
import { BUFFERED_BYTES, putBytes, readBody, requireStored, streamBody } from "../r2/write.ts";
import { TtlCache } from "../ttl-cache.ts";
import { type BlobSets, type PartsQuery, unwrap } from "./blob-sets.ts";
import type { CompleteCommand, PartRecord, Refusal, UploadDescription } from "./messages.ts";
import { blobSetOfUpload, isGone, type UploadIds, type VerifiedUpload } from "./upload-id.ts";

export interface UploadsOptions {
  readonly stores: RegionStores;
  readonly blobSets: BlobSets;
  readonly openUploads: OpenUploads;
  readonly ids: UploadIds;
  readonly bucketDeletion: Pick<BucketDeletion, "confirm">;
}

/** An upload as a granted request names it. */
export interface GrantedUpload {
  readonly bucket: GrantedBucket;
  readonly key: string;
  /** As sent: only an id that this deployment gave out for the key passes. */
  readonly uploadId: string;
}

export interface NewUpload {
  readonly bucket: GrantedBucket;
  readonly key: string;
  readonly attributes: ObjectAttributes;
  readonly checksum: UploadChecksum | undefined;
  readonly now: Date;
}

export interface NewPart {
  readonly partNumber: number;
  /** Whether the request states a digest of the bytes. */
  readonly statesDigest?: boolean;
  /** Of a part of an encrypted upload. */
  readonly contentKey?: ContentKey | undefined;
}

/** By blob set id. They never change, and are no secret: a proof, or a sealed key. */
const encryptions = new TtlCache<ObjectEncryption>({ ttlMs: 60 * 60 * 1000, maxEntries: 256 });

const LONGEST_LOCK: ObjectLock = { retention: { mode: "COMPLIANCE", until: 8.64e15 }, hasLegalHold: true };

export interface PutPartOutcome {
  /** Hex: the MD5 of the bytes, unless they are encrypted. */
  readonly etag: string;
  readonly lastModified: Date;
  readonly checksum: PartChecksum | undefined;
}

/** What operations need of the uploads of a bucket, whatever kind of bucket it is. */
export type UploadStore = Pick<Uploads, keyof Uploads>;

export class Uploads {
  readonly #stores: RegionStores;
  readonly #blobSets: BlobSets;
  readonly #openUploads: OpenUploads;
  readonly #ids: UploadIds;
  readonly #bucketDeletion: UploadsOptions["bucketDeletion"];

  constructor({ stores, blobSets, openUploads, ids, bucketDeletion }: UploadsOptions) {
    this.#stores = stores;
    this.#blobSets = blobSets;
    this.#openUploads = openUploads;
    this.#ids = ids;
    this.#bucketDeletion = bucketDeletion;
  }

  /** Returns the upload id. One R2 call, which reads the object that a condition of the completion is about. */
  async create({ bucket, key, attributes, checksum, now }: NewUpload): Promise<string> {
    const store = storeOf(this.#stores, bucket);
    const { versioning } = bucket.documents;
    const place = entryPlace(store, { bucketId: bucket.id, bucketOwnerId: bucket.ownerId, key, versioning });
    // By its completion the bucket may have a default retention.
    const isLocking = bucket.documents.objectLock !== undefined;
    requireRoom(place, isLocking ? { ...attributes, lock: { ...LONGEST_LOCK, ...attributes.lock } } : attributes);
    const { storageClass, encryption } = attributes;
    const kind = { checksum, storageClass, isEncrypted: encryption !== undefined };
    const uploadId = await this.#ids.create({ bucketId: bucket.id, key }, kind, now);
    const blobSetId = blobSetOfUpload(uploadId);
    const found = await callR2(store.head(place.r2Key));
    const description: UploadDescription = {
      uploadId,
      blobSetId,
      bucketId: bucket.id,
      bucketOwnerId: bucket.ownerId,
      region: bucket.region,
      key,
      attributes,
      ...(checksum && { checksum }),
      initiatedAt: now.getTime(),
      before: identityOf(found),
    };
    // Lists and sweeps find an upload by its row. If the call ends here, the sweep finds a row of no upload, and removes it.
    if (!(await this.#openUploads.add(bucket.id, toOpenUpload(description)))) {
      throw new S3Error("NoSuchBucket", { details: { BucketName: bucket.name } });
    }
    unwrap(await this.#blobSets.create(description));
    return uploadId;
  }

  /** One R2 call and one to the Durable Object; one more R2 call where an earlier attempt at the part is replaced. */
  async putPart(named: GrantedUpload, part: NewPart, body: ObjectBody): Promise<PutPartOutcome> {
    const upload = await this.#verify(named);
    const { checksum: wanted } = upload;
    // A composite checksum needs the client's values; for a full-object one AWS computes the values that were not sent.
    const isMissing = wanted?.type === "FULL_OBJECT" && body.checksum.when === "never";
    const checked = isMissing ? hashed(body, wanted.algorithm) : body;
    return this.#putPart(upload, part, checked);
  }

  async #putPart(
    upload: VerifiedUpload & GrantedUpload,
    { partNumber, statesDigest, contentKey }: NewPart,
    body: ObjectBody,
  ): Promise<PutPartOutcome> {
    const { bucket, key, uploadId, blobSetId, isEncrypted } = upload;
    if (isEncrypted !== (contentKey !== undefined))
      throw new Error("a part has a key exactly if its upload is encrypted");
    const store = storeOf(this.#stores, bucket);
    const blobName = `${partNumber}.${newAttemptId()}`;
    const blob = await putBlob({ store, r2Key: blobKey(blobSetId, blobName) }, body, {
      customMetadata: { entry: entryKey(bucket.id, key) },
      ...r2StorageClass(upload),
      contentKey,
    });
    const checksum = partChecksum(body);
    const part: PartRecord = {
      partNumber,
      blobName,
      sizeBytes: body.sizeBytes,
      md5: blob.etag,
      ...(checksum && { checksum }),
      uploadedAt: blob.uploaded.getTime(),
      ...(statesDigest !== undefined && { statesDigest }),
    };
    const answer = await this.#blobSets.recordPart(blobSetId, part);
    // A blob that no record names is removed at once if that is certain, and by the sweep if not: after a failure of the
    // Durable Object the part may have been recorded.
    const unnamed = answer.ok ? answer.value.replaced : isRefusal(answer) ? blobName : undefined;
    if (unnamed !== undefined) await store.delete(blobKey(blobSetId, unnamed)).catch(() => {});
    unwrap(answer, uploadId);
    await this.#bucketDeletion.confirm(bucket, "adds-nothing");
    return { etag: blob.etag, lastModified: blob.uploaded, checksum };
  }

  /** As `putPart`, from an object or a range of one. The upload's checksum is computed while the bytes are copied. */
  async copyPart(
    named: GrantedUpload,
    part: Pick<NewPart, "partNumber" | "contentKey">,
    source: OpenedObject,
  ): Promise<PutPartOutcome> {
    const upload = await this.#verify(named);
    const { checksum } = upload;
    if (source.range === "unsatisfiable") throw new S3Error("InvalidRange");
    const sizeBytes = source.range?.length ?? source.object.sizeBytes;
    const stored = storedBody(await source.content(), sizeBytes);
    const body = checksum === undefined ? stored : hashed(stored, checksum.algorithm);
    return this.#putPart(upload, part, body);
  }

  /** @throws S3Error every refusal of CompleteMultipartUpload */
  async complete(
    upload: GrantedUpload,
    command: Omit<CompleteCommand, "versioning" | "isEncrypted" | "defaultLock">,
  ): Promise<PutOutcome & { readonly writeId: string; readonly encryption?: ObjectEncryption }> {
    const { bucket, key, uploadId, blobSetId, isEncrypted } = await this.#verify(upload);
    const { versioning, objectLock } = bucket.documents;
    const defaultLock = lockOfNewVersion(undefined, objectLock, new Date());
    const completion = {
      ...command,
      ...(versioning !== undefined && { versioning }),
      ...(isEncrypted && { isEncrypted }),
      ...(defaultLock !== undefined && { defaultLock }),
    };
    const committed = unwrap(await this.#blobSets.complete(blobSetId, completion), uploadId);
    await this.#openUploads.remove(bucket.id, key, uploadId);
    const { etag, sizeBytes, checksum, writeId, committedAt, versionId, encryption } = committed;
    const version = versionId === undefined ? {} : { versionId };
    const sealed = encryption === undefined ? {} : { encryption };
    return { etag, sizeBytes, checksum, writeId, lastModified: new Date(committedAt), ...version, ...sealed };
  }

  /** @throws S3Error `NoSuchUpload` unless the upload is neither completed nor aborted */
  async requireOpen(upload: GrantedUpload): Promise<void> {
    await this.listParts(upload, { after: 0, limit: 0 });
  }

  /**
   * The encryption that the upload was created with, and its checksum. No call for an upload without an encryption.
   * @throws S3Error `NoSuchUpload`
   */
  async encryptionOf(
    upload: GrantedUpload,
  ): Promise<{ readonly encryption?: ObjectEncryption; readonly checksum: UploadChecksum | undefined }> {
    const { blobSetId, isEncrypted, checksum } = await this.#verify(upload);
    if (!isEncrypted) return { checksum };
    const known = encryptions.get(blobSetId, Date.now());
    if (known !== undefined) return { encryption: known.value, checksum };
    const answer = unwrap(await this.#blobSets.listParts(blobSetId, { after: 0, limit: 0 }), upload.uploadId);
    const { encryption } = answer.description.attributes;
    if (encryption === undefined) throw new Error("an encrypted upload has no encryption");
    encryptions.set(blobSetId, { value: encryption }, Date.now());
    return { encryption, checksum };
  }

  async abort(upload: GrantedUpload, now = new Date()): Promise<void> {
    const { bucket, key, uploadId, blobSetId } = await this.#verify(upload);
    const answer = await this.#blobSets.abort(blobSetId);
    // After any other refusal the upload may still be open, and without its row no list and no sweep would find it.
    if (answer.ok || isGone(answer, uploadId, now)) await this.#openUploads.remove(bucket.id, key, uploadId);
    unwrap(answer, uploadId);
    await this.#bucketDeletion.confirm(bucket, "adds-nothing");
  }

  async listParts(upload: GrantedUpload, page: PartsQuery): Promise<PartsPage> {
    const { blobSetId } = await this.#verify(upload);
    const answer = unwrap(await this.#blobSets.listParts(blobSetId, page), upload.uploadId);
    const { description } = answer;
    return {
      upload: toOpenUpload(description),
      parts: answer.parts.map(({ partNumber, sizeBytes, md5, checksum, uploadedAt }) => ({
        partNumber,
        sizeBytes,
        etag: md5,
        lastModified: new Date(uploadedAt),
        // A part may have been sent with a checksum that the upload does not have; it is not listed (seen on AWS).
        ...(description.checksum && checksum && { checksum }),
      })),
      isTruncated: answer.isTruncated,
    };
  }

  /** @throws S3Error `InvalidArgument` for an upload id marker that is not one of the key marker's */
  async listUploads(bucket: GrantedBucket, query: UploadListQuery): Promise<UploadsPage> {
    const { keyMarker, uploadIdMarker } = query;
    if (keyMarker !== "" && uploadIdMarker !== "") {
      await this.#ids.verify({ bucketId: bucket.id, key: keyMarker }, uploadIdMarker).catch(() => {
        throw invalidArgument("Invalid uploadId marker", "upload-id-marker", uploadIdMarker);
      });
    }
    return this.#openUploads.list(bucket.id, query);
  }

  /** @throws S3Error `NoSuchUpload` */
  async #verify(upload: GrantedUpload): Promise<VerifiedUpload & GrantedUpload> {
    const { bucket, key, uploadId } = upload;
    return { ...upload, ...(await this.#ids.verify({ bucketId: bucket.id, key }, uploadId)) };
  }
}

function isRefusal({ code }: Refusal): boolean {
  return new S3Error(code).status < 500;
}

async function putBlob(
  at: R2Location,
  body: ObjectBody,
  { contentKey, ...options }: R2PutOptions & { readonly contentKey: ContentKey | undefined },
): Promise<Pick<R2Object, "etag" | "uploaded">> {
  if (contentKey !== undefined) return putKeyedBlob(at, body, { ...options, contentKey });
  const blob =
    body.sizeBytes <= BUFFERED_BYTES
      ? await putBytes(at, { bytes: await readBody(body) }, options)
      : await streamBody(at, body, options);
  return requireStored(blob);
}

function partChecksum(body: ObjectBody): PartChecksum | undefined {
  if (body.checksum.when === "never") return undefined;
  const { algorithm, value } = body.checksum.when === "before" ? body.checksum.checksum : body.checksum.value();
  return { algorithm, value };
}

function toOpenUpload(description: UploadDescription): OpenUpload {
  const { key, uploadId, initiatedAt, attributes, checksum } = description;
  const { ownerId, storageClass } = attributes;
  return { key, uploadId, initiatedAt: new Date(initiatedAt), ownerId, storageClass, ...(checksum && { checksum }) };
}
