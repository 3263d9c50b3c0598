/**
 * Listing on R2's own listing: prefix, delimiter and order are R2's, one call a page when all entries are plain.
 *
 * What R2 does not show without metadata is looked up for the marked entries only (`markForListing` in commit.ts), and the
 * few keys too long for R2 (entry-place.ts) are sorted by `cluster-listing.ts`. The calls of one listing are bounded: a page
 * that would take more ends early, truncated, with the position it has reached.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { compareBytes } from "../../model/byte-order.ts";
import type { ListPage, ListQuery } from "../../model/object.ts";
import { CLUSTER_CALLS, clusterEnd, listCluster } from "./cluster-listing.ts";
import { clusterHead, clusterOfEntry, entryPrefix, PREFIX_BYTES } from "./entry-place.ts";
import { CountedStore, commonPrefixOf, type Item, type Listing, toItem } from "./listed-items.ts";

/** R2 calls of one listing. A page of 1,000 manifests takes 11 in the simulator, and more if their metadata is long. */
export const MAX_CALLS = 60;
/** R2's largest page. */
const R2_PAGE = 1000;
/** Up to this many marked entries of a page are read one by one; more are listed again with metadata. */
export const MAX_SINGLE_READS = 8;
const HIGHEST_CHARACTER = "\u{10FFFF}";

type Row =
  | { readonly kind: "object"; readonly name: string; readonly object: R2Object }
  | { readonly kind: "prefix"; readonly name: string };

/** @param maxCalls R2 calls after which the page ends early. @throws S3Error */
export async function listEntries(
  store: R2Bucket,
  bucket: GrantedBucket,
  { maxCalls = MAX_CALLS, ...query }: ListQuery & { readonly maxCalls?: number },
): Promise<ListPage> {
  const { prefix, after, maxKeys } = query;
  const isPast = after !== "" && !after.startsWith(prefix) && compareBytes(after, prefix) > 0;
  if (maxKeys === 0 || isPast) return { objects: [], commonPrefixes: [], isTruncated: false, last: "" };
  return new Lister(new CountedStore(store, maxCalls), { bucket, query }).page();
}

/** Turns R2's pages into one page of the answer. */
class Lister {
  readonly #store: CountedStore;
  readonly #bucket: GrantedBucket;
  readonly #query: ListQuery;
  readonly #items: Item[] = [];
  /** The position up to which everything has been seen. */
  #reached: string;
  /** The last cluster that is complete. */
  #cluster: string | undefined;

  constructor(store: CountedStore, { bucket, query }: Listing) {
    this.#store = store;
    this.#bucket = bucket;
    this.#query = query;
    this.#reached = query.after;
  }

  async page(): Promise<ListPage> {
    const { maxKeys } = this.#query;
    let start: R2ListOptions = firstStart(this.#bucket.id, this.#query);
    // A page that was not enough contained tombstones: a whole page gets past a run of them.
    for (let limit = maxKeys; ; limit = R2_PAGE) {
      const page = await this.#store.list({ ...this.#options(limit), ...start });
      const isTaken = await this.#take(mergeRows(page), start);
      if (isTaken && !page.truncated) return this.#answer(false);
      if (!isTaken || !page.truncated || this.#isFull || this.#store.left === 0) return this.#answer(true);
      start = { cursor: page.cursor };
    }
  }

  get #isFull(): boolean {
    return this.#items.length >= this.#query.maxKeys;
  }

  #answer(isTruncated: boolean): ListPage {
    return {
      objects: this.#items.flatMap(({ object }) => (object === undefined ? [] : [object])),
      commonPrefixes: this.#items.flatMap(({ name, object }) => (object === undefined ? [name] : [])),
      isTruncated,
      last: isTruncated ? this.#reached : (this.#items.at(-1)?.name ?? ""),
    };
  }

  #options(limit: number): R2ListOptions {
    const { prefix, delimiter } = this.#query;
    return {
      prefix: entryPrefix(this.#bucket.id) + (clusterHead(prefix) ?? prefix),
      limit: Math.min(limit, R2_PAGE),
      ...(delimiter !== "" && { delimiter }),
    };
  }

