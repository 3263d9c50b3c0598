/**
 * Lists blob sets, and finds out which of them are certainly in use, so that their Durable Objects need not be asked. R2's own
 * errors are thrown, since no client waits for an answer.
 */
import { BLOB_PREFIX, type NamingKey, ownerOf } from "../r2/blobs.ts";
import { type RegionStores, storeOf } from "../r2/entry-place.ts";
import { searchPlainly } from "./naming-versions.ts";

export interface ListedBlobSet {
  readonly id: string;
  /** The key for which it was written; absent: put into R2 by other means. */
  readonly owner?: NamingKey;
  /** Absent if more of its blobs may follow on the next page. */
  readonly blobCount?: number;
}

export interface BlobSetPage {
  /** In order of the time the sets were made. */
  readonly sets: readonly ListedBlobSet[];
  /** `after` of the next page; empty if there is none. */
  readonly next: string;
}

/**
 * A page of a region's blob sets. One R2 call.
 * @param page.after empty, or `next` of the page before
 * @param page.limit of blobs, of which a set may have more
 */
export async function listBlobSets(
  stores: RegionStores,
  { region, after, limit }: { readonly region: string; readonly after: string; readonly limit: number },
): Promise<BlobSetPage> {
  const store = storeOf(stores, { region });
  const startAfter = after === "" ? {} : { startAfter: `${after}\u{10FFFF}` };
  const page = await store.list({ prefix: BLOB_PREFIX, limit, include: ["customMetadata"], ...startAfter });
  const bySet = Map.groupBy(page.objects, ({ key }) => prefixOf(key));
  const next = page.truncated ? ([...bySet.keys()].at(-1) ?? "") : "";
  const sets = [...bySet].map(([prefix, blobs]): ListedBlobSet => {
    const owner = ownerOf(blobs[0]);
    return {
      id: prefix.slice(BLOB_PREFIX.length, -1),
      ...(owner !== undefined && { owner }),
      ...(prefix !== next && { blobCount: blobs.length }),
    };
  });
  return { sets, next };
}

/**
 * Whether the key for which the set was written names it, as few reads show, and nothing is to be removed from it. Also returns
 * the number of R2 calls.
 */
export async function isPlainlyInUse(
  stores: RegionStores,
  region: string,
  { id, owner, blobCount }: ListedBlobSet,
): Promise<readonly [isInUse: boolean, calls: number]> {
  if (owner === undefined) return [false, 0];
  const { naming, calls } = await searchPlainly(storeOf(stores, { region }), owner, { blobSetId: id });
  // Only an upload leaves blobs that its object does not contain.
  const manifest = naming?.entry.record.f;
  const parts = manifest?.b === id ? manifest.k : undefined;
  return [naming !== undefined && (parts === undefined || parts === blobCount), calls];
}

/** Everything up to the name of the blob. */
function prefixOf(r2Key: string): string {
  return r2Key.slice(0, r2Key.indexOf("/", BLOB_PREFIX.length) + 1) || `${r2Key}/`;
}
