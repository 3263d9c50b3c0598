/**
 * Listing the keys too long for R2 that share a head (entry-place.ts). R2 lists them in the order of their hashes, so all
 * keys of a cluster are read and sorted here.
 *
 * Deviation: in a cluster of more than `MAX_SORTED_KEYS` keys (more than 960 bytes long and equal up to there) each page is in
 * the order of the hashes, since otherwise the number of calls for the first page would be unbounded. A common prefix that
 * ends after the head may then be repeated on a later page.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { compareBytes } from "../../model/byte-order.ts";
import { settleListed } from "../versions/listed-restored.ts";
import { describeEntry } from "./entry.ts";
import { clusterHead, entryKey, entryPrefix } from "./entry-place.ts";
import { type CountedStore, commonPrefixOf, type Item, type Listing, toListedObject } from "./listed-items.ts";

export const MAX_SORTED_KEYS = 1000;
/** Calls that a listing reserves for its first cluster: enough to find that it is large, and to list a page of it. */
export const CLUSTER_CALLS = 22;
/** Those among them that are for the page. */
const PAGE_CALLS = 10;
/** A key has at most 64 bytes after its head, which are 16 characters of this size. */
const AFTER_ALL = "\u{10FFFF}".repeat(16);

/** Sorts after every key of the cluster, and before anything that follows it. */
export function clusterEnd(head: string): string {
  return head + AFTER_ALL;
}

export interface ClusterPage {
  readonly items: readonly Item[];
  /** Where the next page continues. Undefined: where this one began. */
  readonly reached: string | undefined;
  /** Whether nothing of the cluster is left for the next page. */
  readonly isComplete: boolean;
}

interface Asked extends Listing {
  /** Items there is room for. */
  readonly room: number;
}

/** @param asked.isFirst whether the answer is still empty; otherwise a large cluster is left for an answer of its own */
export async function listCluster(
  store: CountedStore,
  head: string,
  asked: Asked & { readonly isFirst: boolean },
): Promise<ClusterPage> {
  const found: R2Object[] = [];
  for (let start: R2ListOptions = {}; store.left > 0; ) {
    const page = await store.list({ ...clusterOptions(asked.bucket, head), ...start });
    const shown = await settleCluster(store, asked.bucket, page.objects);
    if (shown === undefined) break;
    found.push(...shown);
    if (!page.truncated) return firstOf(inOrder(found, asked), head, asked.room);
    if (!asked.isFirst) break;
    if (found.length > MAX_SORTED_KEYS || store.left <= PAGE_CALLS) return listByHash(store, head, asked);
    start = { cursor: page.cursor };
  }
  return { items: [], reached: undefined, isComplete: false };
}

function clusterOptions(bucket: GrantedBucket, head: string): R2ListOptions {
  return { prefix: entryPrefix(bucket.id) + head, include: ["customMetadata"] };
}

/** What is listed of the cluster after the marker, by name. */
function inOrder(found: readonly R2Object[], { bucket, query }: Asked): Item[] {
  const items = found
    .filter((object) => compareBytes(describeEntry(object).key, query.after) > 0)
    .flatMap((object) => toClusterItem(object, { bucket, query }) ?? [])
    .sort((a, b) => compareBytes(a.name, b.name));
  return items.filter((item, index) => item.name !== items[index - 1]?.name);
}

function firstOf(items: readonly Item[], head: string, room: number): ClusterPage {
  const shown = items.slice(0, room);
  const isComplete = shown.length === items.length;
  return { items: shown, reached: shown.at(-1)?.name ?? (isComplete ? clusterEnd(head) : undefined), isComplete };
}

async function listByHash(store: CountedStore, head: string, { bucket, query, room }: Asked): Promise<ClusterPage> {
  const { after } = query;
  const items: Item[] = [];
  let reached: string | undefined;
  // The marker is a key of the cluster, or sorts before all of them.
  let start: R2ListOptions = clusterHead(after) === head ? { startAfter: entryKey(bucket.id, after) } : {};
  while (store.left > 0) {
    const page = await store.list({ ...clusterOptions(bucket, head), ...start });
    const shown = await settleCluster(store, bucket, page.objects);
    if (shown === undefined) break;
    for (const object of shown) {
      const item = toClusterItem(object, { bucket, query });
      if (item !== undefined && item.name !== items.at(-1)?.name) {
        if (items.length === room) return { items, reached, isComplete: false };
        items.push(item);
      }
      reached = describeEntry(object).key;
    }
    if (!page.truncated) return { items, reached: clusterEnd(head), isComplete: true };
    start = { cursor: page.cursor };
  }
  return { items, reached, isComplete: false };
}

/** What is listed in place of versions that became current again. Undefined if there are too few calls left to find out. */
async function settleCluster(
  store: CountedStore,
  bucket: GrantedBucket,
  objects: readonly R2Object[],
): Promise<R2Object[] | undefined> {
  if (bucket.documents.versioning === undefined) return [...objects];
  const { shown, unknown } = await settleListed(store, { objects, bucketId: bucket.id, reserve: 0 });
  if (unknown.size > 0) return undefined;
  return objects.flatMap((object) => (shown.has(object.key) ? (shown.get(object.key) ?? []) : [object]));
}

/** Undefined if the entry is not listed, or was listed on an earlier page. */
function toClusterItem(found: R2Object, { bucket, query }: Listing): Item | undefined {
  const entry = describeEntry(found);
  const { key, record } = entry;
  // The key that equals the head is direct; the page lists it by itself.
  if (record.k === undefined || !key.startsWith(query.prefix)) return undefined;
  const object = toListedObject(found, entry, bucket.ownerId);
  if (object === undefined) return undefined;
  const commonPrefix = commonPrefixOf(key, query);
  if (commonPrefix === undefined) return { name: key, object };
  return commonPrefix === commonPrefixOf(query.after, query) ? undefined : { name: commonPrefix };
}
