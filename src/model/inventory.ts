/** Inventories: what a configuration says, and when its reports are due (S3 "Cataloging and analyzing your data with S3 Inventory"). */

/** In the order of the columns ("Amazon S3 Inventory list"). */
export const INVENTORY_FIELDS = [
  "Size",
  "LastModifiedDate",
  "ETag",
  "StorageClass",
  "IsMultipartUploaded",
  "ReplicationStatus",
  "EncryptionStatus",
  "ObjectLockRetainUntilDate",
  "ObjectLockMode",
  "ObjectLockLegalHoldStatus",
  "IntelligentTieringAccessTier",
  "BucketKeyStatus",
  "ChecksumAlgorithm",
  "ObjectAccessControlList",
  "ObjectOwner",
  "LifecycleExpirationDate",
] as const;
export type InventoryField = (typeof INVENTORY_FIELDS)[number];

export const INVENTORY_FREQUENCIES = ["Daily", "Weekly"] as const;
export type InventoryFrequency = (typeof INVENTORY_FREQUENCIES)[number];

/** API_InventoryConfiguration; the format is always CSV. */
export interface InventoryConfiguration {
  readonly id: string;
  readonly isEnabled: boolean;
  /** Absent: no filter. */
  readonly filterPrefix?: string;
  readonly versions: "All" | "Current";
  /** As they were put: the order of the columns does not depend on it. */
  readonly fields: readonly InventoryField[];
  readonly frequency: InventoryFrequency;
  readonly destination: InventoryDestination;
}

export interface InventoryDestination {
  readonly bucket: string;
  /** Of the ARN, as it was put. */
  readonly partition: string;
  readonly prefix?: string;
  /** Must own the bucket when a report is delivered. Absent: any account. */
  readonly accountId?: string;
  /** Whether the configuration asks for SSE-S3. */
  readonly isEncrypted: boolean;
}

/** The names of a report's columns (`fileSchema`). */
export function inventoryColumns({ versions, fields }: Pick<InventoryConfiguration, "versions" | "fields">): string[] {
  const ofVersions = versions === "All" ? ["VersionId", "IsLatest", "IsDeleteMarker"] : [];
  return ["Bucket", "Key", ...ofVersions, ...INVENTORY_FIELDS.filter((field) => fields.includes(field))];
}

/** 1970 began on a Thursday. */
const DAYS_TO_SUNDAY = 3;
const WEEK_DAYS = 7;

/**
 * When the next report is due after one that began: at the next midnight UTC, or the next one of a Sunday ("every Sunday (UTC
 * timezone) after the initial report").
 * @param clock.dayMs shorter than a day only in development
 */
export function nextReportAt(
  frequency: InventoryFrequency,
  { now, dayMs }: { readonly now: Date; readonly dayMs: number },
): Date {
  const day = Math.floor(now.getTime() / dayMs);
  const weeks = Math.floor((day - DAYS_TO_SUNDAY) / WEEK_DAYS) + 1;
  return new Date((frequency === "Daily" ? day + 1 : weeks * WEEK_DAYS + DAYS_TO_SUNDAY) * dayMs);
}
