/**
 * Multipart uploads of adopted buckets, in place of `uploads/uploads.ts`: R2's own, whose object R2 makes at once when they are
 * completed. Parts are verified before R2 has their last bytes. R2 lists neither uploads nor parts, so D1 has rows of them.
 *
 * Two writers of one part leave R2's part and the row of either: then R2 refuses the completion, and nothing is made.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { digestHex } from "../../checksum/hasher.ts";
import { invalidArgument, S3Error } from "../../errors.ts";
import { notInAdopted } from "../../model/adopted.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { newWriteId } from "../../model/random-ids.ts";
import type { PartsPage, UploadChecksum, UploadListQuery, UploadsPage } from "../../model/upload.ts";
import type { AdoptedUpload, AdoptedUploadRows } from "../d1/adopted-uploads.ts";
import type { BucketDeletion } from "../d1/bucket-deletion.ts";
import { waitsFor } from "../platform/waits.ts";
import { callR2, fromR2Error, r2ErrorCode } from "../platform-errors.ts";
import type { OpenedObject } from "../r2/opened-object.ts";
import type { PutOutcome } from "../r2/put.ts";
import { hashed, storedBody } from "../r2/stored-body.ts";
import { BUFFERED_BYTES, readBody, streamTo } from "../r2/write.ts";
import { TtlCache } from "../ttl-cache.ts";
import { type PartsQuery, unwrap } from "../uploads/blob-sets.ts";
import type { CompleteCommand, PartRecord } from "../uploads/messages.ts";
import { planCompletion } from "../uploads/plan-completion.ts";
import type { UploadIds } from "../uploads/upload-id.ts";
import type { GrantedUpload, NewPart, NewUpload, PutPartOutcome, UploadStore } from "../uploads/uploads.ts";
import { type AdoptedPlace, type AdoptedStores, adoptedPlace } from "./adopted-stores.ts";
import type { MetadataRecords } from "./metadata-record.ts";
import { requireKept } from "./not-kept.ts";
import { partBody } from "./part-body.ts";
import { putOptions } from "./put-options.ts";

/** R2 "Error codes". */
const R2_NO_SUCH_UPLOAD = 10024;
const R2_INVALID_PART = 10025;

/** R2's ids by ours: they never change. */
const r2Ids = new TtlCache<string>({ ttlMs: 60 * 60 * 1000, maxEntries: 256 });

export interface AdoptedUploadsOptions {
  readonly stores: AdoptedStores;
  readonly records: MetadataRecords;
  readonly rows: AdoptedUploadRows;
  readonly ids: UploadIds;
  readonly bucketDeletion: Pick<BucketDeletion, "confirm">;
}

interface FoundUpload {
  readonly place: AdoptedPlace;
  readonly r2UploadId: string;
  readonly checksum: UploadChecksum | undefined;
}

export class AdoptedUploads implements UploadStore {
  readonly #options: AdoptedUploadsOptions;

  constructor(options: AdoptedUploadsOptions) {
    this.#options = options;
  }

  /** One R2 call and one to D1. */
  async create({ bucket, key, attributes, checksum, now }: NewUpload): Promise<string> {
    requireKept({ attributes });
    const { stores, records, rows, ids } = this.#options;
    const place = adoptedPlace(stores, bucket, key);
    const { storageClass, ownerId } = attributes;
    const kind = { checksum, storageClass, isEncrypted: false };
    const uploadId = await ids.create({ bucketId: bucket.id, key }, kind, now);
    // What is in the object's metadata is fixed now.
    const facts = { place, attributes, writeId: newWriteId(), uploadId, isTraced: true };
    const r2Upload = await callR2(place.store.createMultipartUpload(key, await putOptions(records, facts)));
    const upload = { key, uploadId, initiatedAt: now, ownerId, storageClass, ...(checksum && { checksum }) };
    if (await rows.add(bucket.id, { upload, r2UploadId: r2Upload.uploadId })) return uploadId;
    await callR2(r2Upload.abort()).catch(() => undefined);
    throw new S3Error("NoSuchBucket", { details: { BucketName: bucket.name } });
  }

