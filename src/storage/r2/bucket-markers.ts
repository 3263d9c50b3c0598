/**
 * Markers of buckets, at `~m/<bucketId>` in the bucket's region. `~` never begins a bucket id. The text of the marker
 * (`model/bucket-marker.ts`) is the body, so that R2's ETag identifies it and its dashboard shows it, and in the metadata, so that a
 * listing shows it. Only a rebuild after the loss of D1 depends on markers, so a bucket is no less usable if its marker is late:
 * its row says that it is due, and a sweep puts it.
 */
import type { Grant, GrantedBucket, RootGrant } from "../../access/authorize.ts";
import { type BucketMarker, formatMarker, parseMarker } from "../../model/bucket-marker.ts";
import { callR2 } from "../platform-errors.ts";
import { type RegionStores, storeOf } from "./entry-place.ts";

const MARKER_PREFIX = "~m/";
const FIELD = "bucket";
/** A younger marker that differs from its row may be that of a request which has not written the row yet. */
const YOUNG_MS = 2 * 60 * 1000;

export function markerKey(bucketId: string): string {
  return MARKER_PREFIX + bucketId;
}

/** A marker as it is in R2. */
interface FoundMarker {
  /** Undefined if its text is no marker. */
  readonly marker: BucketMarker | undefined;
  readonly found: R2Object;
}

export interface MarkerPosition {
  readonly region: string;
  /** Id of a bucket; empty: the first page. */
  readonly after: string;
}

export interface MarkerPage {
  readonly markers: readonly BucketMarker[];
  /** `after` of the next page; undefined: there is none. */
  readonly next: string | undefined;
}

/** What may change in a marker. */
export type MarkerChange = Pick<BucketMarker, "versioning"> | Pick<BucketMarker, "hasObjectLock">;

export class BucketMarkers {
  readonly #stores: RegionStores;

  constructor(stores: RegionStores) {
    this.#stores = stores;
  }

  /** One R2 call. @throws S3Error */
  async put(_by: Grant, marker: BucketMarker): Promise<void> {
    await putMarker(storeOf(this.#stores, marker), marker);
  }

  /** Two R2 calls; one if there is no marker yet, which the sweep then puts. @throws S3Error */
  async change(bucket: GrantedBucket, change: MarkerChange): Promise<void> {
    const store = storeOf(this.#stores, bucket);
    const marker = (await findMarker(store, bucket))?.marker;
    if (marker !== undefined) await putMarker(store, { ...marker, ...change });
  }

  /** The regions whose markers can be listed. */
  get regions(): readonly string[] {
    return [...this.#stores.keys()];
  }

  /** A page of a region's markers, in the order of the ids. One R2 call. @throws S3Error */
  async list(_by: RootGrant, { region, after }: MarkerPosition): Promise<MarkerPage> {
    const store = storeOf(this.#stores, { region });
    const { objects, truncated } = await callR2(
      store.list({
        prefix: MARKER_PREFIX,
        include: ["customMetadata"],
        ...(after !== "" && { startAfter: markerKey(after) }),
      }),
    );
    const last = objects.at(-1)?.key.slice(MARKER_PREFIX.length);
    return {
      markers: objects.map((found) => readMarker(found, region)).filter((marker) => marker !== undefined),
      next: truncated ? last : undefined,
    };
  }

  /** Undefined if there is no such marker. One R2 call. @throws S3Error */
  async find(
    _by: RootGrant,
    place: { readonly id: string; readonly region: string },
  ): Promise<BucketMarker | undefined> {
    return (await findMarker(storeOf(this.#stores, place), place))?.marker;
  }

  /** One R2 call. @throws S3Error */
  async remove(bucket: GrantedBucket): Promise<void> {
    await callR2(storeOf(this.#stores, bucket).delete(markerKey(bucket.id)));
  }
}

/** `later`: it has to wait for another run. */
export type MarkerOutcome = "put" | "right" | "later";

/**
 * Makes the marker in R2 say what the bucket's row says. A change that comes between the read and the put is kept: its row is
 * due. One or two R2 calls.
 * @param options.isMissing whether the bucket probably has no marker
 * @throws S3Error
 */
export async function correctMarker(
  stores: RegionStores,
  marker: BucketMarker,
  { isMissing, now }: { readonly isMissing: boolean; readonly now: Date },
): Promise<MarkerOutcome> {
  const store = stores.get(marker.region);
  if (store === undefined) return "later";
  if (isMissing && (await putMarker(store, marker, { etagDoesNotMatch: "*" })) !== null) return "put";
  const stored = await findMarker(store, marker);
  if (stored?.marker !== undefined && formatMarker(stored.marker) === formatMarker(marker)) return "right";
  if (stored !== undefined && now.getTime() - stored.found.uploaded.getTime() < YOUNG_MS) return "later";
  const onlyIf = stored === undefined ? { etagDoesNotMatch: "*" } : { etagMatches: stored.found.etag };
  return (await putMarker(store, marker, onlyIf)) === null ? "later" : "put";
}

/** One R2 call. Null if the condition is not met. @throws S3Error */
async function putMarker(store: R2Bucket, marker: BucketMarker, onlyIf?: R2Conditional): Promise<R2Object | null> {
  const text = formatMarker(marker);
  const options = {
    customMetadata: { [FIELD]: text },
    httpMetadata: { contentType: "application/json" },
    ...(onlyIf && { onlyIf }),
  };
  return callR2(store.put(markerKey(marker.id), text, options));
}

/** One R2 call. Undefined if there is nothing at its place. @throws S3Error */
export async function findMarker(
  store: R2Bucket,
  bucket: { readonly id: string; readonly region: string },
): Promise<FoundMarker | undefined> {
  const found = await callR2(store.head(markerKey(bucket.id)));
  return found === null ? undefined : { marker: readMarker(found, bucket.region), found };
}

/** Whether an R2 bucket has markers of buckets, of whatever deployment. One R2 call. @throws S3Error */
export async function hasMarkers(store: R2Bucket): Promise<boolean> {
  const { objects } = await callR2(store.list({ prefix: MARKER_PREFIX, include: ["customMetadata"], limit: 100 }));
  return objects.some((found) => readMarker(found, "") !== undefined);
}

/** @param found with its metadata */
function readMarker(found: R2Object, region: string): BucketMarker | undefined {
  const id = found.key.slice(MARKER_PREFIX.length);
  return parseMarker(found.customMetadata?.[FIELD] ?? "", { id, region });
}
