/** The data key of an object under SSE-KMS. */
import type { EntryRecord } from "../storage/r2/entry-record.ts";
import type { ScrubReads } from "../storage/scrub/scrub-reads.ts";
import type { DescribedEntry } from "../storage/scrub/stored-entry.ts";
import type { BucketFacts } from "./record-checks.ts";

/** As in a record, with a key of the deployment. */
export type KmsEncryption = Extract<NonNullable<EntryRecord["e"]>, readonly ["K", ...unknown[]]>;

/** The key, or why it cannot be had. */
export function dataKeyOf(
  { key }: Pick<DescribedEntry, "key">,
  [, sealed, keyArn, , context]: KmsEncryption,
  { bucket: { bucketId }, reads }: { readonly bucket: Pick<BucketFacts, "bucketId">; readonly reads: ScrubReads },
): ReturnType<ScrubReads["dataKey"]> {
  return reads.dataKey(keyArn, sealed, { bucketId, key, context });
}
