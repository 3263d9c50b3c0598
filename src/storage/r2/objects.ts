/**
 * Objects of a bucket. R2 is the index: the R2 object at the entry key is the object itself (inline) or a small
 * manifest naming its blobs. Every method takes a `GrantedBucket`, which only the authorizer can make.
 *
 * Bytes first, then one atomic put of the entry: a reader sees the whole old or the whole new object.
 */
import { createHash } from "node:crypto";
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import { resolveRange } from "../../model/byte-range.ts";
import type { Checksum } from "../../model/checksum.ts";
import type {
  ByteRange,
  ListPage,
  ListQuery,
  ObjectAttributes,
  ResolvedRange,
  StoredObject,
  WriteCondition,
} from "../../model/object.ts";
import type { ObjectBody } from "../../model/object-body.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import { blobKey, readBlobs } from "./blobs.ts";
import { describeEntry, toStoredObject } from "./entry.ts";
import { clusterHead, entryKey } from "./entry-key.ts";
import { encodeRecord, type ManifestFacts, toHttpMetadata, toRecord } from "./entry-record.ts";
import { listEntries } from "./listing.ts";
import { decodeManifest, encodeManifest, manifestBlobs } from "./manifest.ts";
import { fromR2Error } from "./platform-errors.ts";
import { commitIf, exactCondition, putBytes, readBody, streamBody } from "./write.ts";

/** Bodies up to this size are held in memory, which lets R2 decide a condition in the first call. */
export const BUFFERED_BYTES = 1024 * 1024;

/** Keys one R2 delete call takes. */
const DELETE_BATCH = 1000;

export interface PutOutcome {
  readonly etag: string;
  readonly checksum: Checksum | undefined;
  readonly lastModified: Date;
}

export interface OpenedObject {
  readonly object: StoredObject;
  /** The range to serve; undefined if none was asked for. */
  readonly range: ResolvedRange | "unsatisfiable" | undefined;
  /** The bytes of `range`, or all of them. To be called once, unless `discard` is. */
  body(): Promise<ReadableStream<Uint8Array>>;
  /** Tells R2 that the body is not wanted. */
  discard(): Promise<void>;
}

export class Objects {
  readonly #stores: ReadonlyMap<string, R2Bucket>;

  constructor(stores: ReadonlyMap<string, R2Bucket>) {
    this.#stores = stores;
  }

  /** Undefined if there is no such object. One R2 call. */
  async head(bucket: GrantedBucket, key: string): Promise<StoredObject | undefined> {
    const found = await this.#call(this.#store(bucket).head(entryKey(bucket.id, key)));
    if (found === null) return undefined;
    const entry = describeEntry(found);
    return entry.isTombstone ? undefined : toStoredObject(found, entry, bucket.ownerId);
  }

