/**
 * Listing on R2's own listing: prefix, delimiter and order are R2's, one call a page when all entries are plain.
 *
 * What R2 does not show without metadata is looked up for the marked entries only (`markForListing` in commit.ts), and the
 * few keys too long for R2 (entry-place.ts) are sorted by `cluster-listing.ts`. The calls of one listing are bounded: a page
 * that would take more ends early, truncated, with the position it has reached.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { compareBytes } from "../../model/byte-order.ts";
import type { VersionItem, VersionPage, VersionQuery } from "../../model/listed-version.ts";
import type { ListedObject, ListPage, ListQuery } from "../../model/object.ts";
import { NULL_VERSION_ID } from "../../model/version.ts";
import { settleListed } from "../versions/listed-restored.ts";
import { CLUSTER_CALLS, clusterEnd, listCluster } from "./cluster-listing.ts";
import { CommonPrefixes, findUndecided } from "./common-prefixes.ts";
import { describeEntry, type Entry } from "./entry.ts";
import { clusterHead, entryPrefix, PREFIX_BYTES } from "./entry-place.ts";
import { NO_RECORD } from "./entry-record.ts";
import { behind } from "./list-position.ts";
import { CountedStore, commonPrefixOf, type Item, type Listing, R2_PAGE, toListedObject } from "./listed-items.ts";
import { type ClusterRow, type PrefixRow, type Row, rowsOf } from "./listed-rows.ts";
import { type MarkedEntries, readMarked } from "./marked-entries.ts";

/** R2 calls of one listing. A page of 1,000 manifests takes 11 in the simulator, and more if their metadata is long. */
export const MAX_CALLS = 60;

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

/** The objects of a bucket that was never versioned, as their only versions. @throws S3Error */
export async function listNullVersions(
  store: R2Bucket,
  bucket: GrantedBucket,
  query: VersionQuery,
): Promise<VersionPage<VersionItem>> {
  const { objects, commonPrefixes, isTruncated, last } = await listEntries(store, bucket, {
    ...query,
    after: query.after.key,
  });
  const token = objects.at(-1)?.key === last ? NULL_VERSION_ID : undefined;
  return {
    versions: objects.map((object) => ({
      ...object,
      versionId: NULL_VERSION_ID,
      isLatest: true,
      isDeleteMarker: false,
    })),
    commonPrefixes,
    next: isTruncated ? { key: last, token } : undefined,
  };
}

/** Whether the bucket has an object, and whether tombstones or delete markers have been passed over. @throws S3Error */
export async function findObject(
  store: R2Bucket,
  bucket: GrantedBucket,
  maxCalls: number,
): Promise<{ readonly isFound: boolean; readonly isTruncated: boolean; readonly hasTombstones: boolean }> {
  const query = { prefix: "", delimiter: "", after: "", maxKeys: 1 };
  const lister = new Lister(new CountedStore(store, maxCalls), { bucket, query });
  const { objects, isTruncated } = await lister.page();
  return { isFound: objects.length > 0, isTruncated, hasTombstones: lister.hasTombstones };
}

/** Turns R2's pages into one page of the answer. */
class Lister {
  readonly #store: CountedStore;
  readonly #bucket: GrantedBucket;
  readonly #query: ListQuery;
  /** Prefix and delimiter of R2's pages. */
  readonly #scope: R2ListOptions;
  readonly #objects: ListedObject[] = [];
  readonly #commonPrefixes: string[] = [];
  /** Of a bucket that is or was versioned. */
  readonly #verification: CommonPrefixes | undefined;
  /** Whether an entry has been passed over. */
  hasTombstones = false;
  /** The last object or common prefix. */
  #lastName = "";
  /** The position up to which everything has been seen. */
  #reached: string;
  /** The last cluster that is complete. */
  #cluster: string | undefined;

