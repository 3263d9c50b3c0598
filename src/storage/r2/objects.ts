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
import type { ListPage, ListQuery, ObjectAttributes, StoredObject, Tag, WriteCondition } from "../../model/object.ts";
import type { ObjectBody, UnmeasuredBody } from "../../model/object-body.ts";
import { newBlobSetId } from "../../model/random-ids.ts";
import type { ReplicaState } from "../../model/replication.ts";
import type { PartChecksum } from "../../model/upload.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import { callR2 } from "../platform-errors.ts";
import type { BlobSets } from "../uploads/blob-sets.ts";
import { markTombstone } from "./commit.ts";
import { type CopyPlan, copyObject, isCopiedByReference, isOntoItself } from "./copy.ts";
import { describeEntry, toStoredObject } from "./entry.ts";
import type { EntryPlace, EntryTarget } from "./entry-place.ts";
import { clusterHead, entryKey, type RegionStores, storeOf } from "./entry-place.ts";
import { encodeRecord } from "./entry-record.ts";
import { listEntries } from "./listing.ts";
import { OpenedObject, partRange } from "./opened-object.ts";
import { type PutOutcome, putBody, type Write } from "./put.ts";
import { replicateByValue } from "./replicate.ts";
import { type Rewrite, type Rewritten, rewriteObject } from "./rewrite.ts";
import { repeatIfBeaten } from "./unchanged.ts";
import { measureBody, putInTwoBlobs } from "./unmeasured.ts";
import { BUFFERED_BYTES, commitIf, conditionOf, putBytes } from "./write.ts";

/** Keys one R2 delete call takes. */
const DELETE_BATCH = 1000;

/** R2 calls that find out whether a bucket is empty, for 1,000 tombstones each. A request may make 10,000 in all. */
const EMPTINESS_CALLS = 1000;

export interface ObjectPart {
  readonly sizeBytes: number;
  readonly checksum?: PartChecksum;
}