  /** One R2 call and one to D1; one more to D1 for the first part that an isolate sees of the upload. */
  async putPart(named: GrantedUpload, part: NewPart, body: ObjectBody): Promise<PutPartOutcome> {
    const upload = await this.#find(named);
    const { checksum: wanted } = upload;
    const isMissing = wanted?.type === "FULL_OBJECT" && body.checksum.when === "never";
    return this.#putPart({ ...named, ...upload }, part, isMissing ? hashed(body, wanted.algorithm) : body);
  }

  async copyPart(
    named: GrantedUpload,
    part: Pick<NewPart, "partNumber">,
    source: OpenedObject,
  ): Promise<PutPartOutcome> {
    const upload = await this.#find(named);
    if (source.range === "unsatisfiable") throw new S3Error("InvalidRange");
    const stored = storedBody(await source.content(), source.range?.length ?? source.object.sizeBytes);
    const { checksum } = upload;
    return this.#putPart(
      { ...named, ...upload },
      part,
      checksum === undefined ? stored : hashed(stored, checksum.algorithm),
    );
  }

  async #putPart(
    { bucket, uploadId, place, r2UploadId, checksum: wanted }: GrantedUpload & FoundUpload,
    { partNumber }: Pick<NewPart, "partNumber">,
    sent: ObjectBody,
  ): Promise<PutPartOutcome> {
    const { rows, bucketDeletion } = this.#options;
    requireAlgorithm(wanted, sent);
    const upload = place.store.resumeMultipartUpload(place.r2Key, r2UploadId);
    const { r2ETag, md5 } = await this.#sendPart(
      upload,
      { partNumber, sent, callMs: waitsFor(place.store).callMs },
      uploadId,
    );
    const declared = sent.checksum;
    const value =
      declared.when === "never" ? undefined : declared.when === "before" ? declared.checksum : declared.value();
    const checksum = value && { algorithm: value.algorithm, value: value.value };
    const uploadedAt = Date.now();
    const { sizeBytes } = sent;
    const part: PartRecord = {
      partNumber,
      blobName: r2ETag,
      sizeBytes,
      md5,
      uploadedAt,
      ...(checksum && { checksum }),
    };
    if (!(await rows.putPart(uploadId, part))) throw noSuchUpload(uploadId);
    await bucketDeletion.confirm(bucket, "adds-nothing");
    return { etag: md5, lastModified: new Date(uploadedAt), checksum };
  }

  async #sendPart(
    upload: R2MultipartUpload,
    part: { readonly partNumber: number; readonly sent: ObjectBody; readonly callMs: number },
    uploadId: string,
  ): Promise<{ readonly r2ETag: string; readonly md5: string }> {
    const { partNumber, sent, callMs } = part;
    try {
      if (sent.sizeBytes <= BUFFERED_BYTES) {
        const bytes = await readBody(sent);
        return { r2ETag: (await upload.uploadPart(partNumber, bytes)).etag, md5: digestHex("md5", bytes) };
      }
      const { body, md5 } = partBody(sent);
      const stored = await streamTo(body, { callMs, put: (bytes) => upload.uploadPart(partNumber, bytes) });
      if (stored === null) throw new S3Error("InternalError", { cause: new Error("R2 declined a part") });
      return { r2ETag: stored.etag, md5: md5() };
    } catch (error) {
      throw asUploadError(error, uploadId);
    }
  }

  /**
   * The object is R2's, with the ETag that R2 gives it. A repeated call has the same answer while the object is at the key.
   * @throws S3Error every refusal of CompleteMultipartUpload; `NotImplemented` on a condition, which R2 does not take
   */
  async complete(
    upload: GrantedUpload,
    { request, condition, ticket }: Omit<CompleteCommand, "versioning" | "isEncrypted" | "defaultLock">,
  ): Promise<PutOutcome & { readonly writeId: string }> {
    if (condition !== undefined) throw notInAdopted("CompleteMultipartUpload on a condition is");
    if (ticket.replicaOf !== undefined) throw notInAdopted("Replication is");
    const { rows, ids, stores } = this.#options;
    const { bucket, key, uploadId } = upload;
    const { checksum } = await ids.verify({ bucketId: bucket.id, key }, uploadId);
    const open = await rows.find(bucket.id, key, uploadId);
    if (open === undefined) return this.#completedBefore(upload, noSuchUpload(uploadId));
    const uploaded = await rows.allParts(uploadId);
    const { object, parts } = unwrap(
      planCompletion(uploaded, request, { uploadId, ...(checksum && { checksum }) }),
      uploadId,
    );
    const numbers = request.parts.map(({ partNumber }) => partNumber);
    requireEqual(parts.map(([, sizeBytes], index) => ({ partNumber: numbers[index] ?? 0, sizeBytes })));
    const { store } = adoptedPlace(stores, bucket, key);
    const named = parts.map(([etag], index) => ({ partNumber: numbers[index] ?? 0, etag }));
    let stored: R2Object;
    try {
      stored = await store.resumeMultipartUpload(key, open.r2UploadId).complete(named);
    } catch (error) {
      // An earlier call may have completed it, and died before it removed the row.
      return this.#completedBefore(upload, asUploadError(error, uploadId));
    }
    await rows.remove(uploadId);
    const { etag, size: sizeBytes, uploaded: lastModified } = stored;
    return { etag, sizeBytes, checksum: object.checksum, lastModified, writeId: ticket.writeId };
  }

  /** The object, if the upload has made the one that is at the key. @throws S3Error `refusal` if not */
  async #completedBefore({ bucket, key, uploadId }: GrantedUpload, refusal: S3Error) {
    const { stores, records, rows } = this.#options;
    const place = adoptedPlace(stores, bucket, key);
    const found = await callR2(place.store.head(key));
    const record = found === null ? undefined : await records.find(place, found);
    if (found === null || record?.u !== uploadId) throw refusal;
    await rows.remove(uploadId);
    const { etag, size: sizeBytes, uploaded: lastModified } = found;
    return { etag, sizeBytes, checksum: undefined, lastModified, writeId: record.w };
  }

  /** @throws S3Error `NoSuchUpload` */
  async requireOpen(upload: GrantedUpload): Promise<void> {
    await this.#open(upload);
  }

  async encryptionOf({ bucket, key, uploadId }: GrantedUpload) {
    const { checksum } = await this.#options.ids.verify({ bucketId: bucket.id, key }, uploadId);
    return { checksum };
  }

  async abort(upload: GrantedUpload): Promise<void> {
    const { rows, stores, bucketDeletion } = this.#options;
    const { bucket, key, uploadId } = upload;
    const { r2UploadId } = await this.#open(upload);
    await abortInR2(adoptedPlace(stores, bucket, key).store, { key, r2UploadId });
    await rows.remove(uploadId);
    await bucketDeletion.confirm(bucket, "adds-nothing");
  }

  async listParts(upload: GrantedUpload, { after, limit }: PartsQuery): Promise<PartsPage> {
    const open = await this.#open(upload);
    const found = await this.#options.rows.parts(upload.uploadId, after, limit + 1);
    return {
      upload: open.upload,
      parts: found.slice(0, limit).map(({ partNumber, sizeBytes, md5, checksum, uploadedAt }) => ({
        partNumber,
        sizeBytes,
        etag: md5,
        lastModified: new Date(uploadedAt),
        ...(open.upload.checksum && checksum && { checksum }),
      })),
      isTruncated: limit > 0 && found.length > limit,
    };
  }

  /** @throws S3Error `InvalidArgument` for an upload id marker that is not one of the key marker's */
  async listUploads(bucket: GrantedBucket, query: UploadListQuery): Promise<UploadsPage> {
    const { keyMarker, uploadIdMarker } = query;
    if (keyMarker !== "" && uploadIdMarker !== "") {
      await this.#options.ids.verify({ bucketId: bucket.id, key: keyMarker }, uploadIdMarker).catch(() => {
        throw invalidArgument("Invalid uploadId marker", "upload-id-marker", uploadIdMarker);
      });
    }
    return this.#options.rows.list(bucket.id, query);
  }

  /** @throws S3Error `NoSuchUpload` */
  async #open({ bucket, key, uploadId }: GrantedUpload): Promise<AdoptedUpload> {
    const { ids, rows } = this.#options;
    await ids.verify({ bucketId: bucket.id, key }, uploadId);
    const found = await rows.find(bucket.id, key, uploadId);
    if (found === undefined) throw noSuchUpload(uploadId);
    return found;
  }

  /** As far as parts need it: an upload that has ended is refused by R2. @throws S3Error `NoSuchUpload` */
  async #find(upload: GrantedUpload): Promise<FoundUpload> {
    const { ids, stores } = this.#options;
    const { bucket, key, uploadId } = upload;
    const { checksum } = await ids.verify({ bucketId: bucket.id, key }, uploadId);
    const place = adoptedPlace(stores, bucket, key);
    const known = r2Ids.get(uploadId, Date.now());
    if (known !== undefined) return { place, r2UploadId: known.value, checksum };
    const { r2UploadId } = await this.#open(upload);
    r2Ids.set(uploadId, { value: r2UploadId }, Date.now());
    return { place, r2UploadId, checksum };
  }
}

