/**
 * Listing on R2's own listing: prefix, delimiter and order are R2's, one call a page when all entries are plain.
 *
 * What R2 cannot say without metadata is looked up for the marked entries only (`markForListing` in objects.ts), and
 * the few keys too long for R2 (entry-key.ts) are put in order here.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { compareBytes } from "../../model/byte-order.ts";
import type { ListedObject, ListPage, ListQuery } from "../../model/object.ts";
import { describeEntry, lastModifiedOf } from "./entry.ts";
import { clusterHead, clusterOfEntry, entryPrefix, PREFIX_BYTES } from "./entry-key.ts";
import { fromR2Error } from "./platform-errors.ts";

/** R2's largest page. */
const R2_PAGE = 1000;
/** Up to this many marked entries of a page are read one by one; above, the page is listed again with its metadata. */
const FEW = 8;
const HIGHEST_CHARACTER = "\u{10FFFF}";
const R2_KEY_BYTES = 1024;

type Row =
  | { readonly kind: "object"; readonly object: R2Object }
  | { readonly kind: "prefix"; readonly prefix: string };

/** What goes into the answer: an object, or a common prefix. */
type Item = { readonly name: string; readonly object?: ListedObject };

/** @throws S3Error */
export async function listEntries(store: R2Bucket, bucket: GrantedBucket, query: ListQuery): Promise<ListPage> {
  const { prefix, after, maxKeys } = query;
  const empty: ListPage = { objects: [], commonPrefixes: [], isTruncated: false, last: "" };
  if (maxKeys === 0) return empty;
  if (after !== "" && !after.startsWith(prefix) && compareBytes(after, prefix) > 0) return empty;

  const lister = new Lister(store, bucket, query);
  const items: Item[] = [];
  let cursor: string | undefined;
  for (;;) {
    const start = cursor === undefined ? firstStart(bucket.id, query) : { cursor };
    // A page that did not suffice held tombstones: a whole one gets past a run of them.
    const limit = cursor === undefined ? maxKeys : R2_PAGE;
    const page = await listR2(store, { ...lister.options(limit), ...start });
    const more = await lister.take(page, start, items);
    if (more || !page.truncated) return toPage(items, more);
    if (items.length >= maxKeys) return toPage(items, true);
    cursor = page.cursor;
  }
}

/** Turns R2 pages into items; remembers which cluster has been dealt with across pages. */
class Lister {
  readonly #store: R2Bucket;
  readonly #bucket: GrantedBucket;
  readonly #query: ListQuery;
  #cluster: string | undefined;

  constructor(store: R2Bucket, bucket: GrantedBucket, query: ListQuery) {
    this.#store = store;
    this.#bucket = bucket;
    this.#query = query;
  }

