/**
 * Objects of a bucket. R2 is the index: the R2 object at the entry key is the object itself (inline) or a small
 * manifest naming its blobs. Every method takes a `GrantedBucket`, which only the authorizer can make.
 *
 * Bytes first, then one atomic put of the entry: a reader sees the whole old or the whole new object.
 */
import { createHash } from "node:crypto";
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Acl } from "../../model/acl.ts";
import type { Checksum, ChecksumAlgorithm } from "../../model/checksum.ts";
import type {
  ByteRange,
  ListPage,
  ListQuery,
  ObjectAttributes,
  ResolvedRange,
  Selection,
  StoredObject,
  Tag,
  WriteCondition,
} from "../../model/object.ts";
import type { ObjectBody, UnmeasuredBody } from "../../model/object-body.ts";
import { newBlobSetId, newWriteId } from "../../model/random-ids.ts";
import type { PartChecksum } from "../../model/upload.ts";
import type { BlobSets } from "../uploads/blob-sets.ts";
import { blobKey } from "./blobs.ts";
import { commitManifest, type EntryTarget, entryOptions, isPlain, markForListing, r2StorageClass } from "./commit.ts";
import { copyBody, isCopiedByReference } from "./copy.ts";
import { describeEntry, toStoredObject } from "./entry.ts";
import { clusterHead, entryKey } from "./entry-key.ts";
import { encodeRecord } from "./entry-record.ts";
import { BUFFERED_BYTES } from "./limits.ts";
import { listEntries } from "./listing.ts";
import { manifestFacts } from "./manifest.ts";
import { OpenedObject, partRange } from "./opened-object.ts";
import { callR2 } from "./platform-errors.ts";
import { type RegionStores, storeOf } from "./region-stores.ts";
import { rewriteEntry } from "./rewrite.ts";
import { measureBody, putInTwoBlobs } from "./unmeasured.ts";
import { commitIf, type EntryPlace, exactCondition, putBytes, readBody, streamBody } from "./write.ts";

/** Keys one R2 delete call takes. */
const DELETE_BATCH = 1000;

export interface PutOutcome {
  readonly etag: string;
  readonly checksum: Checksum | undefined;
  readonly lastModified: Date;
}

export interface ObjectPart {
  readonly sizeBytes: number;
  readonly checksum?: PartChecksum;
}

export class Objects {
  readonly #stores: RegionStores;
  readonly #blobSets: BlobSets;

  constructor(stores: RegionStores, blobSets: BlobSets) {
    this.#stores = stores;
    this.#blobSets = blobSets;
  }

