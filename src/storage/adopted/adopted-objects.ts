/**
 * Objects of adopted buckets, in place of `r2/objects.ts`: each is one ordinary R2 object at its own key. Bytes are verified
 * before R2 commits them, and R2 decides conditions, so other readers of the R2 bucket never see half a write either.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { digestHex } from "../../checksum/hasher.ts";
import { S3Error } from "../../errors.ts";
import type { Acl } from "../../model/acl.ts";
import { notInAdopted } from "../../model/adopted.ts";
import { formatRange, type Selection } from "../../model/byte-range.ts";
import type { Checksum } from "../../model/checksum.ts";
import type { VersionItem, VersionPage, VersionQuery } from "../../model/listed-version.ts";
import type { ListPage, ListQuery, ObjectVersion, StoredObject, Tag, WriteCondition } from "../../model/object.ts";
import type { ObjectBody, UnmeasuredBody } from "../../model/object-body.ts";
import { NULL_VERSION_ID } from "../../model/version.ts";
import { callR2 } from "../platform-errors.ts";
import type { ListedCondition } from "../r2/conditions.ts";
import { type CopyPlan, isOntoItself } from "../r2/copy.ts";
import type { CopyOptions, EntryChange, ObjectStore, ObjectWrite } from "../r2/objects.ts";
import { OpenedObject, partRange } from "../r2/opened-object.ts";
import { finalChecksum, type PutOutcome } from "../r2/put.ts";
import type { Removed } from "../r2/removal.ts";
import type { Rewritten } from "../r2/rewrite.ts";
import { copyBody } from "../r2/stored-body.ts";
import { repeatIfBeaten } from "../r2/unchanged.ts";
import { BUFFERED_BYTES, putBytes, readBody, streamBody } from "../r2/write.ts";
import { noSuchVersion } from "../versions/find-version.ts";
import { toEntry, toStoredObject } from "./adopted-object.ts";
import { type AdoptedPlace, type AdoptedStores, adoptedPlace } from "./adopted-stores.ts";
import { putIf } from "./conditional-put.ts";
import { listAdopted, listAdoptedVersions } from "./listing.ts";
import type { MetadataRecords } from "./metadata-record.ts";
import { requireKept } from "./not-kept.ts";
import { putInParts } from "./put-in-parts.ts";
import { type PutFacts, putOptions } from "./put-options.ts";
import { rewriteAdopted } from "./rewrite.ts";

/** Keys one R2 delete call takes. */
const DELETE_BATCH = 1000;

export class AdoptedObjects implements ObjectStore {
  readonly #stores: AdoptedStores;
  readonly #records: MetadataRecords;

  constructor(stores: AdoptedStores, records: MetadataRecords) {
    this.#stores = stores;
    this.#records = records;
  }