  constructor(store: CountedStore, { bucket, query }: Listing) {
    const { prefix, delimiter, after } = query;
    this.#store = store;
    this.#bucket = bucket;
    this.#query = query;
    this.#scope = {
      prefix: entryPrefix(bucket.id) + (clusterHead(prefix) ?? prefix),
      ...(delimiter !== "" && { delimiter }),
    };
    this.#reached = after;
    const base = entryPrefix(bucket.id);
    if (bucket.documents.versioning !== undefined) {
      this.#verification = new CommonPrefixes(store, { base, query, after, isListed: isNoTombstone });
    }
  }

  async page(): Promise<ListPage> {
    let start: R2ListOptions = firstStart(this.#bucket, this.#query);
    // A page that was not enough contained tombstones: a whole page gets past a run of them.
    for (let limit = Math.min(this.#query.maxKeys, R2_PAGE); ; limit = R2_PAGE) {
      const page = await this.#store.list({ ...this.#scope, ...start, limit });
      const isTaken = await this.#takeAll(rowsOf(page), start);
      if (isTaken && !page.truncated) return this.#answer(false);
      if (!isTaken || !page.truncated || this.#room === 0 || this.#store.left === 0) return this.#answer(true);
      start = { cursor: page.cursor };
    }
  }

  /** Objects and common prefixes that the answer can still take. */
  get #room(): number {
    return this.#query.maxKeys - this.#objects.length - this.#commonPrefixes.length;
  }

  #answer(isTruncated: boolean): ListPage {
    return {
      objects: this.#objects,
      commonPrefixes: this.#commonPrefixes,
      isTruncated,
      last: isTruncated ? this.#reached : this.#lastName,
    };
  }

  /** Takes a page's rows as items; false if the answer ends before its last row. */
  async #takeAll(rows: readonly Row[], start: R2ListOptions): Promise<boolean> {
    const passed = passedPrefix(this.#bucket, this.#query);
    // Records are read for the rows that fill the answer, and for the rest of the page only if those were not enough.
    const enough = this.#countEnough(rows);
    for (const [from, to] of [
      [0, enough],
      [enough, rows.length],
    ] as const) {
      const asked = { rows, from, to, scope: this.#scope, start, reserve: CLUSTER_CALLS };
      const records = await this.#settle(await readMarked(this.#store, asked));
      for (const [index, row] of rows.slice(from, to).entries()) {
        const isTaken =
          row.kind === "cluster"
            ? await this.#takeCluster(row.head)
            : row.kind === "prefix"
              ? await this.#takePrefix(row.name.slice(PREFIX_BYTES), passed, () => prefixesOf(rows.slice(from + index)))
              : this.#take(row, records);
        if (!isTaken) return false;
      }
    }
    return true;
  }

  /** How many of the rows certainly fill the answer and show whether there is more, unless marked ones are tombstones. */
  #countEnough(rows: readonly Row[]): number {
    let missing = this.#room + 1;
    let count = 0;
    for (; count < rows.length && missing > 0; count++) if (rows[count]?.kind !== "tombstone") missing--;
    return count;
  }

  /** What is listed in place of versions that became current again. */
  async #settle(records: MarkedEntries): Promise<MarkedEntries> {
    if (this.#verification === undefined) return records;
    const asked = { objects: records.values(), bucketId: this.#bucket.id, reserve: CLUSTER_CALLS };
    const { shown, unknown } = await settleListed(this.#store, asked);
    if (shown.size === 0 && unknown.size === 0) return records;
    return new Map([...records, ...shown].filter(([r2Key]) => !unknown.has(r2Key)));
  }

  /** False if the answer ends before the prefix. */
  async #takePrefix(name: string, passed: string | undefined, following: () => readonly string[]): Promise<boolean> {
    // R2 lists a prefix again if the listing starts inside it.
    if (name !== this.#lastName && name !== passed) {
      const isListed = this.#verification === undefined || (await this.#verification.isListed(name, following));
      if (isListed === undefined) this.#reached = this.#verification?.markerIn(name) ?? this.#reached;
      if (isListed === undefined || (isListed && !this.#add({ name }))) return false;
    }
    this.#reached = name;
    return true;
  }

  /** False if the answer ends before the row. */
  #take(row: Exclude<Row, ClusterRow | PrefixRow>, records: MarkedEntries): boolean {
    const name = row.name.slice(PREFIX_BYTES);
    if (row.kind === "plain") {
      if (!this.#addEntry(row.object, describeEntry(row.object, NO_RECORD))) return false;
    } else if (row.kind === "marked") {
      if (!records.has(row.name)) return false;
      const found = records.get(row.name);
      if (found !== undefined && !this.#addEntry(found, describeEntry(found))) return false;
    } else this.hasTombstones = true;
    this.#reached = name;
    return true;
  }

  #addEntry(found: R2Object, entry: Entry): boolean {
    const object = toListedObject(found, entry, this.#bucket.ownerId);
    if (object === undefined) this.hasTombstones = true;
    return object === undefined || this.#add({ name: entry.key, object });
  }

  /** False if there is no room for it. */
  #add({ name, object }: Item): boolean {
    if (this.#room === 0) return false;
    if (object === undefined) this.#commonPrefixes.push(name);
    else this.#objects.push(object);
    this.#lastName = name;
    return true;
  }

  /** False if the answer ends before the end of the cluster. */
  async #takeCluster(head: string): Promise<boolean> {
    if (head === this.#cluster) return true;
    const page = await listCluster(this.#store, head, {
      bucket: this.#bucket,
      query: this.#query,
      room: this.#room,
      isFirst: this.#reached === this.#query.after,
    });
    for (const item of page.items) this.#add(item);
    this.#reached = page.reached ?? this.#reached;
    if (page.isComplete) this.#cluster = head;
    return page.isComplete;
  }
}

/** The common prefix that the marker has passed. */
function passedPrefix(bucket: GrantedBucket, query: ListQuery): string | undefined {
  return undecidedKey(bucket, query) === undefined ? commonPrefixOf(query.after, query) : undefined;
}

/** Only in a bucket that is or was versioned are common prefixes verified. */
function undecidedKey({ documents }: GrantedBucket, query: ListQuery): string | undefined {
  return documents.versioning === undefined ? undefined : findUndecided(query.after, query)?.key;
}

function isNoTombstone({ checksums }: R2Object): boolean {
  return checksums.sha384 === undefined;
}

function prefixesOf(rows: readonly Row[]): string[] {
  return rows.flatMap(({ kind, name }) => (kind === "prefix" ? [name.slice(PREFIX_BYTES)] : []));
}

/** Where the first R2 page begins for a given marker. */
function firstStart(bucket: GrantedBucket, query: ListQuery): { startAfter?: string } {
  const bucketId = bucket.id;
  const { after, prefix } = query;
  if (after === "" || compareBytes(after, prefix) < 0) return {};
  const undecided = undecidedKey(bucket, query);
  if (undecided !== undefined) return { startAfter: entryPrefix(bucketId) + undecided };
  // A marker below a common prefix continues after all of it (seen on AWS, LocalStack's recordings).
  const passed = passedPrefix(bucket, query);
  if (passed !== undefined && clusterHead(passed) === undefined)
    return { startAfter: behind(entryPrefix(bucketId) + passed) };
  const head = clusterHead(after);
  if (head === undefined) return { startAfter: entryPrefix(bucketId) + after };
  // Every key of a cluster has to be read to find those after the marker.
  return after === clusterEnd(head)
    ? { startAfter: behind(entryPrefix(bucketId) + head) }
    : { startAfter: entryPrefix(bucketId) + head };
}
