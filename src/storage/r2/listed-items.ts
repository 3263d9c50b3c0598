/** The items of a listing's answer, and the bound on the calls made to find them. */
import type { GrantedBucket } from "../../access/authorize.ts";
import type { ListedObject, ListQuery } from "../../model/object.ts";
import { callR2 } from "../platform-errors.ts";
import { type Entry, lastModifiedOf } from "./entry.ts";

/** R2's largest page. */
export const R2_PAGE = 1000;

/** What is to be listed. */
export interface Listing {
  readonly bucket: GrantedBucket;
  readonly query: ListQuery;
}

/** An object, or a common prefix. */
export interface Item {
  readonly name: string;
  /** Absent: a common prefix. */
  readonly object?: ListedObject;
}

/** Undefined for a tombstone or a delete marker. */
export function toListedObject(found: R2Object, entry: Entry, bucketOwnerId: string): ListedObject | undefined {
  if (entry.isAbsent) return undefined;
  const { key, sizeBytes, etag, record } = entry;
  const object = {
    key,
    sizeBytes,
    etag,
    lastModified: lastModifiedOf(found, record),
    storageClass: record.s ?? "STANDARD",
    ownerId: record.o ?? bucketOwnerId,
  };
  return record.c === undefined ? object : { ...object, checksum: { algorithm: record.c[0], type: record.c[2] } };
}

/** The common prefix under which a key is listed; undefined if it is listed by itself. */
export function commonPrefixOf(
  key: string,
  { prefix, delimiter }: Pick<ListQuery, "prefix" | "delimiter">,
): string | undefined {
  if (delimiter === "" || !key.startsWith(prefix)) return undefined;
  const found = key.indexOf(delimiter, prefix.length);
  return found === -1 ? undefined : key.slice(0, found + delimiter.length);
}

/** R2 with a bound on the calls of one request, however many entries it has to skip. */
export class CountedStore {
  readonly #store: R2Bucket;
  #left: number;

  constructor(store: R2Bucket, maxCalls: number) {
    this.#store = store;
    this.#left = maxCalls;
  }

  /** Calls that may still be made. */
  get left(): number {
    return Math.max(0, this.#left);
  }

  /** Raises the bound. */
  allow(calls: number): void {
    this.#left += calls;
  }

  list(options: R2ListOptions): Promise<R2Objects> {
    this.#left--;
    return callR2(this.#store.list(options));
  }

  head(key: string): Promise<R2Object | null> {
    this.#left--;
    return callR2(this.#store.head(key));
  }
}
