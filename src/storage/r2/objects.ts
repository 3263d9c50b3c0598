/**
 * Objects of a bucket. R2 is the index: the R2 object at the entry key is the object itself (inline) or a small
 * manifest naming its blobs. Every method takes a `GrantedBucket`, which only the authorizer can make.
 *
 * Bytes first, then one atomic put of the entry: a reader sees the whole old or the whole new object.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Acl } from "../../model/acl.ts";
import { formatRange, type ResolvedRange, type Selection } from "../../model/byte-range.ts";
import type { ChecksumAlgorithm } from "../../model/checksum.ts";
import type { ContentKey } from "../../model/encryption.ts";
import type { VersionItem, VersionPage, VersionQuery } from "../../model/listed-version.ts";
import type {
  ListPage,
  ListQuery,
  ObjectAttributes,
  ObjectVersion,
  StoredObject,
  Tag,
  WriteCondition,
} from "../../model/object.ts";
import type { ObjectBody, UnmeasuredBody } from "../../model/object-body.ts";
import type { ObjectLock } from "../../model/object-lock.ts";
import type { ReplicaState } from "../../model/replication.ts";
import type { PartChecksum } from "../../model/upload.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { callR2 } from "../platform-errors.ts";
import type { BlobSets } from "../uploads/blob-sets.ts";
import { isEmptyBucket } from "../versions/emptiness.ts";
import { findVersion } from "../versions/find-version.ts";
import { listVersions } from "../versions/list-versions.ts";
import { conditionOf, type EntryCondition, type ListedCondition } from "./conditions.ts";
import { type CopyPlan, copyObject, isCopiedByReference, isOntoItself } from "./copy.ts";
import { type RenamedEntry, renamedEntry, toStoredObject } from "./entry.ts";
import { type EntryPlace, entryKey, entryPlace, type RegionStores, storeOf } from "./entry-place.ts";
import type { RenameMark } from "./entry-record.ts";
import { listEntries, listNullVersions } from "./listing.ts";
import { OpenedObject, partRange } from "./opened-object.ts";
import { type PutOutcome, putBody, type Write } from "./put.ts";
import { putRemoval, type RemovalOptions, type Removed, removeVersion } from "./removal.ts";
import { replicateByValue } from "./replicate.ts";
import { type Rewrite, type Rewritten, rewriteObject } from "./rewrite.ts";
import { repeatIfBeaten } from "./unchanged.ts";
import { measureBody, putInTwoBlobs } from "./unmeasured.ts";
import { BUFFERED_BYTES } from "./write.ts";

/** Keys one R2 delete call takes. */
const DELETE_BATCH = 1000;

export interface ObjectPart {
  readonly sizeBytes: number;
  readonly checksum?: PartChecksum;
}

/** The entry of a key that is to be changed, with the journal's permission to do so. */
export interface EntryChange extends ObjectVersion {
  readonly bucket: GrantedBucket;
  readonly ticket: WriteTicket;
  /** If a rename makes it. */
  readonly renamed?: RenameMark | undefined;
}

/** Everything about the write of an object except its bytes. */
export interface ObjectWrite extends EntryChange {
  readonly attributes: ObjectAttributes;
  /** Of an object that says that it is encrypted. */
  readonly contentKey?: ContentKey | undefined;
  readonly condition?: WriteCondition | ListedCondition | undefined;
}

export interface CopyOptions {
  readonly checksumAlgorithm?: ChecksumAlgorithm | undefined;
  /**
   * Opens the source again: an object that is copied onto itself and written meanwhile is copied as it is then, so that
   * nothing is undone.
   */
  readonly again?: () => Promise<CopyPlan>;
}

/** What operations need of the objects of a bucket, whatever kind of bucket it is. */
export type ObjectStore = Pick<Objects, keyof Objects>;

export class Objects {
  readonly #stores: RegionStores;
  readonly #blobSets: BlobSets;

  constructor(stores: RegionStores, blobSets: BlobSets) {
    this.#stores = stores;
    this.#blobSets = blobSets;
  }

