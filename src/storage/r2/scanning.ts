/**
 * Going through the entries of a bucket that was never versioned, for a pass of the lifecycle. The order is that of R2's keys,
 * which is all that a pass needs, so keys that share a head are not sorted as in a listing.
 *
 * R2's own row shows everything about plain entries except their tags (`isPlain` in entry-options.ts). So records are read only
 * for pages with other entries, and where rules name tags.
 */
import type { StorageClass, Tag } from "../../model/object.ts";
import { callR2 } from "../platform-errors.ts";
import { describeEntry, lastModifiedOf } from "./entry.ts";
import { clusterHead, entryPrefix } from "./entry-place.ts";
import { type EntryRecord, NO_RECORD } from "./entry-record.ts";
import { R2_PAGE } from "./listed-items.ts";
import { rowsOf } from "./listed-rows.ts";

export interface ScanQuery {
  readonly prefix: string;
  /** The position of an entry, after which the page begins; empty: at the first one. */
  readonly after: string;
  /** Whether the entries' tags matter. */
  readonly needsTags: boolean;
}

export interface ScannedEntry {
  readonly key: string;
  readonly position: string;
  readonly sizeBytes: number;
  readonly etag: string;
  readonly lastModified: Date;
  readonly storageClass: StorageClass;
  /** Empty unless the query needs them. */
  readonly tags: readonly Tag[];
  /** Whether a customer's key encrypts its bytes, which then cannot be moved. */
  readonly hasCustomerKey: boolean;
  /** As it was listed; a removal may depend on it. */
  readonly found: R2Object;
}

export interface ScanPage {
  readonly entries: readonly ScannedEntry[];
  /** Where the next page begins; undefined: there is none. */
  readonly next: string | undefined;
  /** R2 calls that were made. */
  readonly calls: number;
}

/** One page of objects, of at most 1,000; tombstones are passed over. One R2 call, or two. */
export async function scanEntries(store: R2Bucket, bucketId: string, query: ScanQuery): Promise<ScanPage> {
  const base = entryPrefix(bucketId);
  const { prefix, after, needsTags } = query;
  const list = (withRecords: boolean) =>
    callR2(
      store.list({
        prefix: base + (clusterHead(prefix) ?? prefix),
        limit: R2_PAGE,
        ...(after !== "" && { startAfter: base + after }),
        ...(withRecords && { include: ["customMetadata"] }),
      }),
    );
  if (!needsTags) {
    const page = await list(false);
    const rows = rowsOf(page);
    if (rows.every(({ kind }) => kind === "plain" || kind === "tombstone")) {
      const plain = rows.flatMap((row) => (row.kind === "plain" ? [row.object] : []));
      return toPage(page, { entries: plain.flatMap((found) => toScanned(found, base, NO_RECORD)), base, calls: 1 });
    }
  }
  const page = await list(true);
  const entries = page.objects.flatMap((found) => toScanned(found, base));
  return toPage(page, { entries, base, calls: needsTags ? 1 : 2 });
}

function toPage(
  { objects, truncated }: R2Objects,
  { entries, base, calls }: Pick<ScanPage, "entries" | "calls"> & { readonly base: string },
): ScanPage {
  return { entries, next: truncated ? objects.at(-1)?.key.slice(base.length) : undefined, calls };
}

/** @param known of an entry whose metadata was not listed */
function toScanned(found: R2Object, base: string, known?: EntryRecord): ScannedEntry[] {
  const entry = describeEntry(found, known);
  if (entry.isAbsent) return [];
  const { key, sizeBytes, etag, record } = entry;
  return [
    {
      key,
      position: found.key.slice(base.length),
      sizeBytes,
      etag,
      lastModified: lastModifiedOf(found, record),
      storageClass: record.s ?? "STANDARD",
      tags: (record.g ?? []).map(([tagKey, value]) => ({ key: tagKey, value })),
      hasCustomerKey: record.e?.[0] === "C",
      found,
    },
  ];
}
