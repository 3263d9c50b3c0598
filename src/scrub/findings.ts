/** What a scrub reports. docs/operations.md has a row for each kind. */

export const FINDING_KINDS = [
  // Entries and records of versions.
  "record-unreadable",
  "record-invalid",
  "key-misplaced",
  "listing-mark-wrong",
  "versioning-not-configured",
  "lock-not-configured",
  "kms-key-missing",
  "data-key-unusable",
  // Versions of a key.
  "current-version-missing",
  "version-later-than-current",
  "version-repeated",
  "version-differs",
  // Manifests and blobs.
  "manifest-unreadable",
  "manifest-differs",
  "blob-missing",
  "blob-size-differs",
  "reference-missing",
  "etag-differs",
  "checksum-differs",
  "bytes-unreadable",
  // Uploads.
  "upload-differs",
  "upload-not-listed",
  // Rows of D1.
  "region-missing",
  "bucket-marker-wrong",
  "row-unreadable",
  "inventory-destination-missing",
  "replication-overdue",
  "event-overdue",
  "bucket-unknown",
  "deleted-bucket-not-empty",
] as const;

export type FindingKind = (typeof FINDING_KINDS)[number];

export interface Finding {
  readonly kind: FindingKind;
  /** The bucket's name, or its id if it has no row. */
  readonly bucket?: string;
  readonly key?: string;
  /** Token of the version, if the bucket is or was versioned. */
  readonly version?: string;
  /** Key in R2, id of an upload or a blob set, or name of a row. */
  readonly subject?: string;
  /** One line for people. */
  readonly detail: string;
}

/** What a check reports about the object or row that it is given. */
export type Fault = Pick<Finding, "kind" | "detail"> & { readonly subject?: string };

export function fault(kind: FindingKind, detail: string, subject?: string): Fault {
  return subject === undefined ? { kind, detail } : { kind, detail, subject };
}

/** Names of what is counted; counts of several steps are added. */
export const COUNTS = [
  "buckets",
  "objects",
  "objectBytes",
  "deleteMarkers",
  "tombstones",
  "noncurrentVersions",
  "stubs",
  "manifests",
  "blobs",
  "annotationSets",
  "openUploads",
  "bytesRead",
  // Not verified.
  "objectsWithCustomerKey",
  "checksumsNotVerified",
  "changedMeanwhile",
  // What sweeps complete or remove.
  "endedUploadRows",
  "interruptedDeletions",
  "bucketsBeingRemoved",
  "blobSets",
  "blobSetsOfOpenUploads",
  "blobSetsUndecided",
  "orphansUpToOneDay",
  "orphansUpToOneWeek",
  "orphansOlder",
  // Calls that it took.
  "r2Calls",
  "d1Calls",
  "durableObjectCalls",
] as const;

export type CountName = (typeof COUNTS)[number];

export class Tally {
  readonly #counts = new Map<CountName, number>();

  add(name: CountName, count = 1): void {
    // What a damaged record says may be no number.
    if (Number.isFinite(count) && count !== 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  /** Those that are not 0, in the order of `COUNTS`. */
  toJson(): Partial<Record<CountName, number>> {
    return Object.fromEntries(
      COUNTS.flatMap((name) => (this.#counts.has(name) ? [[name, this.#counts.get(name)]] : [])),
    );
  }
}