/** Ends an upload that is not wanted any more. If R2 does not, it ends it by its own rule. */
export async function endUpload(
  stores: AdoptedStores,
  { binding, ...upload }: { readonly binding: string; readonly key: string; readonly r2UploadId: string },
): Promise<void> {
  const store = stores.get(binding);
  if (store !== undefined) await abortInR2(store, upload).catch(() => undefined);
}

/** An upload that R2 does not know any more has ended. @throws S3Error */
async function abortInR2(
  store: R2Bucket,
  { key, r2UploadId }: { readonly key: string; readonly r2UploadId: string },
): Promise<void> {
  try {
    await store.resumeMultipartUpload(key, r2UploadId).abort();
  } catch (error) {
    if (r2ErrorCode(error) !== R2_NO_SUCH_UPLOAD) throw fromR2Error(error);
  }
}

/** As `BlobSet.recordPart`. @throws S3Error `InvalidRequest` */
function requireAlgorithm(wanted: UploadChecksum | undefined, { checksum }: ObjectBody): void {
  const actual =
    checksum.when === "never"
      ? undefined
      : checksum.when === "before"
        ? checksum.checksum.algorithm
        : checksum.algorithm;
  if (wanted === undefined || actual === wanted.algorithm) return;
  const message = `Checksum Type mismatch occurred, expected checksum Type: ${wanted.algorithm.toLowerCase()}, actual checksum Type: ${actual?.toLowerCase() ?? "null"}`;
  throw new S3Error("InvalidRequest", { message });
}