  /**
   * Undefined if there is no such object. One R2 call, two for a version that is not the current one.
   * @throws S3Error `NoSuchVersion`; for a delete marker `NoSuchKey`, or `MethodNotAllowed` if it is named by its id
   */
  async head(bucket: GrantedBucket, version: ObjectVersion): Promise<StoredObject | undefined> {
    return (await this.#head(bucket, version))?.object;
  }

  /** As `head`, with the range of one part. One R2 call more if there are many parts. */
  async headPart(
    bucket: GrantedBucket,
    version: ObjectVersion,
    partNumber: number,
  ): Promise<{ object: StoredObject; range: ResolvedRange | "unsatisfiable" } | undefined> {
    const found = await this.#head(bucket, version);
    if (found === undefined) return undefined;
    const { object, entry } = found;
    const facts = entry.record.f;
    if (facts?.k === undefined) return { object, range: partRange([object.sizeBytes], partNumber) };
    if (facts.p !== undefined) {
      const sizes = facts.p.map(([, sizeBytes]) => sizeBytes);
      return { object, range: partRange(sizes, partNumber) };
    }
    const opened = await this.open(bucket, version, { kind: "part", partNumber });
    await opened?.discard();
    return opened && { object: opened.object, range: opened.range ?? "unsatisfiable" };
  }

  /** As `head`, with the bytes of an inline object; a manifest's blobs follow in `body()`. */
  async open(
    bucket: GrantedBucket,
    version: ObjectVersion,
    selection: Selection | undefined,
  ): Promise<OpenedObject | undefined> {
    const place = this.#place(bucket, version.key);
    const { store } = place;
    const isWhole = selection === undefined || selection.kind === "part";
    // With the range as a header, R2 answers an unsatisfiable one with the whole object instead of an error, so that size
    // and manifest are known after one call.
    const options = isWhole ? undefined : { range: new Headers({ range: formatRange(selection) }) };
    const located = await findVersion(place, version.versionId, (r2Key) => callR2(store.get(r2Key, options)));
    if (located === undefined) return undefined;
    const { found, entry } = located;
    return OpenedObject.open({ store, found, entry }, toStoredObject(found, entry, place), selection);
  }

  /** The parts an object was uploaded in; `parts` is undefined if there were none. Undefined if there is no such object. */
  async parts(
    bucket: GrantedBucket,
    version: ObjectVersion,
  ): Promise<{ object: StoredObject; parts: readonly ObjectPart[] | undefined } | undefined> {
    const opened = await this.open(bucket, version, undefined);
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
   * Writes an object. It is not visible before everything about it has been verified.
   * One R2 call, or two: above 1 MiB if the checksum comes last, a condition was set, or R2's own row does not show a
   * listing all of the object's attributes.
   * @throws S3Error whatever the body's verification found, or `PreconditionFailed`, `NoSuchKey`,
   * `ConditionalRequestConflict` by the condition.
   */
  async put(write: ObjectWrite, body: ObjectBody): Promise<PutOutcome> {
    return putBody(this.#write(write), body);
  }

  /**
   * The same for a body whose length is known only at its end. One R2 call up to 1 MiB, three above.
   * @throws S3Error whatever the body's verification found
   */
  async putUnmeasured(write: Omit<ObjectWrite, "condition">, body: UnmeasuredBody): Promise<PutOutcome> {
    if (body.maxBytes <= BUFFERED_BYTES) return this.put(write, await measureBody(body));
    return putInTwoBlobs(this.#write(write), body);
  }

  /**
   * Copies an opened object. A manifest is copied by reference: one more entry names its blobs, in three R2 calls at any
   * size. Everything else is streamed.
   * @throws S3Error whatever the condition says; `ConditionalRequestConflict` from a copy onto itself, in the end
   */
  copy(source: OpenedObject, write: ObjectWrite, { checksumAlgorithm, again }: CopyOptions = {}): Promise<PutOutcome> {
    const { attributes, contentKey, ...rest } = this.#write(write);
    const { place } = rest;
    const means = { checksumAlgorithm, hold: this.#holder(write.bucket, place) };
    const copy = (plan: CopyPlan) =>
      copyObject(plan.source, { ...rest, attributes: plan.attributes, contentKey: plan.contentKey }, means);
    const first = { source, attributes, contentKey };
    if (again === undefined || !isOntoItself(source, place)) return copy(first);
    let next: CopyPlan | undefined = first;
    return repeatIfBeaten(async () => {
      const plan = next ?? (await again());
      next = undefined;
      try {
        return await copy(plan);
      } finally {
        await plan.source.discard().catch(() => {});
      }
    });
  }

  /** Keeps blobs for an entry that may still be put. */
  #holder({ region }: GrantedBucket, { r2Key }: EntryPlace) {
    return async (blobSetId: string): Promise<void> => {
      if (await this.#blobSets.addReference(blobSetId, { region, entry: r2Key })) return;
      throw new S3Error("SlowDown", { cause: new Error("the source's blobs are being removed") });
    };
  }

  /**
   * Makes a replica of an opened object, with its bytes, ETag, parts and checksum. In the same store and class one
   * more entry names a manifest's blobs; otherwise every byte is copied.
   * @param write with the ticket of a replica: what is later than it is never replaced
   * @param until when it gives up copying
   * @throws S3Error `PreconditionFailed` if a later object is at the key, `ConditionalRequestConflict`, `SlowDown`
   */
  async replicate(source: OpenedObject, write: Omit<ObjectWrite, "condition">, until: Date): Promise<PutOutcome> {
    const replica = this.#write(write);
    const { attributes, contentKey, place } = replica;
    if (isCopiedByReference(source, { store: place.store, attributes, contentKey })) return this.copy(source, write);
    return replicateByValue(source, replica, until);
  }

  /**
   * Replaces an object's tags; undefined if there is no such object, otherwise the object as it was. ETag and Last-Modified
   * stay.
   * @throws S3Error `ConditionalRequestConflict`
   */
  async setTags(change: EntryChange, tags: readonly Tag[]): Promise<StoredObject | undefined> {
    const rewritten = await rewriteObject(this.#rewrite(change), (object) => ({ ...object, tags }));
    return rewritten?.object;
  }

  /**
   * Replaces an object's ACL by the one that `decide` returns for the present object; undefined if there is no such object,
   * otherwise the object as it was and whether its ACL changed. ETag and Last-Modified stay.
   * @throws S3Error whatever `decide` throws; `InvalidRequest` if the ACL is too long to be kept;
   * `ConditionalRequestConflict`
   */
  setAcl(change: EntryChange, decide: (object: StoredObject) => Acl | undefined): Promise<Rewritten | undefined> {
    return rewriteObject(this.#rewrite(change), (object) => {
      const { acl: before, ...others } = object;
      const acl = decide(object);
      if (JSON.stringify(acl) === JSON.stringify(before)) return undefined;
      return acl === undefined ? others : { ...others, acl };
    });
  }

  /**
   * Replaces an object's lock by the one that `decide` returns for the object as it is then; otherwise as `setAcl`.
   * @throws S3Error whatever `decide` throws
   */
  setLock(
    change: EntryChange,
    decide: (object: StoredObject) => ObjectLock | undefined,
  ): Promise<Rewritten | undefined> {
    return rewriteObject(this.#rewrite(change), (object) => {
      const { lock: _before, ...others } = object;
      const lock = decide(object);
      return lock === undefined ? others : { ...others, lock };
    });
  }

  /**
   * Replaces tags, ACL, owner and lock by those of the object that `change` returns; otherwise as `setAcl`.
   * @throws S3Error whatever `change` throws
   */
  rewrite(
    entry: EntryChange,
    change: (object: StoredObject) => StoredObject | undefined,
  ): Promise<Rewritten | undefined> {
    return rewriteObject(this.#rewrite(entry), change);
  }

  #rewrite({ bucket, key, versionId, ticket }: EntryChange): Rewrite {
    return { place: this.#place(bucket, key), ticket, open: () => this.open(bucket, { key, versionId }, undefined) };
  }

  /** Removes objects of a bucket that was never versioned, existing or not. One R2 call for each 1,000 keys. */
  async delete({ bucket, keys }: Omit<EntryChange, "key"> & { readonly keys: readonly string[] }): Promise<void> {
    const r2Keys = keys.map((key) => entryKey(bucket.id, key));
    const [only, ...others] = r2Keys;
    // A key by itself is cheaper than a list of one (measured with the local R2).
    if (only !== undefined && others.length === 0) return callR2(this.#store(bucket).delete(only));
    for (let start = 0; start < r2Keys.length; start += DELETE_BATCH) {
      await callR2(this.#store(bucket).delete(r2Keys.slice(start, start + DELETE_BATCH)));
    }
  }

  /**
   * Removes the current version of an object. A bucket that is or was versioned gets a delete marker, and what is at the key is
   * kept. Elsewhere R2's delete takes no condition, so on a condition a tombstone is put over the entry: it is read, listed
   * and counted as absent, and a newer write that came first is never lost.
   * @throws S3Error `PreconditionFailed`, `NoSuchKey`, `ConditionalRequestConflict` by the condition
   */
  async remove(change: EntryChange, condition?: EntryCondition): Promise<Removed> {
    const { bucket, key } = change;
    if (condition !== undefined || bucket.documents.versioning !== undefined) {
      return putRemoval(this.#place(bucket, key), change.ticket, { condition, renamed: change.renamed });
    }
    await callR2(this.#store(bucket).delete(entryKey(bucket.id, key)));
    return { at: new Date(), isMarker: false };
  }

  /**
   * Removes one version, existing or not. Two R2 calls; five for the current one, whose place the newest version that is left
   * takes; one more with a check, in a bucket with object lock, and for `null`, for which a suspended bucket is read once more.
   * @throws S3Error `AccessDenied` for a version under object lock; whatever `check` throws
   */
  async removeVersion(
    { bucket, key, versionId, ticket }: EntryChange & { readonly versionId: string },
    options: Omit<RemovalOptions, "isLocking">,
  ): Promise<Removed> {
    const isLocking = bucket.documents.objectLock !== undefined;
    return removeVersion(this.#place(bucket, key), { versionId, ticket }, { ...options, isLocking });
  }

  /**
   * Removes a replica from the removal's source unless it is later than the removal; undefined if there is nothing to
   * remove.
   * @param removal.orWriteId of an entry that may be removed although it is no replica
   * @throws S3Error `PreconditionFailed` for any other object at the key, `ConditionalRequestConflict`
   */
  async deleteReplica(
    change: EntryChange,
    removal: { readonly state: ReplicaState; readonly orWriteId?: string | undefined },
  ): Promise<Removed | undefined> {
    const { state, orWriteId } = removal;
    try {
      const condition = {
        kind: "if-replica",
        removal: state,
        ...(orWriteId !== undefined && { orWriteId }),
      } as const;
      return await putRemoval(this.#place(change.bucket, change.key), change.ticket, { condition });
    } catch (error) {
      if (error instanceof S3Error && error.code === "NoSuchKey") return undefined;
      throw error;
    }
  }

  /** One page of keys in UTF-8 byte order. */
  list(bucket: GrantedBucket, query: ListQuery): Promise<ListPage> {
    return listEntries(this.#store(bucket), bucket, query);
  }

  /** One page of versions: by key in UTF-8 byte order, and newest first within a key. */
  listVersions(bucket: GrantedBucket, query: VersionQuery): Promise<VersionPage<VersionItem>> {
    const store = this.#store(bucket);
    const isVersioned = bucket.documents.versioning !== undefined;
    return isVersioned ? listVersions(store, bucket, query) : listNullVersions(store, bucket, query);
  }

  /**
   * Whether the bucket contains no version, delete markers included. Tombstones and stubs do not count.
   * @throws S3Error `InvalidBucketState` if finding out would take more calls than one request may make
   */
  isEmpty(bucket: GrantedBucket): Promise<boolean> {
    return isEmptyBucket(this.#store(bucket), bucket);
  }

  async #head(bucket: GrantedBucket, { key, versionId }: ObjectVersion) {
    const place = this.#place(bucket, key);
    const located = await findVersion(place, versionId, (r2Key) => callR2(place.store.head(r2Key)));
    return located && { entry: located.entry, object: toStoredObject(located.found, located.entry, place) };
  }

  /** What a rename has left at a key, even if the key has no object. One R2 call. */
  async renamedAt(bucket: GrantedBucket, key: string): Promise<RenamedEntry | undefined> {
    const found = await callR2(this.#store(bucket).head(entryKey(bucket.id, key)));
    return renamedEntry(found);
  }

  #write({ bucket, key, attributes, contentKey, ticket, condition, renamed }: ObjectWrite): Write {
    return {
      place: this.#place(bucket, key),
      attributes,
      contentKey,
      ticket,
      condition: conditionOf(ticket, condition),
      renamed,
    };
  }

  #place({ id, ownerId, region, documents }: GrantedBucket, key: string): EntryPlace {
    const store = storeOf(this.#stores, { region });
    return entryPlace(store, { bucketId: id, bucketOwnerId: ownerId, key, versioning: documents.versioning });
  }

  #store(bucket: GrantedBucket): R2Bucket {
    return storeOf(this.#stores, bucket);
  }
}
