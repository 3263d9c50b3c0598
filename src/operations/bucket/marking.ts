/** Markers of buckets in R2, for operations that have done what they were asked for when they put one. */
import { S3Error } from "../../errors.ts";

/** Waits for a marker to be put. If R2 fails, the sweep puts it: the bucket's row is due. */
export async function leaveToSweep(put: Promise<void>): Promise<void> {
  try {
    await put;
  } catch (error) {
    const { code, cause } = error instanceof S3Error ? error : { code: "InternalError", cause: error };
    console.error(JSON.stringify({ bucketMarker: code, cause: String(cause) }));
  }
}
