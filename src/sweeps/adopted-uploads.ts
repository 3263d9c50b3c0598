/**
 * Ends old multipart uploads of adopted buckets. R2 ends them too, by the lifecycle rules of the R2 bucket, and does not say so: without
 * a setting they are taken to be ended after the seven days of R2's default rule.
 */
import type { AdoptedStores } from "../storage/adopted/adopted-stores.ts";
import { endUpload } from "../storage/adopted/adopted-uploads.ts";
import type { AdoptedUploadRows } from "../storage/d1/adopted-uploads.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const R2_DAYS = 7;
const UPLOADS_PER_RUN = 100;

/** Returns how many were ended. */
export async function sweepAdoptedUploads(
  { rows, stores }: { readonly rows: AdoptedUploadRows; readonly stores: AdoptedStores },
  /** `abortAfterDays` 0: R2's days. */
  { now, abortAfterDays }: { readonly now: Date; readonly abortAfterDays: number },
): Promise<number> {
  const before = new Date(now.getTime() - (abortAfterDays || R2_DAYS) * DAY_MS);
  const old = await rows.olderThan(before, UPLOADS_PER_RUN);
  for (const upload of old) {
    await endUpload(stores, upload);
    await rows.remove(upload.uploadId);
  }
  return old.length;
}