interface CopyOptions {
  readonly checksumAlgorithm?: ChecksumAlgorithm | undefined;
  readonly condition?: WriteCondition | undefined;
  readonly again?: () => Promise<CopyPlan>;
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
    ticket: WriteTicket,
    condition?: WriteCondition,
  ): Promise<PutOutcome> {
    const write: Write = {
      target: toTarget(bucket, key),
      place: this.#place(bucket, key),
      attributes,
      ticket,
      condition: conditionOf(ticket, condition),
    };
    return putBody(write, body);
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
    ticket: WriteTicket,
  ): Promise<PutOutcome> {
    if (body.maxBytes <= BUFFERED_BYTES) return this.put(bucket, key, await measureBody(body), attributes, ticket);
    return putInTwoBlobs(toTarget(bucket, key), this.#place(bucket, key), body, attributes, ticket);
  }

  /**
   * Copies an opened object. A manifest is copied by reference: its blobs get one more entry that names them, in three
   * R2 calls at any size. Everything else streams.
   * @param options.again opens the source anew: an object that is copied onto itself and written meanwhile is copied as it
   * is then, so that nothing is undone
   * @throws S3Error whatever the condition says; `ConditionalRequestConflict` from a copy onto itself, in the end
   */
  copy(
    source: OpenedObject,
    to: { readonly bucket: GrantedBucket; readonly key: string },
    attributes: ObjectAttributes,
    ticket: WriteTicket,
    { checksumAlgorithm, condition, again }: CopyOptions = {},
  ): Promise<PutOutcome> {
    const place = this.#place(to.bucket, to.key);
    const rest = { target: toTarget(to.bucket, to.key), place, ticket, condition: conditionOf(ticket, condition) };
    const means = { checksumAlgorithm, hold: this.#holder(to.bucket, place) };
    const copy = (plan: CopyPlan) => copyObject(plan.source, { ...rest, attributes: plan.attributes }, means);
    const first = { source, attributes };
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

  /** Keeps blobs for an entry that may yet come. */
  #holder({ region }: GrantedBucket, { r2Key }: EntryPlace) {
    return async (blobSetId: string): Promise<void> => {
      if (await this.#blobSets.addReference(blobSetId, { region, entry: r2Key })) return;
      throw new S3Error("SlowDown", { cause: new Error("the source's blobs are being removed") });
    };
  }

  /**
   * Makes a replica of an opened object, with its bytes, ETag, parts and checksum. In the same store and class a manifest's
   * blobs get one more entry that names them; otherwise every byte is copied.
   * @param ticket of a replica: what is later than it is never replaced
   * @param until when it gives up copying
   * @throws S3Error `PreconditionFailed` if something later stands there, `ConditionalRequestConflict`, `SlowDown`
   */
  async replicate(
    source: OpenedObject,
    to: { readonly bucket: GrantedBucket; readonly key: string },
    attributes: ObjectAttributes,
    ticket: WriteTicket,
    until: Date,
  ): Promise<PutOutcome> {
    const place = this.#place(to.bucket, to.key);
    if (isCopiedByReference(source, place.store, attributes, undefined)) {
      return this.copy(source, to, attributes, ticket);
    }
    const target = toTarget(to.bucket, to.key);
    const write = { target, place, attributes, ticket, condition: conditionOf(ticket, undefined) };
    return replicateByValue(source, write, until);
  }

  /**
   * Replaces an object's tags; undefined if there is no such object, else the object as it was. Its ETag and
   * Last-Modified stay.
   * @throws S3Error `ConditionalRequestConflict`
   */
  async setTags(
    bucket: GrantedBucket,
    key: string,
    tags: readonly Tag[],
    ticket: WriteTicket,
  ): Promise<StoredObject | undefined> {
    const rewritten = await rewriteObject(this.#rewrite(bucket, key, ticket), (object) => ({ ...object, tags }));
    return rewritten?.object;
  }

  /**
   * Replaces an object's ACL by what is made of the object as it stands; undefined if there is no such object, else the
   * object as it was and whether its ACL changed. Its ETag and Last-Modified stay.
   * @throws S3Error whatever `decide` throws; `InvalidRequest` if the ACL is too long to be kept;
   * `ConditionalRequestConflict`
   */
  setAcl(
    bucket: GrantedBucket,
    key: string,
    decide: (object: StoredObject) => Acl | undefined,
    ticket: WriteTicket,
  ): Promise<Rewritten | undefined> {
    return rewriteObject(this.#rewrite(bucket, key, ticket), (object) => {
      const { acl: before, ...others } = object;
      const acl = decide(object);
      if (JSON.stringify(acl) === JSON.stringify(before)) return undefined;
      return acl === undefined ? others : { ...others, acl };
    });
  }

  #rewrite(bucket: GrantedBucket, key: string, ticket: WriteTicket): Rewrite {
    return {
      target: toTarget(bucket, key),
      place: this.#place(bucket, key),
      ticket,
      open: () => this.open(bucket, key, undefined),
    };
  }

  /** Removes objects, existing or not. One R2 call for each 1,000 keys. */
  async delete(bucket: GrantedBucket, keys: readonly string[], _ticket: WriteTicket): Promise<void> {
    const r2Keys = keys.map((key) => entryKey(bucket.id, key));
    for (let start = 0; start < r2Keys.length; start += DELETE_BATCH) {
      await callR2(this.#store(bucket).delete(r2Keys.slice(start, start + DELETE_BATCH)));
    }
  }

  /**
   * Removes an object only if it still has the ETag. R2's delete takes no condition, so a tombstone is put over the
   * entry: it reads, lists and counts as absent, and a newer write that came first is never lost. Returns when.
   * @throws S3Error `PreconditionFailed`, `NoSuchKey`, `ConditionalRequestConflict`
   */
  deleteIf(bucket: GrantedBucket, key: string, etag: string, ticket: WriteTicket): Promise<Date> {
    return this.#putTombstone(bucket, key, { kind: "if-match", etag }, ticket);
  }

  async #putTombstone(
    bucket: GrantedBucket,
    key: string,
    condition: WriteCondition,
    ticket: WriteTicket,
  ): Promise<Date> {
    const place = this.#place(bucket, key);
    const hashedKey = clusterHead(key) === undefined ? {} : { k: key };
    const tombstone = new TextEncoder().encode(newBlobSetId());
    const options = {
      ...markTombstone(tombstone),
      customMetadata: encodeRecord({ w: ticket.writeId, t: 1, ...hashedKey }),
    };
    const { uploaded } = await commitIf(place, { condition, writeId: ticket.writeId }, (onlyIf) =>
      putBytes(place.store, place.r2Key, tombstone, { ...options, ...(onlyIf && { onlyIf }) }),
    );
    return uploaded;
  }

  /**
   * Removes a replica from the removal's source unless it is later than the removal; undefined if there is nothing to
   * remove. Returns when.
   * @param orWriteId of an entry that may be removed although it is no replica
   * @throws S3Error `PreconditionFailed` for anything else that stands there, `ConditionalRequestConflict`
   */
  async deleteReplica(
    bucket: GrantedBucket,
    key: string,
    removal: ReplicaState,
    ticket: WriteTicket,
    orWriteId?: string,
  ): Promise<Date | undefined> {
    const condition = { kind: "if-replica", removal, ...(orWriteId !== undefined && { orWriteId }) } as const;
    try {
      return await this.#putTombstone(bucket, key, condition, ticket);
    } catch (error) {
      if (error instanceof S3Error && error.code === "NoSuchKey") return undefined;
      throw error;
    }
  }

  /** One page of keys in UTF-8 byte order. */
  list(bucket: GrantedBucket, query: ListQuery): Promise<ListPage> {
    return listEntries(this.#store(bucket), bucket, query);
  }

  /**
   * Whether anything that is not a tombstone stands in the bucket.
   * @throws S3Error `InvalidBucketState` where it would take more calls to find out than one request may make
   */
  async isEmpty(bucket: GrantedBucket): Promise<boolean> {
    const query = { prefix: "", delimiter: "", after: "", maxKeys: 1 };
    const page = await listEntries(this.#store(bucket), bucket, query, EMPTINESS_CALLS);
    if (page.objects.length > 0) return false;
    if (!page.isTruncated) return true;
    throw new S3Error("InvalidBucketState", {
      message: "Too many keys of the bucket were removed on a condition or by replication to tell whether it is empty.",
    });
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
