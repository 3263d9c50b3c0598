/**
 * Reading the versions of keys that are too long for a record's name and share its head. R2 lists them in the order of their
 * hashes, so all of them are read, and the first ones after the marker are kept and sorted.
 *
 * Deviation: if tens of thousands of versions belong to keys that are longer than 920 bytes and equal up to there, a listing is
 * refused where they begin, because neither the calls nor the CPU time of one page would be bounded.
 */
import { S3Error } from "../../errors.ts";
import { compareBytes } from "../../model/byte-order.ts";
import type { VersionMarker, VersionQuery } from "../../model/listed-version.ts";
import { entryPrefix } from "../r2/entry-place.ts";
import { type CountedStore, commonPrefixOf } from "../r2/listed-items.ts";
import { encodeKey, headOfKey, recordPrefix } from "./record-key.ts";
import { entryRow, type Row, recordRow, SortedRows, type VersionRow } from "./version-rows.ts";

/** R2 calls for a cluster with which a page begins, besides those of the page. Each lists 100 to 1,000 rows, by their length. */
const MAX_CLUSTER_CALLS = 240;
/** Rows of each kind that are kept; a page has at most 1,000 versions. */
export const MAX_KEPT_ROWS = 2000;

export interface Cluster {
  readonly entries: SortedRows;
  readonly records: SortedRows;
  /** Whether later rows were left out. */
  readonly isCut: boolean;
}

interface Asked {
  readonly bucketId: string;
  readonly query: VersionQuery;
  readonly after: VersionMarker;
  /** Whether the answer is still empty; otherwise a large cluster is left for an answer of its own. */
  readonly isFirst: boolean;
}

/**
 * Undefined if there are too few calls left. The entries are read before the records.
 * @throws S3Error `InvalidRequest` if it takes more calls than one request may make
 */
export async function readCluster(store: CountedStore, head: string, asked: Asked): Promise<Cluster | undefined> {
  if (asked.isFirst) store.allow(MAX_CLUSTER_CALLS);
  const { bucketId, query, after } = asked;
  const isAfter = ({ key, token }: VersionRow) => {
    const order = after.key === "" ? 1 : compareBytes(key, after.key);
    return order > 0 || (order === 0 && after.token !== undefined && token !== undefined);
  };
  const isAsked = (row: VersionRow) => row.key.startsWith(query.prefix) && isAfter(row) && headOfKey(row.key) === head;

  const entries = new FirstRows();
  const readAll = await readRows(store, entryPrefix(bucketId) + head, (object) => {
    const row = entryRow(object);
    if (!isAsked(row)) return;
    const prefix = commonPrefixOf(row.key, query);
    if (prefix === undefined) entries.add(row);
    else if (!row.entry.isTombstone) entries.addPrefix(prefix);
  });
  const records = new FirstRows();
  const readBoth =
    readAll &&
    (await readRows(store, recordPrefix(bucketId) + encodeKey(head), (object) => {
      const row = recordRow(object);
      if (isAsked(row) && commonPrefixOf(row.key, query) === undefined && entries.mayHold(row)) records.add(row);
    }));
  if (readBoth) {
    const isCut = entries.isCut || records.isCut;
    const shown = entries.sorted().filter((row) => records.mayHold(row));
    return { entries: new SortedRows(shown), records: new SortedRows(records.sorted()), isCut };
  }
  if (!asked.isFirst) return undefined;
  throw new S3Error("InvalidRequest", {
    message: "The bucket has more versions of long keys with the same beginning than one listing can put in order.",
  });
}

/** False if no call was left. */
async function readRows(store: CountedStore, prefix: string, onObject: (object: R2Object) => void): Promise<boolean> {
  for (let start: R2ListOptions = {}; store.left > 0; ) {
    const page = await store.list({ prefix, include: ["customMetadata"], ...start });
    for (const object of page.objects) onObject(object);
    if (!page.truncated) return true;
    start = { cursor: page.cursor };
  }
  return false;
}

/** The first ones of many rows, whatever their order. */
class FirstRows {
  #rows: Row[] = [];
  readonly #prefixes = new Set<string>();
  /** The last row that is kept, if later ones have been dropped. */
  #last: Row | undefined;

  get isCut(): boolean {
    return this.#last !== undefined;
  }

  /** Whether a key is among those of which no row has been dropped, except older versions. */
  mayHold({ key }: Row): boolean {
    return this.#last === undefined || compareBytes(key, this.#last.key) <= 0;
  }

  addPrefix(prefix: string): void {
    if (this.#prefixes.has(prefix)) return;
    this.#prefixes.add(prefix);
    this.add({ kind: "prefix", key: prefix, isProven: true });
  }

  add(row: Row): void {
    if (!this.mayHold(row)) return;
    this.#rows.push(row);
    if (this.#rows.length > 2 * MAX_KEPT_ROWS) this.#cut();
  }

  sorted(): Row[] {
    if (this.#rows.length > MAX_KEPT_ROWS) this.#cut();
    return this.#rows.sort(compareVersions);
  }

  #cut(): void {
    this.#rows = this.#rows.sort(compareVersions).slice(0, MAX_KEPT_ROWS);
    this.#last = this.#rows.at(-1);
  }
}

function compareVersions(left: Row, right: Row): number {
  return compareBytes(left.key, right.key) || compareTokens(tokenIn(left), tokenIn(right));
}

function tokenIn(row: Row): string {
  return row.kind === "version" ? (row.token ?? "") : "";
}

function compareTokens(left: string, right: string): number {
  return left === right ? 0 : left < right ? -1 : 1;
}