  /** Takes a page's rows as items; false if the answer ends before its last row. */
  async #take(rows: readonly Row[], start: R2ListOptions): Promise<boolean> {
    const passed = commonPrefixOf(this.#query.after, this.#query);
    const known = await this.#lookUp(rows, { ...this.#options(R2_PAGE), ...start });
    for (const row of rows) {
      const cluster = clusterOfEntry(row.name);
      if (cluster !== undefined) {
        if (!(await this.#takeCluster(cluster))) return false;
        continue;
      }
      const name = row.name.slice(PREFIX_BYTES);
      if (row.kind === "prefix") {
        // R2 lists a prefix again if the listing starts inside it.
        const isNew = name !== this.#items.at(-1)?.name && name !== passed;
        if (isNew && !this.#add({ name })) return false;
      } else if (!isTombstone(row.object)) {
        const found = isMarked(row.object) ? known(row.object.key) : row.object;
        if (found === "not read") return false;
        const item = found && toItem(found, this.#bucket.ownerId);
        if (item !== undefined && !this.#add(item)) return false;
      }
      this.#reached = name;
    }
    return true;
  }

  /** False if there is no room for it. */
  #add(item: Item): boolean {
    if (this.#isFull) return false;
    this.#items.push(item);
    return true;
  }

  /** False if the answer ends before the end of the cluster. */
  async #takeCluster(head: string): Promise<boolean> {
    if (head === this.#cluster) return true;
    const page = await listCluster(this.#store, head, {
      bucket: this.#bucket,
      query: this.#query,
      room: this.#query.maxKeys - this.#items.length,
      isFirst: this.#reached === this.#query.after,
    });
    this.#items.push(...page.items);
    this.#reached = page.reached ?? this.#reached;
    if (page.isComplete) this.#cluster = head;
    return page.isComplete;
  }

  /**
   * The marked entries of a page with their metadata: undefined for an entry that was deleted meanwhile, "not read" for one
   * for which no call was left.
   */
  async #lookUp(
    rows: readonly Row[],
    again: R2ListOptions,
  ): Promise<(key: string) => R2Object | undefined | "not read"> {
    const marked = rows.flatMap((row) =>
      row.kind === "object" && isMarked(row.object) && clusterOfEntry(row.name) === undefined ? [row.name] : [],
    );
    const found = new Map<string, R2Object>();
    const add = (object: R2Object | null) => object && found.set(object.key, object);
    if (marked.length <= Math.min(MAX_SINGLE_READS, this.#spare)) {
      for (const object of await Promise.all(marked.map((key) => this.#store.head(key)))) add(object);
      return (key) => found.get(key);
    }
    const last = marked.at(-1) ?? "";
    let reached = "";
    let start: R2ListOptions = again;
    while (this.#spare > 0 && compareBytes(reached, last) < 0) {
      const page = await this.#store.list({ ...start, include: ["customMetadata"] });
      for (const object of page.objects) add(object);
      reached = page.truncated ? (mergeRows(page).at(-1)?.name ?? reached) : last;
      const { startAfter: _, ...rest } = start;
      start = page.truncated ? { ...rest, cursor: page.cursor } : rest;
    }
    return (key) => found.get(key) ?? (compareBytes(key, reached) <= 0 ? undefined : "not read");
  }

  /** Calls beyond those that a cluster may take. */
  get #spare(): number {
    return this.#store.left - CLUSTER_CALLS;
  }
}

/** Where the first R2 page begins for a given marker. */
function firstStart(bucketId: string, query: ListQuery): { startAfter?: string } {
  const { after, prefix } = query;
  if (after === "" || compareBytes(after, prefix) < 0) return {};
  // A marker below a common prefix continues after all of it (seen on AWS, LocalStack's recordings).
  const passed = commonPrefixOf(after, query);
  if (passed !== undefined && clusterHead(passed) === undefined) return behind(entryPrefix(bucketId) + passed);
  const head = clusterHead(after);
  if (head === undefined) return { startAfter: entryPrefix(bucketId) + after };
  // Every key of a cluster has to be read to find those after the marker.
  return after === clusterEnd(head)
    ? behind(entryPrefix(bucketId) + head)
    : { startAfter: entryPrefix(bucketId) + head };
}

/** After everything with this prefix, except keys that continue with the highest character. */
function behind(r2Prefix: string): { startAfter: string } {
  return { startAfter: r2Prefix + HIGHEST_CHARACTER };
}

/** Objects and prefixes of an R2 page, which are two sorted arrays, as one. */
function mergeRows(page: R2Objects): Row[] {
  const rows: Row[] = [];
  let next = 0;
  for (const object of page.objects) {
    for (; next < page.delimitedPrefixes.length; next++) {
      const name = page.delimitedPrefixes[next] ?? "";
      if (compareBytes(name, object.key) > 0) break;
      rows.push({ kind: "prefix", name });
    }
    rows.push({ kind: "object", name: object.key, object });
  }
  for (const name of page.delimitedPrefixes.slice(next)) rows.push({ kind: "prefix", name });
  return rows;
}

/**
 * Whether the record must be read. Inline plain objects have R2's MD5 and no SHA-512; if the platform's listing shows no
 * checksums at all, every entry is looked up.
 */
function isMarked({ checksums }: R2Object): boolean {
  return checksums.sha512 !== undefined || checksums.md5 === undefined;
}

/** Tombstones of earlier releases are marked like every entry whose record must be read. */
function isTombstone({ checksums }: R2Object): boolean {
  return checksums.sha384 !== undefined;
}
