/**
 * Removes the entries of deleted buckets; blobs are removed in `uploads/blob-set-sweep.ts`. R2's own errors are thrown, since no
 * client waits for an answer.
 */
import { entryPrefix, type RegionStores } from "./entry-place.ts";

/** Removes the entries of a deleted bucket, up to so many pages of them; undefined if its region has no binding any more. */
export async function removeEntries(
  stores: RegionStores,
  bucket: { readonly id: string; readonly region: string },
  maxPages: number,
): Promise<{ count: number; isEmpty: boolean } | undefined> {
  const store = stores.get(bucket.region);
  if (store === undefined) return undefined;
  let count = 0;
  for (let page = 0; page < maxPages; page++) {
    const { objects, truncated } = await store.list({ prefix: entryPrefix(bucket.id) });
    if (objects.length > 0) await store.delete(objects.map((object) => object.key));
    count += objects.length;
    if (!truncated) return { count, isEmpty: true };
  }
  return { count, isEmpty: false };
}
