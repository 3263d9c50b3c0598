/** Everything for adopted buckets, opened from the bindings once per isolate. */
import type { MacKey } from "../../model/mac-key.ts";
import { AdoptedBuckets } from "../d1/adopted-buckets.ts";
import { AdoptedUploadRows } from "../d1/adopted-uploads.ts";
import type { BucketDeletion } from "../d1/bucket-deletion.ts";
import type { Directory } from "../d1/directory.ts";
import type { RegionStores } from "../r2/entry-place.ts";
import type { UploadIds } from "../uploads/upload-id.ts";
import { AdoptedObjects } from "./adopted-objects.ts";
import type { AdoptedStores } from "./adopted-stores.ts";
import { AdoptedUploads } from "./adopted-uploads.ts";
import { Adoption } from "./adoption.ts";
import type { AdoptedSource } from "./find-made.ts";
import { MetadataRecords } from "./metadata-record.ts";

export interface AdoptedMeans {
  readonly db: D1Database;
  readonly config: { readonly stores: RegionStores; readonly adopted: AdoptedStores };
  readonly recordKey: MacKey;
  readonly ids: UploadIds;
  readonly directory: Directory;
  readonly bucketDeletion: BucketDeletion;
  /** How long other isolates may act on a bucket's row they have read. */
  readonly othersTtlMs: number;
}

/** What sweeps need. */
export interface AdoptedSweeping extends AdoptedSource {
  readonly rows: AdoptedUploadRows;
}

export interface AdoptedServices {
  readonly objects: AdoptedObjects;
  readonly uploads: AdoptedUploads;
  readonly adoption: Adoption;
  readonly sweeping: AdoptedSweeping;
}

export function openAdopted({
  db,
  config,
  recordKey,
  ids,
  directory,
  bucketDeletion,
  othersTtlMs,
}: AdoptedMeans): AdoptedServices {
  const { stores: regions, adopted: stores } = config;
  const records = new MetadataRecords(recordKey);
  const rows = new AdoptedUploadRows(db);
  return {
    objects: new AdoptedObjects(stores, records),
    uploads: new AdoptedUploads({ stores, records, rows, ids, bucketDeletion }),
    adoption: new Adoption({ regions, adopted: stores }, new AdoptedBuckets(db, directory, othersTtlMs)),
    sweeping: { stores, records, rows },
  };
}
