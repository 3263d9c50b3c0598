/**
 * Lists blob sets, and removes the entries of deleted buckets; blobs are removed in `uploads/blob-set-sweep.ts`. R2's own errors
 * are thrown, since no client waits for an answer.
 */
import { BLOB_PREFIX } from "./blobs.ts";
import { entryPrefix, type RegionStores, storeOf } from "./entry-place.ts";

export interface BlobSetPage {
  /** In order of the time the sets were made. */
  readonly ids: readonly string[];
  /** `after` of the next page; empty if there is none. */
  readonly next: string;
}

/** A page of the blob sets of a region. One R2 call. @param page.after empty, or `next` of the page before */
export async function listBlobSets(
  stores: RegionStores,
  { region, after, limit }: { readonly region: string; readonly after: string; readonly limit: number },
): Promise<BlobSetPage> {
  const startAfter = after === "" ? {} : { startAfter: `${after}\u{10FFFF}` };
  const page = await storeOf(stores, { region }).list({ prefix: BLOB_PREFIX, delimiter: "/", limit, ...startAfter });
  const prefixes = page.delimitedPrefixes.filter((prefix) => prefix !== after);
  const ids = prefixes.map((prefix) => prefix.slice(BLOB_PREFIX.length, -1));
  return { ids, next: page.truncated ? (prefixes.at(-1) ?? "") : "" };
}

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
