/**
 * Removes the entries, records and markers of deleted buckets; blobs are removed in `uploads/blob-set-sweep.ts`. R2's own errors are thrown, since no
 * client waits for an answer.
 */
import { recordPrefix } from "../versions/record-key.ts";
import { markerKey } from "./bucket-markers.ts";
import { entryPrefix, type RegionStores } from "./entry-place.ts";

/**
 * Removes the marker of a deleted bucket, and its entries and records, up to so many pages of them; undefined if its region has no
 * binding any more.
 */
export async function removeEntries(
  stores: RegionStores,
  bucket: { readonly id: string; readonly region: string },
  maxPages: number,
): Promise<{ count: number; isEmpty: boolean } | undefined> {
  const store = stores.get(bucket.region);
  if (store === undefined) return undefined;
  // A sweep that read the bucket's row before it was deleted may have put it late.
  await store.delete(markerKey(bucket.id));
  let count = 0;
  let pages = 0;
  for (const prefix of [entryPrefix(bucket.id), recordPrefix(bucket.id)]) {
    for (let isEmpty = false; !isEmpty; pages++) {
      if (pages === maxPages) return { count, isEmpty: false };
      const { objects, truncated } = await store.list({ prefix });
      if (objects.length > 0) await store.delete(objects.map((object) => object.key));
      count += objects.length;
      isEmpty = !truncated;
    }
  }
  return { count, isEmpty: true };
}