/** @throws S3Error `InvalidPart` */
function requireEqual(parts: readonly { readonly partNumber: number; readonly sizeBytes: number }[]): void {
  const [first, ...others] = parts;
  if (first === undefined) return;
  const odd = others.find(({ sizeBytes }, index) =>
    index === others.length - 1 ? sizeBytes > first.sizeBytes : sizeBytes !== first.sizeBytes,
  );
  if (odd === undefined) return;
  throw new S3Error("InvalidPart", {
    message: `In an adopted R2 bucket all parts must have the same size, and the last one may be smaller: part ${first.partNumber} has ${first.sizeBytes} bytes, part ${odd.partNumber} has ${odd.sizeBytes}. An ordinary bucket of this deployment takes parts of any size.`,
    details: { PartNumber: String(odd.partNumber) },
  });
}

/** What R2 says of an upload, as S3 says it. */
function asUploadError(error: unknown, uploadId: string): S3Error {
  const code = r2ErrorCode(error) ?? (error instanceof S3Error ? r2ErrorCode(error.cause) : undefined);
  if (code === R2_NO_SUCH_UPLOAD) return noSuchUpload(uploadId);
  if (code === R2_INVALID_PART) return new S3Error("InvalidPart", { details: { UploadId: uploadId }, cause: error });
  return fromR2Error(error);
}

function noSuchUpload(uploadId: string): S3Error {
  return new S3Error("NoSuchUpload", { details: { UploadId: uploadId } });
}
