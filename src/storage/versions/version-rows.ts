/** The entries and the records of a bucket as rows in the order of S3 keys, read from R2 page by page. */
import { compareBytes } from "../../model/byte-order.ts";
import type { VersionToken } from "../../model/version.ts";
import { describeEntry, type Entry, tokenOf } from "../r2/entry.ts";
import { entryPrefix, PREFIX_BYTES } from "../r2/entry-place.ts";
import { behind } from "../r2/list-position.ts";
import { type CountedStore, R2_PAGE } from "../r2/listed-items.ts";
import { lastRow } from "../r2/listed-rows.ts";

import { encodeKey, headOfKey, recordPrefix, tokenOfRecord } from "./record-key.ts";

/** An entry or a record. */
export interface VersionRow {
  readonly kind: "version";
  readonly key: string;
  /** Undefined for a tombstone of a key that has never had versions. */
  readonly token: VersionToken | undefined;
  readonly found: R2Object;
  readonly entry: Entry;
}

/** A common prefix; or the keys too long for a record's name that share a head, which is the row's key. */
export interface GroupRow {
  readonly kind: "prefix" | "cluster";
  readonly key: string;
  /** Of a prefix: whether a version has been found below it. */
  readonly isProven?: true;
}

export type Row = VersionRow | GroupRow;

/** Rows in order. */
export interface Source {
  /** The next row; undefined if there is none, or if it has not been read. */
  readonly first: Row | undefined;
  /** Whether the next row, if there is one, has not been read. */
  readonly isUnread: boolean;
  take(): void;
  /** Passes over the rows of all keys that begin with the prefix. */
  passOver(prefix: string): void;
}

/** Order of rows by key; the keys of a cluster are after the key that equals their head. */
export function compareRows(left: Row, right: Row): number {
  return compareBytes(left.key, right.key) || Number(left.kind === "cluster") - Number(right.kind === "cluster");
}

/** A part of R2's keys. */
interface Space {
  /** What all R2 keys begin with. */
  readonly base: string;
  encode(key: string): string;
  toRow(object: R2Object): Row;
  /** Undefined for prefixes that say nothing. */
  toGroup(r2Prefix: string): Row | undefined;
}

export function entrySpace(bucketId: string): Space {
  const base = entryPrefix(bucketId);
  const groupOf = (name: string) => {
    const head = headOfKey(name);
    return head === undefined ? undefined : ({ kind: "cluster", key: head } as const);
  };
  return {
    base,
    encode: (key) => key,
    toRow: (object) => groupOf(object.key.slice(PREFIX_BYTES)) ?? entryRow(object),
    toGroup: (r2Prefix) => {
      const name = r2Prefix.slice(PREFIX_BYTES);
      return groupOf(name) ?? { kind: "prefix", key: name };
    },
  };
}

export function recordSpace(bucketId: string): Space {
  const toRow = (object: R2Object): Row => {
    const row = recordRow(object);
    const head = headOfKey(row.key);
    return head === undefined ? row : { kind: "cluster", key: head };
  };
  // Entries show the same prefixes.
  return { base: recordPrefix(bucketId), encode: encodeKey, toRow, toGroup: () => undefined };
}

export function entryRow(found: R2Object): VersionRow {
  const entry = describeEntry(found);
  const token = entry.isTombstone ? entry.record.V : tokenOf(found, entry.record);
  return { kind: "version", key: entry.key, token, found, entry };
}

export function recordRow(found: R2Object): VersionRow {
  const entry = describeEntry(found);
  return { kind: "version", key: entry.key, token: tokenOfRecord(found.key), found, entry };
}

/** Rows that R2 lists. */
export class R2Rows implements Source {
  readonly #store: CountedStore;
  readonly #space: Space;
  readonly #options: R2ListOptions;
  #rows: { readonly r2Name: string; readonly row: Row }[] = [];
  #next = 0;
  /** The end of what has been taken, and of what has been read, as R2's `startAfter`. */
  #taken: string | undefined;
  #read: string | undefined;
  #hasMore = true;

  /** @param scope.prefix of R2's keys. @param scope.start R2's `startAfter` */
  constructor(
    store: CountedStore,
    space: Space,
    scope: { readonly prefix: string; readonly delimiter: string | undefined; readonly start: string | undefined },
  ) {
    this.#store = store;
    this.#space = space;
    const { prefix, delimiter, start } = scope;
    this.#options = { prefix, ...(delimiter !== undefined && { delimiter }), include: ["customMetadata"] };
    this.#taken = start;
    this.#read = start;
  }

  get first(): Row | undefined {
    return this.#rows[this.#next]?.row;
  }

  get isUnread(): boolean {
    return this.#next >= this.#rows.length && this.#hasMore;
  }

  /** Rows that have been read and not taken. */
  get count(): number {
    return this.#rows.length - this.#next;
  }

  /** Whether R2 has rows that have not been read. */
  get hasMore(): boolean {
    return this.#hasMore;
  }

  /** The rows that have been read and not taken. */
  get rows(): Row[] {
    return this.#rows.slice(this.#next).map(({ row }) => row);
  }

  take(): void {
    const taken = this.#rows[this.#next++];
    if (taken !== undefined) this.#taken = endOf(taken);
  }

  passOver(prefix: string): void {
    const r2Prefix = this.#space.base + this.#space.encode(prefix);
    while (this.#rows[this.#next]?.r2Name.startsWith(r2Prefix) === true) this.#next++;
    const end = behind(r2Prefix);
    if (isBefore(this.#taken, end)) this.#taken = end;
    if (this.isUnread && isBefore(this.#read, end)) this.#read = end;
  }

  /** One R2 call. */
  async read(limit: number): Promise<void> {
    const startAfter = this.#read === undefined ? {} : { startAfter: this.#read };
    const page = await this.#store.list({ ...this.#options, ...startAfter, limit: Math.min(limit, R2_PAGE) });
    const { objects, delimitedPrefixes } = page;
    const rows = objects.map((object) => ({ r2Name: object.key, row: this.#space.toRow(object) }));
    for (const r2Name of delimitedPrefixes) {
      const row = this.#space.toGroup(r2Name);
      if (row !== undefined) rows.push({ r2Name, row });
    }
    if (delimitedPrefixes.length > 0) rows.sort((left, right) => compareBytes(left.r2Name, right.r2Name));
    this.#rows = [...this.#rows.slice(this.#next), ...rows];
    this.#next = 0;
    this.#hasMore = page.truncated;
    const last = lastRow(page);
    if (last !== "") this.#read = delimitedPrefixes.includes(last) ? behind(last) : last;
  }

  /** Forgets what has been read and not taken. */
  reset(): void {
    this.#rows = [];
    this.#next = 0;
    this.#read = this.#taken;
    this.#hasMore = true;
  }
}

function endOf({ r2Name, row }: { readonly r2Name: string; readonly row: Row }): string {
  return row.kind === "prefix" ? behind(r2Name) : r2Name;
}

function isBefore(position: string | undefined, end: string): boolean {
  return position === undefined || compareBytes(position, end) < 0;
}

/** Rows that are in memory. */
export class SortedRows implements Source {
  readonly #rows: readonly Row[];
  #next = 0;
  readonly isUnread = false;

  constructor(rows: readonly Row[]) {
    this.#rows = rows;
  }

  get first(): Row | undefined {
    return this.#rows[this.#next];
  }

  take(): void {
    this.#next++;
  }

  passOver(prefix: string): void {
    while (this.first?.key.startsWith(prefix) === true) this.#next++;
  }
}
