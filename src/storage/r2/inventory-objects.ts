/** What inventories read and write: pages of a bucket with all that a report can say, and the objects of a report. */
import type { GrantedBucket } from "../../access/authorize.ts";
import type { InventoriedVersion, InventoryPosition } from "../../model/inventory-report.ts";
import type { ObjectAttributes } from "../../model/object.ts";
import { NULL_VERSION_ID, versionIdOf } from "../../model/version.ts";
import type { WriteTicket } from "../journal/ticket.ts";
import type { FoundVersion } from "../versions/key-versions.ts";
import { listVersionsAs } from "../versions/list-versions.ts";
import { describeEntry, type Entry, toStoredObject } from "./entry.ts";
import { type RegionStores, storeOf } from "./entry-place.ts";
import { CountedStore } from "./listed-items.ts";
import { MAX_CALLS } from "./listing.ts";
import type { ObjectStore } from "./objects.ts";
import type { PutOutcome } from "./put.ts";
import { scanEntries } from "./scanning.ts";
import { storedBody } from "./stored-body.ts";

export interface InventoryPage {
  readonly versions: readonly InventoriedVersion[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: InventoryPosition | undefined;
  /** R2 calls that were made. */
  readonly calls: number;
}

const VERSIONS_PER_PAGE = 1000;

export class InventoryObjects {
  readonly #stores: RegionStores;
  readonly #objects: Pick<ObjectStore, "put">;

  constructor(stores: RegionStores, objects: Pick<ObjectStore, "put">) {
    this.#stores = stores;
    this.#objects = objects;
  }

  /** Where a report about the bucket begins. */
  first({ documents }: GrantedBucket): InventoryPosition {
    return documents.versioning === undefined ? { stage: "entries", after: "" } : { stage: "versions", key: "" };
  }

  /** One page of versions, delete markers included, of at most 1,000. */
  page(bucket: GrantedBucket, prefix: string, position: InventoryPosition): Promise<InventoryPage> {
    if (position.stage === "entries") return this.#pageOfEntries(bucket, prefix, position.after);
    const { key, token } = position;
    return this.#pageOfVersions(bucket, prefix, { key, ...(token !== undefined && { token }) });
  }

  async #pageOfEntries(bucket: GrantedBucket, prefix: string, after: string): Promise<InventoryPage> {
    const store = storeOf(this.#stores, bucket);
    const page = await scanEntries(store, bucket.id, { prefix, after, needsTags: true });
    // Of a prefix too long for R2, a page shows all keys that share its head.
    const entries = page.entries.filter(({ key }) => key.startsWith(prefix));
    const versions = entries.map(({ found }) => ({
      ...inventoried(bucket, found, describeEntry(found)),
      versionId: NULL_VERSION_ID,
      isLatest: true,
      isDeleteMarker: false,
    }));
    return {
      versions,
      next: page.next === undefined ? undefined : { stage: "entries", after: page.next },
      calls: page.calls,
    };
  }

  async #pageOfVersions(
    bucket: GrantedBucket,
    prefix: string,
    after: { readonly key: string; readonly token?: string },
  ): Promise<InventoryPage> {
    const store = new CountedStore(storeOf(this.#stores, bucket), MAX_CALLS);
    const query = { prefix, delimiter: "", after, maxKeys: VERSIONS_PER_PAGE };
    const toItem = ({ row, token, isLatest }: FoundVersion): InventoriedVersion => ({
      ...inventoried(bucket, row.found, row.entry),
      key: row.key,
      versionId: versionIdOf(token),
      isLatest,
      isDeleteMarker: row.entry.isDeleteMarker,
    });
    const { versions, next } = await listVersionsAs(store, bucket, { ...query, toItem });
    return {
      versions,
      next:
        next === undefined
          ? undefined
          : { stage: "versions", key: next.key, ...(next.token !== undefined && { token: next.token }) },
      calls: MAX_CALLS - store.left,
    };
  }

  /** Writes an object of a report. */
  put(
    write: {
      readonly bucket: GrantedBucket;
      readonly key: string;
      readonly attributes: ObjectAttributes;
      readonly ticket: WriteTicket;
    },
    bytes: Uint8Array<ArrayBuffer>,
  ): Promise<PutOutcome> {
    return this.#objects.put(write, storedBody(new Blob([bytes]).stream(), bytes.byteLength));
  }
}

function inventoried({ ownerId }: GrantedBucket, found: R2Object, entry: Entry) {
  const {
    content: _content,
    userMetadata: _metadata,
    state: _state,
    ...object
  } = toStoredObject(found, entry, {
    bucketOwnerId: ownerId,
    versioning: undefined,
  });
  return object;
}
