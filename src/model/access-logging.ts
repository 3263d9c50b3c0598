/** Server access logs of a bucket (API_PutBucketLogging, "Logging requests with server access logging"). */
import type { Acl } from "./acl.ts";

/** Which time the date in a partitioned key is. */
export const PARTITION_DATE_SOURCES = ["EventTime", "DeliveryTime"] as const;
export type PartitionDateSource = (typeof PARTITION_DATE_SOURCES)[number];

export type LogKeyFormat =
  | { readonly kind: "simple" }
  /** Without a source it was put as an empty element, and counts as DeliveryTime. */
  | { readonly kind: "partitioned"; readonly dateSource?: PartitionDateSource };

/** LoggingEnabled of BucketLoggingStatus. */
export interface BucketLogging {
  readonly targetBucket: string;
  /** May be empty. */
  readonly targetPrefix: string;
  /** Who else may read the log objects; absent: no TargetGrants. */
  readonly targetGrants?: Acl;
  /** Absent: as it was put, without TargetObjectKeyFormat, which means simple keys. */
  readonly keyFormat?: LogKeyFormat;
}