  /** Undefined if there is no such object. One R2 call for an inline object; a manifest's blobs follow in `body()`. */
  async open(bucket: GrantedBucket, key: string, range: ByteRange | undefined): Promise<OpenedObject | undefined> {
    const store = this.#store(bucket);
    const r2Key = entryKey(bucket.id, key);
    // In header form an unsatisfiable range gives the whole object instead of an error, so that size and manifest are
    // seen in the same call.
    const options: R2GetOptions = range === undefined ? {} : { range: new Headers({ range: formatRange(range) }) };
    const found = await this.#call(store.get(r2Key, options));
    if (found === null) return undefined;
    const entry = describeEntry(found);
    const discard = () => found.body.cancel();
    if (entry.isTombstone) {
      await discard();
      return undefined;
    }
    const resolved = range === undefined ? undefined : resolveRange(range, entry.sizeBytes);
    const body = async () => {
      if (resolved === "unsatisfiable") throw new S3Error("InvalidRange");
      const wanted = resolved ?? { offset: 0, length: entry.sizeBytes };
      if (entry.isManifest) return readBlobs(store, await this.#blobsOf(store, found), wanted);
      if (serves(found, wanted)) return found.body;
      await discard();
      return (await this.#same(store, found, wanted)).body;
    };
    return { object: toStoredObject(found, entry, bucket.ownerId), range: resolved, body, discard };
  }

  /**
   * Writes an object. Nothing of it is visible before everything about it has been verified.
   * One R2 call, or two: above 1 MiB if the checksum comes last, a condition was set, or a listing could not tell the
   * object's attributes from R2's own row.
   * @throws S3Error whatever the body's verification found, or `PreconditionFailed`, `NoSuchKey`,
   * `ConditionalRequestConflict` by the condition.
   */
  async put(
    bucket: GrantedBucket,
    key: string,
    body: ObjectBody,
    attributes: ObjectAttributes,
    condition?: WriteCondition,
  ): Promise<PutOutcome> {
    if (body.sizeBytes <= BUFFERED_BYTES) return this.#putBuffered(bucket, key, body, attributes, condition);
    if (body.checksum.when === "after" || !isPlain(bucket, key, attributes)) {
      return this.#putManifest(bucket, key, body, attributes, condition);
    }
    return this.#putStreamed(bucket, key, body, attributes, condition);
  }

  /** Removes objects, existing or not. One R2 call for each 1,000 keys. */
  async delete(bucket: GrantedBucket, keys: readonly string[]): Promise<void> {
    const r2Keys = keys.map((key) => entryKey(bucket.id, key));
    for (let start = 0; start < r2Keys.length; start += DELETE_BATCH) {
      await this.#call(this.#store(bucket).delete(r2Keys.slice(start, start + DELETE_BATCH)));
    }
  }

  /**
   * Removes an object only if it still has the ETag. R2's delete takes no condition, so a tombstone is put over the
   * entry: it reads, lists and counts as absent, and a newer write that came first is never lost.
   * @throws S3Error `PreconditionFailed`, `NoSuchKey`, `ConditionalRequestConflict`
   */
  async deleteIf(bucket: GrantedBucket, key: string, etag: string): Promise<void> {
    const store = this.#store(bucket);
    const r2Key = entryKey(bucket.id, key);
    const hashedKey = clusterHead(key) === undefined ? {} : { k: key };
    const tombstone = new TextEncoder().encode(newBlobSetId());
    const options = {
      ...markForListing(tombstone),
      customMetadata: encodeRecord({ w: newBlobSetId(), t: 1, ...hashedKey }),
    };
    await commitIf({ store, r2Key, key }, { kind: "if-match", etag }, (onlyIf) =>
      putBytes(store, r2Key, tombstone, { ...options, ...(onlyIf && { onlyIf }) }),
    );
  }

  /** One page of keys in UTF-8 byte order. */
  list(bucket: GrantedBucket, query: ListQuery): Promise<ListPage> {
    return listEntries(this.#store(bucket), bucket, query);
  }

  /** Whether anything that is not a tombstone stands in the bucket. */
  async isEmpty(bucket: GrantedBucket): Promise<boolean> {
    let after = "";
    for (;;) {
      const page = await this.list(bucket, { prefix: "", delimiter: "", after, maxKeys: 1 });
      if (page.objects.length > 0) return false;
      if (!page.isTruncated) return true;
      after = page.last;
    }
  }

  async #putBuffered(
    bucket: GrantedBucket,
    key: string,
    body: ObjectBody,
    attributes: ObjectAttributes,
    condition: WriteCondition | undefined,
  ): Promise<PutOutcome> {
    const store = this.#store(bucket);
    const r2Key = entryKey(bucket.id, key);
    const bytes = await readBody(body);
    const checksum = finalChecksum(body);
    const plain = isPlain(bucket, key, attributes);
    // R2 checks one digest a put; where that one is the listing's mark, the delegated one is checked here.
    if (!plain) verifyDelegated(bytes, body);
    const options = { ...this.#entryOptions(bucket, key, attributes, checksum), ...(!plain && markForListing(bytes)) };
    const stored = await commitIf({ store, r2Key, key }, condition, (onlyIf) =>
      putBytes(store, r2Key, bytes, { ...options, ...(onlyIf && { onlyIf }) }, plain ? body : undefined),
    );
    return { etag: stored.etag, checksum, lastModified: stored.uploaded };
  }

  async #putStreamed(
    bucket: GrantedBucket,
    key: string,
    body: ObjectBody,
    attributes: ObjectAttributes,
    condition: WriteCondition | undefined,
  ): Promise<PutOutcome> {
    const store = this.#store(bucket);
    const r2Key = entryKey(bucket.id, key);
    const checksum = body.checksum.when === "before" ? body.checksum.checksum : undefined;
    const options = this.#entryOptions(bucket, key, attributes, checksum);
    // The body can be sent once only, so the condition is made exact before it moves. That also spares the upload.
    const onlyIf = condition === undefined ? undefined : await exactCondition({ store, r2Key, key }, condition);
    const stored = await streamBody(store, r2Key, body, { ...options, ...(onlyIf && { onlyIf }) });
    if (stored === null) throw new S3Error("ConditionalRequestConflict");
    return { etag: stored.etag, checksum, lastModified: stored.uploaded };
  }

  async #putManifest(
    bucket: GrantedBucket,
    key: string,
    body: ObjectBody,
    attributes: ObjectAttributes,
    condition: WriteCondition | undefined,
  ): Promise<PutOutcome> {
    const store = this.#store(bucket);
    const r2Key = entryKey(bucket.id, key);
    if (condition !== undefined) await exactCondition({ store, r2Key, key }, condition);
    const blobSetId = newBlobSetId();
    const name = "1";
    const blob = await streamBody(store, blobKey(blobSetId, name), body, {
      customMetadata: { entry: r2Key },
      ...r2StorageClass(attributes),
    });
    if (blob === null) throw new S3Error("InternalError", { cause: new Error("an unconditional put was declined") });
    const checksum = finalChecksum(body);
    const manifest = encodeManifest({ v: 1, b: blobSetId, p: [[name, body.sizeBytes]] });
    const facts = { n: body.sizeBytes, e: blob.etag, b: blobSetId };
    const options = { ...this.#entryOptions(bucket, key, attributes, checksum, facts), ...markForListing(manifest) };
    try {
      const stored = await commitIf({ store, r2Key, key }, condition, (onlyIf) =>
        putBytes(store, r2Key, manifest, { ...options, ...(onlyIf && { onlyIf }) }),
      );
      return { etag: blob.etag, checksum, lastModified: stored.uploaded };
    } catch (error) {
      // Only a condition that failed says for certain that no entry names the blob; the sweep sees to the other cases.
      if (error instanceof S3Error && error.status === 412) await this.#call(store.delete(blob.key));
      throw error;
    }
  }

  #entryOptions(
    bucket: GrantedBucket,
    key: string,
    attributes: ObjectAttributes,
    checksum: Checksum | undefined,
    manifest?: ManifestFacts,
  ): R2PutOptions {
    const hashedKey = clusterHead(key) === undefined ? undefined : key;
    const record = toRecord(attributes, {
      writeId: newBlobSetId(),
      bucketOwnerId: bucket.ownerId,
      hashedKey,
      checksum,
      ...(manifest && { manifest }),
    });
    return {
      httpMetadata: toHttpMetadata(attributes.content),
      customMetadata: encodeRecord(record),
      // A manifest is read with every HEAD: it stays in the standard class, its blobs carry the object's.
      ...(manifest === undefined && r2StorageClass(attributes)),
    };
  }

  async #blobsOf(store: R2Bucket, found: R2ObjectBody) {
    const whole = serves(found, { offset: 0, length: found.size });
    if (!whole) await found.body.cancel();
    const object = whole ? found : await this.#same(store, found);
    return manifestBlobs(decodeManifest(await object.text()));
  }

