/** Adopting R2 buckets, and releasing them. Neither writes to R2. */
import type { RootGrant } from "../../access/authorize.ts";
import type { Bucket } from "../../model/bucket.ts";
import type { AdoptedBuckets, NewAdoption } from "../d1/adopted-buckets.ts";
import { hasMarkers } from "../r2/bucket-markers.ts";
import type { RegionStores } from "../r2/entry-place.ts";
import type { AdoptedStores } from "./adopted-stores.ts";
import { compareBuckets } from "./same-bucket.ts";

export type AdoptionOutcome =
  | { readonly outcome: "adopted"; readonly id: string }
  | { readonly outcome: "no-such-binding" | "is-region-store" | "name-taken" | "no-such-account" | "too-many" }
  /** The R2 bucket, or the binding, is this bucket's. */
  | { readonly outcome: "adopted-before"; readonly bucket: string }
  /** The R2 bucket and that of the other binding are empty, so they may be the same. */
  | { readonly outcome: "unclear"; readonly binding: string };

export class Adoption {
  readonly #stores: { readonly regions: RegionStores; readonly adopted: AdoptedStores };
  readonly #buckets: AdoptedBuckets;

  constructor(stores: { readonly regions: RegionStores; readonly adopted: AdoptedStores }, buckets: AdoptedBuckets) {
    this.#stores = stores;
    this.#buckets = buckets;
  }

  /** Some R2 calls for each region and each adopted bucket. @throws S3Error */
  async adopt(by: RootGrant, adoption: NewAdoption): Promise<AdoptionOutcome> {
    const { regions, adopted } = this.#stores;
    const store = adopted.get(adoption.binding);
    if (store === undefined) return { outcome: "no-such-binding" };
    const present = await this.#buckets.list(by);
    const own = present.find(({ binding }) => binding === adoption.binding);
    if (own !== undefined) return { outcome: "adopted-before", bucket: own.name };
    // Markers are in every region store, also of another deployment.
    if (await hasMarkers(store)) return { outcome: "is-region-store" };
    for (const [region, other] of regions) {
      const comparison = await compareBuckets(store, other);
      if (comparison === "same") return { outcome: "is-region-store" };
      if (comparison === "unclear") return { outcome: "unclear", binding: `the region ${region}` };
    }
    const before = await this.#findSame(store, present);
    if (before !== undefined) return before;
    const inserted = await this.#buckets.insert(by, adoption);
    if (inserted.outcome !== "adopted") return inserted;
    // Another call may have adopted the R2 bucket under another binding since.
    const since = (await this.#buckets.list(by)).filter(
      ({ name }) => name !== adoption.name && !present.some((each) => each.name === name),
    );
    const same = await this.#findSame(store, since);
    if (same !== undefined) await this.#buckets.release(by, adoption.name);
    return same ?? inserted;
  }

  /** Undefined if it is not the R2 bucket of one of them. */
  async #findSame(store: R2Bucket, buckets: readonly AdoptedBucket[]): Promise<AdoptionOutcome | undefined> {
    for (const { name, binding } of buckets) {
      const other = this.#stores.adopted.get(binding);
      if (other === undefined) continue;
      const comparison = await compareBuckets(store, other);
      if (comparison === "same") return { outcome: "adopted-before", bucket: name };
      if (comparison === "unclear") return { outcome: "unclear", binding };
    }
    return undefined;
  }

  list(by: RootGrant): Promise<readonly AdoptedBucket[]> {
    return this.#buckets.list(by);
  }

  /** False if no adopted bucket has the name. Takes as long as other isolates may use its row. */
  release(by: RootGrant, name: string): Promise<boolean> {
    return this.#buckets.release(by, name);
  }
}

export interface AdoptedBucket extends Pick<Bucket, "name" | "accountId" | "createdAt"> {
  readonly binding: string;
}