  /** One R2 call. */
  async head(bucket: GrantedBucket, version: ObjectVersion): Promise<StoredObject | undefined> {
    const place = this.#place(bucket, version.key);
    const found = await requireCurrent(version, () => callR2(place.store.head(version.key)));
    return found && toStoredObject(place, found, await this.#records.find(place, found));
  }

  /** R2 does not say of which parts an object was made, so each is its own only part. One R2 call. */
  async headPart(bucket: GrantedBucket, version: ObjectVersion, partNumber: number) {
    const object = await this.head(bucket, version);
    return object && { object, range: partRange([object.sizeBytes], partNumber) };
  }

  /** One R2 call. */
  async open(
    bucket: GrantedBucket,
    version: ObjectVersion,
    selection: Selection | undefined,
  ): Promise<OpenedObject | undefined> {
    const place = this.#place(bucket, version.key);
    const { store } = place;
    // As in `r2/objects.ts`: an unsatisfiable range is answered with the whole object, which has the size.
    const isWhole = selection === undefined || selection.kind === "part";
    const options = isWhole ? undefined : { range: new Headers({ range: formatRange(selection) }) };
    const found = await requireCurrent(version, () => callR2(store.get(version.key, options)));
    if (found === undefined) return undefined;
    const record = await this.#records.find(place, found);
    const origin = { store, found, entry: toEntry(found, record) };
    return OpenedObject.open(origin, toStoredObject(place, found, record), selection);
  }

  async parts(bucket: GrantedBucket, version: ObjectVersion) {
    const object = await this.head(bucket, version);
    return object && { object, parts: undefined };
  }

  /**
   * One R2 call, or two or three with a condition.
   * @throws S3Error as `Objects.put`; `NotImplemented` for what an R2 object cannot keep
   */
  async put(write: ObjectWrite, body: ObjectBody): Promise<PutOutcome> {
    return this.#put(write, body);
  }

  async #put(write: ObjectWrite, body: ObjectBody, madeOf?: R2Object): Promise<PutOutcome> {
    requireKept(write);
    const { attributes, ticket } = write;
    const place = this.#place(write.bucket, write.key);
    const condition = clientCondition(write.condition);
    const guard = {
      condition,
      madeOf,
      isOwn: async (found: R2Object) => (await this.#records.find(place, found))?.w === ticket.writeId,
    };
    const facts = {
      writeId: ticket.writeId,
      sizeBytes: body.sizeBytes,
      isTraced: condition !== undefined || madeOf !== undefined,
    };
    const options = (rest: Pick<PutFacts, "checksum" | "etag">) =>
      putOptions(this.#records, { place, attributes, ...facts, ...rest });
    let checksum: Checksum | undefined;
    let stored: R2Object;
    if (body.sizeBytes <= BUFFERED_BYTES) {
      const bytes = await readBody(body);
      checksum = finalChecksum(body);
      const all = await options({ checksum, etag: digestHex("md5", bytes) });
      const put = (onlyIf: R2PutOptions) => putBytes(place, { bytes }, { ...all, ...onlyIf });
      stored = await putIf(place, guard, { isRepeatable: true, put });
    } else {
      const known = body.checksum.when === "before" ? body.checksum.checksum : undefined;
      const all = await options({ checksum: known });
      const put = (onlyIf: R2PutOptions) => streamBody(place, body, { ...all, ...onlyIf });
      stored = await putIf(place, guard, { isRepeatable: false, put });
      checksum = finalChecksum(body);
    }
    return { etag: stored.etag, sizeBytes: body.sizeBytes, checksum, lastModified: stored.uploaded };
  }

  /** As `put`, for a body whose length is known only at its end. Above some MiB R2 makes it of two parts: four R2 calls. */
  async putUnmeasured(write: Omit<ObjectWrite, "condition">, body: UnmeasuredBody): Promise<PutOutcome> {
    requireKept(write);
    const place = this.#place(write.bucket, write.key);
    return putInParts({ place, records: this.#records, write, putMeasured: (known) => this.#put(write, known) }, body);
  }

  /** Every byte is copied, between any two buckets. */
  copy(source: OpenedObject, write: ObjectWrite, { checksumAlgorithm, again }: CopyOptions = {}): Promise<PutOutcome> {
    requireKept(write);
    const isOnto = isOntoItself(source, this.#place(write.bucket, write.key));
    const copy = async ({ source: from, attributes, contentKey }: CopyPlan) => {
      const body = copyBody(await from.content(), from.object, checksumAlgorithm);
      return this.#put({ ...write, attributes, contentKey }, body, isOnto ? from.origin.found : undefined);
    };
    const { attributes, contentKey } = write;
    let next: CopyPlan | undefined = { source, attributes, contentKey };
    if (again === undefined || !isOnto) return copy(next);
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

  /** The object is streamed onto itself, if it is unchanged: ETag and Last-Modified are those of that put. */
  async setTags(change: EntryChange, tags: readonly Tag[]): Promise<StoredObject | undefined> {
    const rewritten = await this.#rewrite(change, (object) => ({ ...object, tags }));
    return rewritten?.object;
  }

  /** As `setTags`. @throws S3Error whatever `decide` throws */
  setAcl(change: EntryChange, decide: (object: StoredObject) => Acl | undefined): Promise<Rewritten | undefined> {
    return this.#rewrite(change, (object) => {
      const { acl: before, ...others } = object;
      const acl = decide(object);
      if (JSON.stringify(acl) === JSON.stringify(before)) return undefined;
      return acl === undefined ? others : { ...others, acl };
    });
  }

  #rewrite(
    { bucket, key, versionId, ticket }: EntryChange,
    change: (object: StoredObject) => StoredObject | undefined,
  ): Promise<Rewritten | undefined> {
    const place = this.#place(bucket, key);
    const open = () => this.open(bucket, { key, versionId }, undefined);
    return rewriteAdopted({ place, records: this.#records, writeId: ticket.writeId, open }, change);
  }

  /** One R2 call for each 1,000 keys. */
  async delete({ bucket, keys }: { readonly bucket: GrantedBucket; readonly keys: readonly string[] }): Promise<void> {
    const { store } = this.#place(bucket, "");
    const [only, ...others] = keys;
    if (only !== undefined && others.length === 0) return callR2(store.delete(only));
    for (let start = 0; start < keys.length; start += DELETE_BATCH) {
      await callR2(store.delete(keys.slice(start, start + DELETE_BATCH)));
    }
  }

  /** One R2 call. R2's delete takes no condition, and a tombstone would be an object for everyone else. */
  async remove({ bucket, key }: EntryChange, condition?: unknown): Promise<Removed> {
    if (condition !== undefined) throw notInAdopted("Deletion on a condition is");
    await this.delete({ bucket, keys: [key] });
    return { at: new Date(), isMarker: false };
  }

  async removeVersion({ versionId, ...change }: EntryChange & { readonly versionId: string }): Promise<Removed> {
    if (versionId === NULL_VERSION_ID) return this.remove(change);
    return { at: new Date(), isMarker: false };
  }

  list(bucket: GrantedBucket, query: ListQuery): Promise<ListPage> {
    return listAdopted(this.#place(bucket, "").store, bucket, query);
  }

  listVersions(bucket: GrantedBucket, query: VersionQuery): Promise<VersionPage<VersionItem>> {
    return listAdoptedVersions(this.#place(bucket, "").store, bucket, query);
  }

  async isEmpty(bucket: GrantedBucket): Promise<boolean> {
    const page = await this.list(bucket, { prefix: "", delimiter: "", after: "", maxKeys: 1 });
    return page.objects.length === 0;
  }

  async setLock(): Promise<never> {
    throw notInAdopted("Object lock is");
  }

  async rewrite(): Promise<never> {
    throw notInAdopted("Replication is");
  }

  async replicate(): Promise<never> {
    throw notInAdopted("Replication is");
  }

  async deleteReplica(): Promise<never> {
    throw notInAdopted("Replication is");
  }

  async renamedAt(): Promise<never> {
    throw notInAdopted("Renaming is");
  }

  #place(bucket: GrantedBucket, key: string): AdoptedPlace {
    return adoptedPlace(this.#stores, bucket, key);
  }
}

/** An object is the null version of its key. @throws S3Error `NoSuchVersion` */
async function requireCurrent<Found>(
  { key, versionId }: ObjectVersion,
  read: () => Promise<Found | null>,
): Promise<Found | undefined> {
  if (versionId !== undefined && versionId !== NULL_VERSION_ID) throw noSuchVersion(key, versionId);
  const found = (await read()) ?? undefined;
  if (found === undefined && versionId !== undefined) throw noSuchVersion(key, versionId);
  return found;
}

/** The lifecycle and renames, which ask for an entry they have listed, do not reach adopted buckets. */
function clientCondition(condition: WriteCondition | ListedCondition | undefined): WriteCondition | undefined {
  if (condition?.kind === "if-listed")
    throw new S3Error("InternalError", { cause: new Error("no entries are listed") });
  return condition;
}