  /** The entry that was seen, read again. If it has been overwritten, the client's retry sees the new object. */
  async #same(store: R2Bucket, seen: R2Object, range?: ResolvedRange): Promise<R2ObjectBody> {
    const options = { onlyIf: { etagMatches: seen.etag }, ...(range && { range: { ...range } }) };
    const object = await this.#call<R2ObjectBody | R2Object | null>(store.get(seen.key, options));
    if (object === null || !isReadable(object)) throw new S3Error("SlowDown");
    return object;
  }

  #store(bucket: GrantedBucket): R2Bucket {
    const store = this.#stores.get(bucket.region);
    if (store === undefined) {
      const cause = new Error(`no R2 binding serves region ${bucket.region}`);
      throw new S3Error("ServiceUnavailable", { cause });
    }
    return store;
  }

  async #call<Result>(promise: Promise<Result>): Promise<Result> {
    try {
      return await promise;
    } catch (error) {
      throw fromR2Error(error);
    }
  }
}

/**
 * Whether a listing can show the object from R2's own row and the bucket alone. All others carry R2's SHA-512, which
 * `list()` shows without asking for metadata, as the mark that their record must be looked at.
 */
function isPlain(bucket: GrantedBucket, key: string, attributes: ObjectAttributes): boolean {
  return (
    attributes.storageClass === "STANDARD" && attributes.ownerId === bucket.ownerId && clusterHead(key) === undefined
  );
}

function markForListing(bytes: Uint8Array): { sha512: string } {
  return { sha512: createHash("sha512").update(bytes).digest("hex") };
}

function r2StorageClass(attributes: ObjectAttributes): { storageClass?: string } {
  return attributes.storageClass === "STANDARD_IA" ? { storageClass: "InfrequentAccess" } : {};
}

function verifyDelegated(bytes: Uint8Array, body: ObjectBody): void {
  const { delegated } = body;
  if (delegated === undefined) return;
  if (createHash(delegated.algorithm).update(bytes).digest("hex") !== delegated.hex) throw delegated.mismatch();
}

/** The checksum to store, once the body has ended cleanly. */
function finalChecksum(body: ObjectBody): Checksum | undefined {
  if (body.checksum.when === "never") return undefined;
  return body.checksum.when === "before" ? body.checksum.checksum : body.checksum.value();
}

/** R2 answers without a body when `onlyIf` did not hold. */
function isReadable(object: R2ObjectBody | R2Object): object is R2ObjectBody {
  return "body" in object;
}

function formatRange(range: ByteRange): string {
  return range.kind === "suffix" ? `bytes=-${range.length}` : `bytes=${range.first}-${range.last ?? ""}`;
}

/** Whether R2's answer holds exactly these bytes. */
function serves(found: R2ObjectBody, wanted: ResolvedRange): boolean {
  const range = found.range;
  if (range === undefined || found.size === 0) return wanted.offset === 0 && wanted.length === found.size;
  if ("suffix" in range) return wanted.length === range.suffix && wanted.offset + wanted.length === found.size;
  const offset = range.offset ?? 0;
  return wanted.offset === offset && wanted.length === (range.length ?? found.size - offset);
}
