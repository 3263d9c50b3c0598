/**
 * Listing versions: entries and records, which are both in the order of S3 keys, merged into one page.
 *
 * For every key the entry is read before its records; `key-versions.ts` says why. So whenever more entries are read, the records
 * that have been read beyond the earlier entries are read again. To do that rarely, the first R2 page of entries is followed by
 * records, and later ones by as many further pages as may fill the answer.
 *
 * The calls of one listing are bounded: a page that would take more ends early, with the position it has reached.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { compareBytes } from "../../model/byte-order.ts";
import type { ListedVersion, VersionMarker, VersionPage, VersionQuery } from "../../model/listed-version.ts";
import { isNullToken, NULL_VERSION_ID, type VersionToken, versionIdOf } from "../../model/version.ts";
import { CommonPrefixes, findUndecided } from "../r2/common-prefixes.ts";
import { lastModifiedOf } from "../r2/entry.ts";
import { clusterHead, entryKey, entryPrefix } from "../r2/entry-place.ts";
import { decodeLock } from "../r2/entry-record.ts";
import { behind, justBefore } from "../r2/list-position.ts";
import { CountedStore, commonPrefixOf, R2_PAGE } from "../r2/listed-items.ts";
import { MAX_CALLS } from "../r2/listing.ts";
import { type FoundVersion, KeyVersions } from "./key-versions.ts";
import { encodeKey, headOfKey, recordHead, recordKey, recordPrefix, recordsOfKey } from "./record-key.ts";
import { readCluster } from "./version-cluster.ts";
import {
  compareRows,
  entryRow,
  entrySpace,
  type GroupRow,
  R2Rows,
  type Row,
  recordSpace,
  type Source,
  type VersionRow,
} from "./version-rows.ts";

/** Sorts after every token. */
const AFTER_TOKENS = "~";
/** Delimiters that in a record's key occur only where they occur in the S3 key: neither in an escape nor in hash or token. */
const SAFE_DELIMITER = /^[^\0-!A-Za-h][^\0-!]*$/;
const NOT_IN_NAMES = /[^\w-]/;

/** @param store R2, or with a bound on the calls after which the page ends early. @throws S3Error */
export async function listVersions(
  store: R2Bucket | CountedStore,
  bucket: GrantedBucket,
  query: VersionQuery,
): Promise<VersionPage> {
  return listVersionsAs(store, bucket, { ...query, toItem: (found) => toListedVersion(found, bucket.ownerId) });
}

export interface PageOfVersions<Item> {
  readonly versions: readonly Item[];
  readonly commonPrefixes: readonly string[];
  readonly next: VersionMarker | undefined;
}

/** The same with other items. @param query.toItem makes one of a version that is listed */
export async function listVersionsAs<Item>(
  store: R2Bucket | CountedStore,
  bucket: GrantedBucket,
  query: VersionQuery & { toItem(found: FoundVersion): Item },
): Promise<PageOfVersions<Item>> {
  const { prefix, after, maxKeys } = query;
  const isPast = !after.key.startsWith(prefix) && compareBytes(after.key, prefix) > 0;
  if (maxKeys === 0 || isPast) return { versions: [], commonPrefixes: [], next: undefined };
  const counted = store instanceof CountedStore ? store : new CountedStore(store, MAX_CALLS);
  return new Lister(counted, bucket, query).page();
}

/** Reads more rows of a source; false if the answer ends instead. */
type ReadMore = () => Promise<boolean>;

interface Sources {
  readonly entries: Source;
  readonly records: Source;
  readonly readEntries: ReadMore;
  readonly readRecords: ReadMore;
}

class Lister<Item> {
  readonly #store: CountedStore;
  readonly #bucket: GrantedBucket;
  readonly #query: VersionQuery & { toItem(found: FoundVersion): Item };
  readonly #readAt = Date.now();
  readonly #entries: R2Rows;
  readonly #commonPrefixes: CommonPrefixes;
  readonly #versions: Item[] = [];
  readonly #prefixes: string[] = [];
  /** The last key that was looked at below a common prefix of which nothing is known yet. */
  readonly #undecided: string | undefined;
  /** The common prefix in which the page begins. */
  readonly #passed: string | undefined;
  #after: VersionMarker;
  /** The position up to which everything has been seen, and that of the last version or common prefix. */
  #reached: VersionMarker;
  #last: VersionMarker | undefined;

