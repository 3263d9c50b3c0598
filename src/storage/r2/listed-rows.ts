/** R2's pages as rows in order, each with what R2 shows about it without metadata. */
import { compareBytes } from "../../model/byte-order.ts";
import { clusterOfEntry } from "./entry-place.ts";

/** An object or a prefix in a cluster, whose keys are listed together. */
export interface ClusterRow {
  readonly kind: "cluster";
  readonly name: string;
  readonly head: string;
}

export type Row =
  /** The listing shows a plain object as R2 does. For a marked one, its record must be read. */
  | { readonly kind: "plain" | "marked" | "tombstone"; readonly name: string; readonly object: R2Object }
  | PrefixRow
  | ClusterRow;

export interface PrefixRow {
  readonly kind: "prefix";
  readonly name: string;
}

/** Objects and prefixes of an R2 page, which are two sorted arrays, as one. `name` is as in R2, with the bucket's id. */
export function rowsOf({ objects, delimitedPrefixes }: R2Objects): Row[] {
  const rows: Row[] = [];
  let next = 0;
  for (const object of objects) {
    const row = objectRow(object);
    for (; next < delimitedPrefixes.length; next++) {
      const name = delimitedPrefixes[next] ?? "";
      if (compareBytes(name, row.name) > 0) break;
      rows.push(prefixRow(name));
    }
    rows.push(row);
  }
  for (; next < delimitedPrefixes.length; next++) rows.push(prefixRow(delimitedPrefixes[next] ?? ""));
  return rows;
}

/** The name of a page's last row. */
export function lastRow({ objects, delimitedPrefixes }: R2Objects): string {
  const [key, prefix] = [objects.at(-1)?.key ?? "", delimitedPrefixes.at(-1) ?? ""];
  return compareBytes(key, prefix) > 0 ? key : prefix;
}

function prefixRow(name: string): Row {
  const head = clusterOfEntry(name);
  return head === undefined ? { kind: "prefix", name } : { kind: "cluster", name, head };
}

function objectRow(object: R2Object): Row {
  // R2 makes these values when they are read, and a page has a thousand of each: they are read once.
  const name = object.key;
  const head = clusterOfEntry(name);
  return head === undefined ? { kind: kindOf(object), name, object } : { kind: "cluster", name, head };
}

/**
 * Inline plain objects have R2's MD5 and no SHA-512; if the platform's listing shows no checksums at all, every entry is
 * looked up. Tombstones have a SHA-384; those of earlier releases are marked like every entry whose record must be read.
 */
function kindOf({ checksums }: R2Object): "plain" | "marked" | "tombstone" {
  // One call instead of three reads, where the implementation of R2 has it.
  const { md5, sha384, sha512 } = typeof checksums.toJSON === "function" ? checksums.toJSON() : checksums;
  if (sha384 !== undefined) return "tombstone";
  return sha512 !== undefined || md5 === undefined ? "marked" : "plain";
}