  options(wanted: number): R2ListOptions {
    const { prefix, delimiter } = this.#query;
    return {
      prefix: entryPrefix(this.#bucket.id) + (clusterHead(prefix) ?? prefix),
      limit: Math.min(wanted, R2_PAGE),
      ...(delimiter !== "" && { delimiter }),
    };
  }

  /** Appends a page's items; true if some had to be left for the next page of the answer. */
  async take(page: R2Objects, start: R2ListOptions, items: Item[]): Promise<boolean> {
    const { after, maxKeys, delimiter } = this.#query;
    const rows = mergeRows(page);
    const resolved = await this.#resolve(rows, { ...this.options(R2_PAGE), ...start });
    for (const row of rows) {
      const name = row.kind === "object" ? row.object.key : row.prefix;
      const cluster = clusterOfEntry(name);
      if (cluster !== undefined) {
        if (cluster === this.#cluster) continue;
        this.#cluster = cluster;
        for (const item of await this.#clusterItems(cluster, maxKeys - items.length + 1)) {
          if (items.length === maxKeys) return true;
          if (item.name !== items.at(-1)?.name) items.push(item);
        }
        continue;
      }
      if (items.length === maxKeys) return true;
      if (row.kind === "prefix") {
        const commonPrefix = row.prefix.slice(PREFIX_BYTES);
        // R2 gives a prefix again when it starts inside it.
        if (delimiter !== "" && commonPrefix === after) continue;
        if (commonPrefix !== items.at(-1)?.name) items.push({ name: commonPrefix });
        continue;
      }
      const object = isMarked(row.object) ? resolved.get(row.object.key) : row.object;
      if (object === undefined) continue;
      const entry = describeEntry(object);
      if (!entry.isTombstone) items.push({ name: entry.key, object: toListed(object, this.#bucket.ownerId) });
    }
    return false;
  }

  /** The marked entries of a page with their metadata; what has been deleted meanwhile is absent. */
  async #resolve(rows: readonly Row[], again: R2ListOptions): Promise<ReadonlyMap<string, R2Object>> {
    const marked = rows.flatMap((row) => (row.kind === "object" && isMarked(row.object) ? [row.object.key] : []));
    const resolved = new Map<string, R2Object>();
    if (marked.length <= FEW) {
      const heads = await Promise.all(marked.map((key) => headR2(this.#store, key)));
      for (const object of heads) if (object !== null) resolved.set(object.key, object);
      return resolved;
    }
    const waiting = new Set(marked);
    const last = marked.at(-1) ?? "";
    let start: R2ListOptions = again;
    while (waiting.size > 0) {
      const page = await listR2(this.#store, { ...start, include: ["customMetadata"] });
      for (const object of page.objects) if (waiting.delete(object.key)) resolved.set(object.key, object);
      const reached = mergeRows(page).at(-1);
      const name = reached === undefined ? "" : reached.kind === "object" ? reached.object.key : reached.prefix;
      if (!page.truncated || compareBytes(name, last) >= 0) break;
      const { startAfter: _, ...rest } = start;
      start = { ...rest, cursor: page.cursor };
    }
    return resolved;
  }

  /** The first `limit` items among the keys that share a head, in key order. */
  async #clusterItems(head: string, limit: number): Promise<Item[]> {
    const { prefix, delimiter, after } = this.#query;
    let items: Item[] = [];
    let start: R2ListOptions = {};
    for (;;) {
      const page = await listR2(this.#store, {
        prefix: entryPrefix(this.#bucket.id) + head,
        limit: R2_PAGE,
        include: ["customMetadata"],
        ...start,
      });
      for (const object of page.objects) {
        const entry = describeEntry(object);
        // The key that equals the head is direct and takes its place in the page by itself.
        if (entry.isTombstone || entry.record.k === undefined || !entry.key.startsWith(prefix)) continue;
        const found = delimiter === "" ? -1 : entry.key.indexOf(delimiter, prefix.length);
        if (found !== -1) {
          const name = entry.key.slice(0, found + delimiter.length);
          // Passed over only if the marker is the prefix itself or all of it lies behind the marker.
          if (name !== after && compareBytes(entry.key, after) > 0) items.push({ name });
        } else if (compareBytes(entry.key, after) > 0) {
          items.push({ name: entry.key, object: toListed(object, this.#bucket.ownerId) });
        }
      }
      items.sort((a, b) => compareBytes(a.name, b.name));
      items = items.filter((item, index) => item.name !== items[index - 1]?.name).slice(0, limit);
      if (!page.truncated) return items;
      start = { cursor: page.cursor };
    }
  }
}

/** Where the first R2 page begins for a given marker. */
function firstStart(bucketId: string, query: ListQuery): { startAfter?: string } {
  const { after, prefix, delimiter } = query;
  if (after === "" || compareBytes(after, prefix) < 0) return {};
  const head = clusterHead(after);
  if (head !== undefined) return { startAfter: entryPrefix(bucketId) + head };
  const startAfter = entryPrefix(bucketId) + after;
  const endsPrefix =
    delimiter !== "" &&
    after.indexOf(delimiter, prefix.length) + delimiter.length === after.length &&
    after.endsWith(delimiter);
  // Past everything a common prefix holds, rather than through it.
  if (endsPrefix && new TextEncoder().encode(startAfter).byteLength + 4 <= R2_KEY_BYTES) {
    return { startAfter: startAfter + HIGHEST_CHARACTER };
  }
  return { startAfter };
}

/** Objects and prefixes of an R2 page, which come as two sorted arrays, in one order. */
function mergeRows(page: R2Objects): Row[] {
  const rows: Row[] = [];
  let next = 0;
  for (const object of page.objects) {
    for (; next < page.delimitedPrefixes.length; next++) {
      const prefix = page.delimitedPrefixes[next] ?? "";
      if (compareBytes(prefix, object.key) > 0) break;
      rows.push({ kind: "prefix", prefix });
    }
    rows.push({ kind: "object", object });
  }
  for (const prefix of page.delimitedPrefixes.slice(next)) rows.push({ kind: "prefix", prefix });
  return rows;
}

/**
 * Whether the record must be seen. Inline plain objects have R2's MD5 and no SHA-512; where the platform's listing
 * shows no checksums at all, every entry is looked up.
 */
function isMarked(object: R2Object): boolean {
  return object.checksums.sha512 !== undefined || object.checksums.md5 === undefined;
}

function toListed(object: R2Object, bucketOwnerId: string): ListedObject {
  const entry = describeEntry(object);
  const { record } = entry;
  return {
    key: entry.key,
    sizeBytes: entry.sizeBytes,
    etag: entry.etag,
    lastModified: lastModifiedOf(object, record),
    storageClass: record.s ?? "STANDARD",
    ownerId: record.o ?? bucketOwnerId,
    ...(record.c !== undefined && { checksum: { algorithm: record.c[0], type: record.c[2] } }),
  };
}

function toPage(items: readonly Item[], isTruncated: boolean): ListPage {
  return {
    objects: items.flatMap((item) => (item.object === undefined ? [] : [item.object])),
    commonPrefixes: items.flatMap((item) => (item.object === undefined ? [item.name] : [])),
    isTruncated,
    last: items.at(-1)?.name ?? "",
  };
}

function listR2(store: R2Bucket, options: R2ListOptions): Promise<R2Objects> {
  return store.list(options).catch((error: unknown) => {
    throw fromR2Error(error);
  });
}

function headR2(store: R2Bucket, key: string): Promise<R2Object | null> {
  return store.head(key).catch((error: unknown) => {
    throw fromR2Error(error);
  });
}