  /** Undefined if there is no such object. One R2 call. */
  async head(bucket: GrantedBucket, key: string): Promise<StoredObject | undefined> {
    return (await this.#head(bucket, key))?.object;
  }

  /** As `head`, with the place of one part. One R2 call, two if the parts are many. */
  async headPart(
    bucket: GrantedBucket,
    key: string,
    partNumber: number,
  ): Promise<{ object: StoredObject; range: ResolvedRange | "unsatisfiable" } | undefined> {
    const found = await this.#head(bucket, key);
    if (found === undefined) return undefined;
    const { object, entry } = found;
    const facts = entry.record.f;
    if (facts?.k === undefined) return { object, range: partRange([object.sizeBytes], partNumber) };
    if (facts.p !== undefined) {
      const sizes = facts.p.map(([, sizeBytes]) => sizeBytes);
      return { object, range: partRange(sizes, partNumber) };
    }
    const opened = await this.open(bucket, key, { kind: "part", partNumber });
    await opened?.discard();
    return opened && { object: opened.object, range: opened.range ?? "unsatisfiable" };
  }

  /** Undefined if there is no such object. One R2 call for an inline object; a manifest's blobs follow in `body()`. */
  async open(bucket: GrantedBucket, key: string, selection: Selection | undefined): Promise<OpenedObject | undefined> {
    const store = this.#store(bucket);
    // In header form an unsatisfiable range gives the whole object instead of an error, so that size and manifest are
    // seen in the same call.
    const range = selection === undefined || selection.kind === "part" ? undefined : formatRange(selection);
    const options: R2GetOptions = range === undefined ? {} : { range: new Headers({ range }) };
    const found = await callR2(store.get(entryKey(bucket.id, key), options));
    if (found === null) return undefined;
    const entry = describeEntry(found);
    if (entry.isTombstone) {
      await found.body.cancel();
      return undefined;
    }
    return OpenedObject.open({ store, found, entry }, toStoredObject(found, entry, bucket.ownerId), selection);
  }

  /** The parts an object was uploaded in; none if it was not. Undefined if there is no such object. */
  async parts(
    bucket: GrantedBucket,
    key: string,
  ): Promise<{ object: StoredObject; parts: readonly ObjectPart[] | undefined } | undefined> {
    const opened = await this.open(bucket, key, undefined);
    if (opened === undefined) return undefined;
    const { object } = opened;
    if (object.partCount === undefined) {
      await opened.discard();
      return { object, parts: undefined };
    }
    const algorithm = object.checksum?.algorithm;
    const parts = (await opened.manifest()).p.map(([, sizeBytes, value]) => ({
      sizeBytes,
      ...(algorithm !== undefined && value !== undefined && { checksum: { algorithm, value } }),
    }));
    return { object, parts };
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
    const target = toTarget(bucket, key);
    const place = this.#place(bucket, key);
    if (body.sizeBytes <= BUFFERED_BYTES) return this.#putBuffered(target, place, body, attributes, condition);
    if (body.checksum.when === "after" || !isPlain(target, attributes)) {
      return this.#putManifest(target, place, body, attributes, condition);
    }
    return this.#putStreamed(target, place, body, attributes, condition);
  }

  /**
   * The same for a body whose length shows at its end. One R2 call up to 1 MiB, three above.
   * @throws S3Error whatever the body's verification found
   */
  async putUnmeasured(
    bucket: GrantedBucket,
    key: string,
    body: UnmeasuredBody,
    attributes: ObjectAttributes,
  ): Promise<PutOutcome> {
    if (body.maxBytes <= BUFFERED_BYTES) return this.put(bucket, key, await measureBody(body), attributes);
    return putInTwoBlobs(toTarget(bucket, key), this.#place(bucket, key), body, attributes);
  }

  /**
   * Copies an opened object. A manifest is copied by reference: its blobs get one more entry that names them, in three
   * R2 calls at any size. Everything else streams.
   */
  async copy(
    source: OpenedObject,
    to: { readonly bucket: GrantedBucket; readonly key: string },
    attributes: ObjectAttributes,
    options: { checksumAlgorithm?: ChecksumAlgorithm | undefined; condition?: WriteCondition | undefined } = {},
  ): Promise<PutOutcome> {
    const place = this.#place(to.bucket, to.key);
    if (!isCopiedByReference(source, place.store, attributes, options.checksumAlgorithm)) {
      const body = copyBody(await source.body("put"), source.object, options.checksumAlgorithm);
      return this.put(to.bucket, to.key, body, attributes, options.condition);
    }
    const { object } = source;
    const manifest = await source.manifest();
    // First the reference, then the entry: in between, the blobs are kept for an entry that may yet come.
    const isHeld = await this.#blobSets.addReference(manifest.b, { region: to.bucket.region, entry: place.r2Key });
    if (!isHeld) throw new S3Error("SlowDown", { cause: new Error("the source's blobs are being removed") });
    const facts = manifestFacts(manifest, {
      sizeBytes: object.sizeBytes,
      etag: object.etag,
      isUpload: object.partCount !== undefined,
    });
    const stored = await commitManifest(
      place.store,
      toTarget(to.bucket, to.key),
      { attributes, manifest, facts: { checksum: object.checksum, manifest: facts } },
      { condition: options.condition },
    );
    return { etag: object.etag, checksum: object.checksum, lastModified: stored.uploaded };
  }

  /** Replaces an object's tags; false if there is no such object. Its ETag and Last-Modified stay. */
  async setTags(bucket: GrantedBucket, key: string, tags: readonly Tag[]): Promise<boolean> {
    const opened = await this.open(bucket, key, undefined);
    if (opened === undefined) return false;
    await rewriteEntry(opened, toTarget(bucket, key), this.#place(bucket, key), { ...opened.object, tags });
    return true;
  }

  /**
   * Replaces an object's ACL by what is made of the object as it stands; false if there is no such object. Its ETag and
   * Last-Modified stay.
   * @throws S3Error whatever `decide` throws; `InvalidRequest` if the ACL is too long to be kept
   */
  async setAcl(
    bucket: GrantedBucket,
    key: string,
    decide: (object: StoredObject) => Acl | undefined,
  ): Promise<boolean> {
    const opened = await this.open(bucket, key, undefined);
    if (opened === undefined) return false;
    try {
      const { acl: before, ...object } = opened.object;
      const acl = decide(opened.object);
      if (JSON.stringify(acl) === JSON.stringify(before)) {
        await opened.discard();
        return true;
      }
      const changed = acl === undefined ? object : { ...object, acl };
      await rewriteEntry(opened, toTarget(bucket, key), this.#place(bucket, key), changed);
      return true;
    } catch (error) {
      await opened.discard().catch(() => {});
      throw error;
    }
  }

  /** Removes objects, existing or not. One R2 call for each 1,000 keys. */
  async delete(bucket: GrantedBucket, keys: readonly string[]): Promise<void> {
    const r2Keys = keys.map((key) => entryKey(bucket.id, key));
    for (let start = 0; start < r2Keys.length; start += DELETE_BATCH) {
      await callR2(this.#store(bucket).delete(r2Keys.slice(start, start + DELETE_BATCH)));
    }
  }

  /**
   * Removes an object only if it still has the ETag. R2's delete takes no condition, so a tombstone is put over the
   * entry: it reads, lists and counts as absent, and a newer write that came first is never lost.
   * @throws S3Error `PreconditionFailed`, `NoSuchKey`, `ConditionalRequestConflict`
   */
  async deleteIf(bucket: GrantedBucket, key: string, etag: string): Promise<void> {
    const place = this.#place(bucket, key);
    const hashedKey = clusterHead(key) === undefined ? {} : { k: key };
    const tombstone = new TextEncoder().encode(newBlobSetId());
    const options = {
      ...markForListing(tombstone),
      customMetadata: encodeRecord({ w: newWriteId(), t: 1, ...hashedKey }),
    };
    await commitIf(place, { condition: { kind: "if-match", etag } }, (onlyIf) =>
      putBytes(place.store, place.r2Key, tombstone, { ...options, ...(onlyIf && { onlyIf }) }),
    );
  }

  /** One page of keys in UTF-8 byte order. */
  list(bucket: GrantedBucket, query: ListQuery): Promise<ListPage> {
    return listEntries(this.#store(bucket), bucket, query);
  }

  /** Whether anything that is not a tombstone stands in the bucket. */
  async isEmpty(bucket: GrantedBucket): Promise<boolean> {
    const page = await this.list(bucket, { prefix: "", delimiter: "", after: "", maxKeys: 1 });
    return page.objects.length === 0;
  }

  async #putBuffered(
    target: EntryTarget,
    place: EntryPlace,
    body: ObjectBody,
    attributes: ObjectAttributes,
    condition: WriteCondition | undefined,
  ): Promise<PutOutcome> {
    const bytes = await readBody(body);
    const checksum = finalChecksum(body);
    const plain = isPlain(target, attributes);
    // R2 checks one digest a put; where that one is the listing's mark, the delegated one is checked here.
    if (!plain) verifyDelegated(bytes, body);
    const options = { ...entryOptions(target, attributes, { checksum }), ...(!plain && markForListing(bytes)) };
    const stored = await commitIf(place, { condition }, (onlyIf) =>
      putBytes(place.store, place.r2Key, bytes, { ...options, ...(onlyIf && { onlyIf }) }, plain ? body : undefined),
    );
    return { etag: stored.etag, checksum, lastModified: stored.uploaded };
  }

  async #putStreamed(
    target: EntryTarget,
    place: EntryPlace,
    body: ObjectBody,
    attributes: ObjectAttributes,
    condition: WriteCondition | undefined,
  ): Promise<PutOutcome> {
    const checksum = body.checksum.when === "before" ? body.checksum.checksum : undefined;
    const options = entryOptions(target, attributes, { checksum });
    // The body can be sent once only, so the condition is made exact before it moves. That also spares the upload.
    const onlyIf = condition === undefined ? undefined : await exactCondition(place, condition);
    const stored = await streamBody(place.store, place.r2Key, body, { ...options, ...(onlyIf && { onlyIf }) });
    if (stored === null) throw new S3Error("ConditionalRequestConflict");
    return { etag: stored.etag, checksum, lastModified: stored.uploaded };
  }

  async #putManifest(
    target: EntryTarget,
    place: EntryPlace,
    body: ObjectBody,
    attributes: ObjectAttributes,
    condition: WriteCondition | undefined,
  ): Promise<PutOutcome> {
    const { store } = place;
    if (condition !== undefined) await exactCondition(place, condition);
    const blobSetId = newBlobSetId();
    const name = "1";
    const blob = await streamBody(store, blobKey(blobSetId, name), body, {
      customMetadata: { entry: place.r2Key },
      ...r2StorageClass(attributes),
    });
    if (blob === null) throw new S3Error("InternalError", { cause: new Error("an unconditional put was declined") });
    const checksum = finalChecksum(body);
    const manifest = { v: 1, b: blobSetId, p: [[name, body.sizeBytes]] } as const;
    const facts = manifestFacts(manifest, { sizeBytes: body.sizeBytes, etag: blob.etag, isUpload: false });
    try {
      const object = { attributes, manifest, facts: { checksum, manifest: facts } };
      const stored = await commitManifest(store, target, object, { condition });
      return { etag: blob.etag, checksum, lastModified: stored.uploaded };
    } catch (error) {
      // Only a condition that failed says for certain that no entry names the blob; the sweep sees to the other cases.
      if (error instanceof S3Error && error.status === 412) await callR2(store.delete(blob.key));
      throw error;
    }
  }

  async #head(bucket: GrantedBucket, key: string) {
    const found = await callR2(this.#store(bucket).head(entryKey(bucket.id, key)));
    if (found === null) return undefined;
    const entry = describeEntry(found);
    return entry.isTombstone ? undefined : { entry, object: toStoredObject(found, entry, bucket.ownerId) };
  }

  #place(bucket: GrantedBucket, key: string): EntryPlace {
    return { store: this.#store(bucket), r2Key: entryKey(bucket.id, key), key };
  }

  #store(bucket: GrantedBucket): R2Bucket {
    return storeOf(this.#stores, bucket);
  }
}

function toTarget(bucket: GrantedBucket, key: string): EntryTarget {
  return { bucketId: bucket.id, bucketOwnerId: bucket.ownerId, key };
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

function formatRange(range: ByteRange): string {
  return range.kind === "suffix" ? `bytes=-${range.length}` : `bytes=${range.first}-${range.last ?? ""}`;
}
