/**
 * Multipart uploads. A part streams to R2 first and is recorded by the upload's Durable Object after; completing is one
 * call to that object, which puts the entry.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import type { ObjectAttributes, WriteCondition } from "../../model/object.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { newAttemptId } from "../../model/random-ids.ts";
import type {
  CompletionRequest,
  OpenUpload,
  PartChecksum,
  PartsPage,
  UploadChecksum,
  UploadListQuery,
  UploadsPage,
} from "../../model/upload.ts";
import type { BucketDeletion } from "../d1/bucket-deletion.ts";
import type { OpenUploads } from "../d1/open-uploads.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { callR2 } from "../platform-errors.ts";
import { blobKey } from "../r2/blobs.ts";
import { r2StorageClass, requireRoom } from "../r2/commit.ts";
import { hashed, storedBody } from "../r2/copy.ts";
import { identityOf } from "../r2/entry.ts";
import { entryKey, type RegionStores, storeOf } from "../r2/entry-place.ts";
import type { OpenedObject } from "../r2/opened-object.ts";
import { BUFFERED_BYTES, putBytes, readBody, streamBody } from "../r2/write.ts";
import { type BlobSets, unwrap } from "./blob-sets.ts";
import type { CompletionAnswer, PartRecord, Refusal, UploadDescription } from "./messages.ts";
import { blobSetOfUpload, type UploadIds, type VerifiedUpload } from "./upload-id.ts";

export interface UploadsOptions {
  readonly stores: RegionStores;
  readonly blobSets: BlobSets;
  readonly openUploads: OpenUploads;
  readonly ids: UploadIds;
  readonly bucketDeletion: Pick<BucketDeletion, "confirm">;
}

export interface PutPartOutcome {
  /** Hex MD5. */
  readonly etag: string;
  readonly lastModified: Date;
  readonly checksum: PartChecksum | undefined;
}

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

  /** Returns the upload id. One R2 call, which sees what a condition of the completion is about. */
  async create(
    bucket: GrantedBucket,
    key: string,
    attributes: ObjectAttributes,
    checksum: UploadChecksum | undefined,
    now: Date,
  ): Promise<string> {
    requireRoom({ bucketId: bucket.id, bucketOwnerId: bucket.ownerId, key }, attributes);
    const uploadId = await this.#ids.create(bucket.id, key, { checksum, storageClass: attributes.storageClass }, now);
    const blobSetId = blobSetOfUpload(uploadId);
    const found = await callR2(storeOf(this.#stores, bucket).head(entryKey(bucket.id, key)));
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
    unwrap(await this.#blobSets.create(description));
    if (!(await this.#openUploads.add(bucket.id, toOpenUpload(description)))) {
      await this.#blobSets.abort(blobSetId);
      throw new S3Error("NoSuchBucket", { details: { BucketName: bucket.name } });
    }
    return uploadId;
  }

  /** One R2 call and one to the Durable Object; one more R2 call where an earlier attempt at the part is replaced. */
  async putPart(
    bucket: GrantedBucket,
    key: string,
    uploadId: string,
    partNumber: number,
    body: ObjectBody,
  ): Promise<PutPartOutcome> {
    const upload = await this.#ids.verify(bucket.id, key, uploadId);
    const { checksum: wanted } = upload;
    // A composite checksum needs the client's values, a full-object one only values: AWS computes those not sent.
    const isMissing = wanted?.type === "FULL_OBJECT" && body.checksum.when === "never";
    const checked = isMissing ? hashed(body, wanted.algorithm) : body;
    return this.#putPart({ bucket, key, uploadId, ...upload }, partNumber, checked);
  }

  async #putPart(
    upload: VerifiedUpload & { readonly bucket: GrantedBucket; readonly key: string; readonly uploadId: string },
    partNumber: number,
    body: ObjectBody,
  ): Promise<PutPartOutcome> {
    const { bucket, key, uploadId, blobSetId } = upload;
    const store = storeOf(this.#stores, bucket);
    const blobName = `${partNumber}.${newAttemptId()}`;
    const blob = await putBlob(store, blobKey(blobSetId, blobName), body, {
      customMetadata: { entry: entryKey(bucket.id, key) },
      ...r2StorageClass(upload),
    });
    const checksum = partChecksum(body);
    const part: PartRecord = {
      partNumber,
      blobName,
      sizeBytes: body.sizeBytes,
      md5: blob.etag,
      ...(checksum && { checksum }),
      uploadedAt: blob.uploaded.getTime(),
    };
    const answer = await this.#blobSets.recordPart(blobSetId, part);
    // What nothing names is removed at once where that is known, and by the sweep where not: after a failure of the Durable
    // Object the part may have been recorded.
    const unnamed = answer.ok ? answer.value.replaced : isRefusal(answer) ? blobName : undefined;
    if (unnamed !== undefined) await store.delete(blobKey(blobSetId, unnamed)).catch(() => {});
    unwrap(answer, uploadId);
    await this.#bucketDeletion.confirm(bucket, "lets go");
    return { etag: blob.etag, lastModified: blob.uploaded, checksum };
  }

  /** As `putPart`, from an object or a range of one. The checksum the upload wants is computed on the way. */
  async copyPart(
    bucket: GrantedBucket,
    key: string,
    uploadId: string,
    partNumber: number,
    source: OpenedObject,
  ): Promise<PutPartOutcome> {
    const upload = await this.#ids.verify(bucket.id, key, uploadId);
    const { checksum } = upload;
    if (source.range === "unsatisfiable") throw new S3Error("InvalidRange");
    const sizeBytes = source.range?.length ?? source.object.sizeBytes;
    const stream = await source.body("put");
    const stored = storedBody(stream, sizeBytes);
    const body = checksum === undefined ? stored : hashed(stored, checksum.algorithm);
    return this.#putPart({ bucket, key, uploadId, ...upload }, partNumber, body);
  }

  /** @throws S3Error every refusal of CompleteMultipartUpload */
  async complete(
    bucket: GrantedBucket,
    key: string,
    uploadId: string,
    request: CompletionRequest,
    ticket: WriteTicket,
    condition: WriteCondition | undefined,
  ): Promise<CompletionAnswer> {
    const { blobSetId } = await this.#ids.verify(bucket.id, key, uploadId);
    const command = { request, ticket, ...(condition && { condition }) };
    const answer = unwrap(await this.#blobSets.complete(blobSetId, command), uploadId);
    await this.#openUploads.remove(bucket.id, key, uploadId);
    return answer;
  }

  /** @throws S3Error `NoSuchUpload` unless the upload is neither completed nor aborted */
  async requireOpen(bucket: GrantedBucket, key: string, uploadId: string): Promise<void> {
    await this.listParts(bucket, key, uploadId, { after: 0, limit: 0 });
  }

  async abort(bucket: GrantedBucket, key: string, uploadId: string): Promise<void> {
    const { blobSetId } = await this.#ids.verify(bucket.id, key, uploadId);
    const answer = await this.#blobSets.abort(blobSetId);
    // Also where the upload was gone: then the row is what an interrupted call has left.
    await this.#openUploads.remove(bucket.id, key, uploadId);
    unwrap(answer, uploadId);
    await this.#bucketDeletion.confirm(bucket, "lets go");
  }

  async listParts(
    bucket: GrantedBucket,
    key: string,
    uploadId: string,
    page: { readonly after: number; readonly limit: number },
  ): Promise<PartsPage> {
    const { blobSetId } = await this.#ids.verify(bucket.id, key, uploadId);
    const answer = unwrap(await this.#blobSets.listParts(blobSetId, page), uploadId);
    const { description } = answer;
    return {
      upload: toOpenUpload(description),
      parts: answer.parts.map(({ partNumber, sizeBytes, md5, checksum, uploadedAt }) => ({
        partNumber,
        sizeBytes,
        etag: md5,
        lastModified: new Date(uploadedAt),
        // A part may have been sent with one the upload does not ask for; it is not told of (seen on AWS).
        ...(description.checksum && checksum && { checksum }),
      })),
      isTruncated: answer.isTruncated,
    };
  }

  /** @throws S3Error `InvalidArgument` for an upload id marker that is none of the key marker's */
  async listUploads(bucket: GrantedBucket, query: UploadListQuery): Promise<UploadsPage> {
    const { keyMarker, uploadIdMarker } = query;
    if (keyMarker !== "" && uploadIdMarker !== "") {
      await this.#ids.verify(bucket.id, keyMarker, uploadIdMarker).catch(() => {
        throw invalidArgument("Invalid uploadId marker", "upload-id-marker", uploadIdMarker);
      });
    }
    return this.#openUploads.list(bucket.id, query);
  }
}

function isRefusal({ code }: Refusal): boolean {
  return new S3Error(code).status < 500;
}

async function putBlob(store: R2Bucket, key: string, body: ObjectBody, options: R2PutOptions): Promise<R2Object> {
  const blob =
    body.sizeBytes <= BUFFERED_BYTES
      ? await putBytes(store, key, await readBody(body), options, body)
      : await streamBody(store, key, body, options);
  if (blob === null) throw new S3Error("InternalError", { cause: new Error("an unconditional put was declined") });
  return blob;
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