  constructor(store: CountedStore, bucket: GrantedBucket, query: VersionQuery & { toItem(found: FoundVersion): Item }) {
    const { prefix, delimiter, after } = query;
    this.#store = store;
    this.#bucket = bucket;
    this.#query = query;
    this.#after = after;
    this.#reached = after;
    this.#undecided = findUndecided(after.key, query)?.key;
    this.#passed = after.key === "" || this.#undecided !== undefined ? undefined : commonPrefixOf(after.key, query);
    const r2Prefix = entryPrefix(bucket.id) + (clusterHead(prefix) ?? prefix);
    this.#entries = new R2Rows(store, entrySpace(bucket.id), {
      prefix: r2Prefix,
      delimiter: delimiter === "" ? undefined : delimiter,
      start: this.#startOf(entryPositions(bucket.id)),
    });
    this.#commonPrefixes = new CommonPrefixes(store, {
      base: entryPrefix(bucket.id),
      query,
      after: after.key,
      include: ["customMetadata"],
      isListed: (object) => object.checksums.sha384 === undefined || !entryRow(object).entry.isTombstone,
    });
  }

  async page(): Promise<PageOfVersions<Item>> {
    const { id } = this.#bucket;
    const { prefix, delimiter } = this.#query;
    await this.#entries.read(this.#room + 1);
    if (this.#after.token === NULL_VERSION_ID) this.#after = await this.#resolve(this.#after.key);
    const isSafe = SAFE_DELIMITER.test(delimiter) && NOT_IN_NAMES.test(delimiter);
    const records = new R2Rows(this.#store, recordSpace(id), {
      prefix: recordPrefix(id) + (recordHead(prefix) ?? encodeKey(prefix)),
      delimiter: isSafe ? delimiter : undefined,
      start: this.#startOf(recordPositions(id)),
    });
    let recordLimit = this.#room + 1;
    const isComplete = await this.#merge({
      entries: this.#entries,
      records,
      readEntries: async () => {
        records.reset();
        return this.#readEntries();
      },
      readRecords: async () => {
        if (this.#room === 0 || this.#store.left === 0) return false;
        await records.read(recordLimit);
        recordLimit = R2_PAGE;
        return true;
      },
    });
    return {
      versions: this.#versions,
      commonPrefixes: this.#prefixes,
      // Not a deleted version after the last one: the next version is noncurrent since the last one was written.
      next: isComplete ? undefined : this.#room === 0 ? this.#last : this.#reached,
    };
  }

  /** As many pages of entries as may be needed, with half of the calls that are left. */
  async #readEntries(): Promise<boolean> {
    if (this.#room === 0 || this.#store.left === 0) return false;
    const reserve = Math.floor(this.#store.left / 2);
    do await this.#entries.read(R2_PAGE);
    while (this.#entries.hasMore && this.#entries.count <= this.#room && this.#store.left > reserve);
    return true;
  }

  /** Versions and common prefixes that the answer can still take. */
  get #room(): number {
    return this.#query.maxKeys - this.#versions.length - this.#prefixes.length;
  }

  /** False if the answer ends before the last row. */
  async #merge(sources: Sources): Promise<boolean> {
    const { entries, records } = sources;
    let current: KeyVersions | undefined;
    for (;;) {
      if (current === undefined && entries.isUnread) {
        if (!(await sources.readEntries())) return false;
      } else if (records.isUnread) {
        if (!(await sources.readRecords())) return false;
      } else if (current !== undefined) {
        const record = records.first;
        const isOfKey = record?.kind === "version" && record.key === current.key;
        if (!isOfKey) current = undefined;
        else if (this.#add(current.takeRecord(record))) {
          records.take();
          this.#reached = { key: record.key, token: record.token };
        } else return false;
      } else {
        const first = firstOf(entries.first, records.first);
        if (first === undefined) return true;
        if (first.kind === "version") {
          const isEntry = first === entries.first;
          const entry = isEntry ? first : await this.#entryBefore(first);
          if (entry === "unknown") return false;
          current = this.#open(first.key, entry);
          if (current !== undefined && entry !== undefined && !this.#takeEntry(current, entry)) return false;
          if (isEntry) entries.take();
          else if (current === undefined) records.take();
        } else if (first.kind === "cluster") {
          if (!(await this.#takeCluster(first.key, sources))) return false;
        } else if (!(await this.#takePrefix(first, sources))) return false;
      }
    }
  }

  /**
   * The entry of a key of which the first rows are records. For the key of the marker it is read only now: whatever is left of
   * the key has a record, even if it has become the entry again.
   */
  async #entryBefore({ key }: VersionRow): Promise<VersionRow | undefined | "unknown"> {
    if (key !== this.#after.key || this.#after.token === undefined) return undefined;
    return this.#store.left === 0 ? "unknown" : this.#readEntry(key);
  }

  /** Undefined for a key that is not after the marker. */
  #open(key: string, entry: VersionRow | undefined): KeyVersions | undefined {
    const { key: marker, token } = this.#after;
    const order = marker === "" ? 1 : compareBytes(key, marker);
    if (order < 0 || (order === 0 && token === undefined)) return undefined;
    return new KeyVersions(key, { entry, after: order === 0 ? token : undefined, readAt: this.#readAt });
  }

  #takeEntry(current: KeyVersions, row: VersionRow): boolean {
    if (!this.#add(current.takeEntry())) return false;
    const isBefore = row.key === this.#after.key && (row.token ?? "") <= (this.#after.token ?? "");
    // Nothing has been decided about an unverified entry.
    if (row.entry.record.U !== 1 && !isBefore) this.#reached = { key: row.key, token: row.token };
    return true;
  }

  /** False if there is no room for it. */
  #add(found: FoundVersion | undefined): boolean {
    if (found === undefined) return true;
    if (this.#room === 0) return false;
    this.#versions.push(this.#query.toItem(found));
    this.#last = { key: found.row.key, token: found.token };
    return true;
  }

  async #takePrefix({ key: prefix, isProven }: GroupRow, { entries, records }: Sources): Promise<boolean> {
    if (prefix !== this.#passed && prefix !== this.#prefixes.at(-1)) {
      const isListed = isProven ?? (await this.#commonPrefixes.isListed(prefix, () => prefixesOf(this.#entries.rows)));
      const marker = isListed === undefined ? this.#commonPrefixes.markerIn(prefix) : undefined;
      if (marker !== undefined) this.#reached = { key: marker };
      if (isListed === undefined || (isListed && this.#room === 0)) return false;
      this.#reached = { key: prefix };
      if (isListed) {
        this.#prefixes.push(prefix);
        this.#last = this.#reached;
      }
    }
    entries.take();
    records.passOver(prefix);
    return true;
  }

  async #takeCluster(head: string, { entries, records }: Sources): Promise<boolean> {
    const cluster = await readCluster(this.#store, head, {
      bucketId: this.#bucket.id,
      query: this.#query,
      after: this.#after,
      isFirst: this.#reached === this.#query.after,
    });
    if (cluster === undefined) return false;
    const readNothing = () => Promise.resolve(false);
    const isComplete = await this.#merge({ ...cluster, readEntries: readNothing, readRecords: readNothing });
    entries.passOver(head);
    records.passOver(head);
    return isComplete && !cluster.isCut;
  }

  /** The position of the null version. */
  async #resolve(key: string): Promise<VersionMarker> {
    const row = await this.#readEntry(key);
    const token = row?.token !== undefined && isNullToken(row.token) ? row.token : row?.entry.record.N;
    return token === undefined ? { key } : { key, token };
  }

  async #readEntry(key: string): Promise<VersionRow | undefined> {
    const found = await this.#store.head(entryKey(this.#bucket.id, key));
    return found === null ? undefined : entryRow(found);
  }

  /** Where R2's first page begins. */
  #startOf(positions: Positions): string | undefined {
    const { key, token } = this.#after;
    if (key === "" || compareBytes(key, this.#query.prefix) < 0) return undefined;
    if (this.#undecided !== undefined) return positions.behindKey(this.#undecided);
    // A marker below a common prefix continues after all of it (seen on AWS, LocalStack's recordings).
    if (this.#passed !== undefined && headOfKey(this.#passed) === undefined)
      return positions.behindPrefix(this.#passed);
    const head = headOfKey(key);
    // All keys of a cluster are read to find those after the marker.
    if (head !== undefined) return positions.atCluster(head);
    return token === undefined ? positions.behindKey(key) : positions.atVersion(key, token);
  }
}

/** R2's `startAfter`. */
interface Positions {
  behindPrefix(prefix: string): string;
  behindKey(key: string): string;
  atVersion(key: string, token: VersionToken): string;
  atCluster(head: string): string;
}

function entryPositions(bucketId: string): Positions {
  const base = entryPrefix(bucketId);
  return {
    behindPrefix: (prefix) => behind(base + prefix),
    behindKey: (key) => base + key,
    // The entry of the key itself is read only if a record of it follows.
    atVersion: (key) => base + key,
    atCluster: (head) => justBefore(base + head),
  };
}

function recordPositions(bucketId: string): Positions {
  return {
    behindPrefix: (prefix) => behind(recordPrefix(bucketId) + encodeKey(prefix)),
    behindKey: (key) => recordsOfKey(bucketId, key) + AFTER_TOKENS,
    atVersion: (key, token) => recordKey(bucketId, key, token),
    atCluster: (head) => recordPrefix(bucketId) + encodeKey(head),
  };
}

function prefixesOf(rows: readonly Row[]): string[] {
  return rows.flatMap(({ kind, key }) => (kind === "prefix" ? [key] : []));
}

function firstOf(entry: Row | undefined, record: Row | undefined): Row | undefined {
  if (entry === undefined || record === undefined) return entry ?? record;
  return compareRows(entry, record) <= 0 ? entry : record;
}

function toListedVersion(
  { row, token, isLatest, noncurrentSince }: FoundVersion,
  bucketOwnerId: string,
): ListedVersion {
  const { found, entry, key } = row;
  const { record } = entry;
  const lock = decodeLock(record);
  return {
    key,
    token,
    versionId: versionIdOf(token),
    isLatest,
    isDeleteMarker: entry.isDeleteMarker,
    lastModified: lastModifiedOf(found, record),
    ...(noncurrentSince !== undefined && { noncurrentSince }),
    etag: entry.etag,
    sizeBytes: entry.sizeBytes,
    storageClass: record.s ?? "STANDARD",
    ownerId: record.o ?? bucketOwnerId,
    ...(record.c !== undefined && { checksum: { algorithm: record.c[0], type: record.c[2] } }),
    tags: (record.g ?? []).map(([tagKey, value]) => ({ key: tagKey, value })),
    ...(lock !== undefined && { lock }),
    hasCustomerKey: record.e?.[0] === "C",
    revision: record.R ?? 0,
    writeId: record.w,
  };
}
