/** Counting what a bucket holds: one page of its objects, or of its versions, at a time. */
import type { GrantedBucket } from "../../access/authorize.ts";
import { isAdopted } from "../../model/adopted.ts";
import { addUsage, type CountedPage, NO_USAGE, type UsagePosition } from "../../model/usage.ts";
import { type AdoptedStores, adoptedStore } from "../adopted/adopted-stores.ts";
import { callR2 } from "../platform-errors.ts";
import type { FoundVersion } from "../versions/key-versions.ts";
import { listVersionsAs } from "../versions/list-versions.ts";
import { type RegionStores, storeOf } from "./entry-place.ts";
import { CountedStore } from "./listed-items.ts";
import { MAX_CALLS } from "./listing.ts";
import { scanEntries } from "./scanning.ts";

const VERSIONS_PER_PAGE = 1000;

/** Calls that one page takes at most; nearly all take one or two. */
export const CALLS_OF_A_PAGE = MAX_CALLS;

export type ObjectsPosition = Exclude<UsagePosition, { stage: "uploads" }>;

export class UsageObjects {
  readonly #stores: RegionStores;
  readonly #adopted: AdoptedStores;

  constructor(stores: RegionStores, adopted: AdoptedStores) {
    this.#stores = stores;
    this.#adopted = adopted;
  }

  /** Where the objects of a bucket begin. */
  first({ documents }: GrantedBucket): ObjectsPosition {
    return documents.versioning === undefined ? { stage: "entries", after: "" } : { stage: "versions", key: "" };
  }

  page(bucket: GrantedBucket, position: ObjectsPosition): Promise<CountedPage> {
    return position.stage === "entries"
      ? this.#pageOfEntries(bucket, position.after)
      : this.#pageOfVersions(bucket, position);
  }

  async #pageOfEntries(bucket: GrantedBucket, after: string): Promise<CountedPage> {
    if (isAdopted(bucket)) return this.#pageOfAdopted(bucket, after);
    const query = { prefix: "", after, needsTags: false };
    const { entries, next, calls } = await scanEntries(storeOf(this.#stores, bucket), bucket.id, query);
    const bytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    return {
      counts: { objects: entries.length, bytes },
      next: next === undefined ? undefined : { stage: "entries", after: next },
      calls,
    };
  }

  /** As R2 lists them. */
  async #pageOfAdopted({ region: binding }: GrantedBucket, after: string): Promise<CountedPage> {
    const store = adoptedStore(this.#adopted, binding);
    const page = await callR2(store.list(after === "" ? {} : { startAfter: after }));
    const bytes = page.objects.reduce((sum, { size }) => sum + size, 0);
    const last = page.objects.at(-1)?.key;
    return {
      counts: { objects: page.objects.length, bytes },
      next: page.truncated && last !== undefined ? { stage: "entries", after: last } : undefined,
      calls: 1,
    };
  }

  async #pageOfVersions(
    bucket: GrantedBucket,
    { key, token }: { readonly key: string; readonly token?: string },
  ): Promise<CountedPage> {
    const store = new CountedStore(storeOf(this.#stores, bucket), MAX_CALLS);
    const after = { key, ...(token !== undefined && { token }) };
    let counts = NO_USAGE;
    const toItem = (found: FoundVersion): void => {
      counts = addUsage(counts, countsOf(found));
    };
    const { next } = await listVersionsAs(store, bucket, {
      prefix: "",
      delimiter: "",
      after,
      maxKeys: VERSIONS_PER_PAGE,
      toItem,
    });
    return {
      counts,
      next:
        next === undefined
          ? undefined
          : { stage: "versions", key: next.key, ...(next.token !== undefined && { token: next.token }) },
      calls: MAX_CALLS - store.left,
    };
  }
}

function countsOf({ row: { entry }, isLatest }: FoundVersion) {
  if (entry.isDeleteMarker) return { deleteMarkers: 1 };
  const { sizeBytes } = entry;
  return isLatest ? { objects: 1, bytes: sizeBytes } : { versions: 1, noncurrentBytes: sizeBytes };
}
