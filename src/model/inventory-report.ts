/** A report of an inventory while it is being written. Plain data, which is stored between two steps. */
import type { ListedVersion } from "./listed-version.ts";
import type { StoredObject } from "./object.ts";

export interface InventoryReport {
  /** Milliseconds since 1970; the report is named after it. */
  readonly startedAt: number;
  /** Where the next data file begins; absent: all of the bucket is in data files. */
  readonly position?: InventoryPosition;
  readonly files: readonly DataFileEntry[];
}

/** Name without folder and ending, size in bytes, MD5 in hexadecimal. */
export type DataFileEntry = readonly [name: string, sizeBytes: number, md5: string];

export type InventoryPosition =
  /** In a bucket that was never versioned: after an entry. Empty: at the first one. */
  | { readonly stage: "entries"; readonly after: string }
  /** After a version: older ones of its key, and later keys. Without a token: only later keys. */
  | { readonly stage: "versions"; readonly key: string; readonly token?: string };

/** What a report can say about a version of an object. */
export interface InventoriedVersion
  extends Pick<ListedVersion, "isLatest" | "isDeleteMarker">,
    Omit<StoredObject, "content" | "userMetadata" | "state" | "versionId"> {
  /** `null` for null versions. */
  readonly versionId: string;
}
