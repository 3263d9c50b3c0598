/** What goes into the answer of a listing: an object, or a common prefix. */
import type { ListedObject, ListQuery } from "../../model/object.ts";
import { describeEntry, lastModifiedOf } from "./entry.ts";

export interface Item {
  readonly name: string;
  /** Absent: a common prefix. */
  readonly object?: ListedObject;
}

/** Undefined for a tombstone. */
export function toItem(found: R2Object, bucketOwnerId: string): Item | undefined {
  const entry = describeEntry(found);
  if (entry.isTombstone) return undefined;
  const { key, sizeBytes, etag, record } = entry;
  const object = {
    key,
    sizeBytes,
    etag,
    lastModified: lastModifiedOf(found, record),
    storageClass: record.s ?? "STANDARD",
    ownerId: record.o ?? bucketOwnerId,
    ...(record.c !== undefined && { checksum: { algorithm: record.c[0], type: record.c[2] } }),
  };
  return { name: key, object };
}

/** The common prefix that a key is shown under; undefined if it is shown by itself. */
export function commonPrefixOf(key: string, { prefix, delimiter }: ListQuery): string | undefined {
  if (delimiter === "" || !key.startsWith(prefix)) return undefined;
  const found = key.indexOf(delimiter, prefix.length);
  return found === -1 ? undefined : key.slice(0, found + delimiter.length);
}
