/** A bucket with access logs, what its log records, and the names of the log objects. */
import type { BucketLogging } from "./access-logging.ts";
import { type Bucket, locationOf } from "./bucket.ts";

/** A bucket whose requests are logged, with the configuration at the time of the request. Plain data, for messages. */
export interface LoggedBucket {
  readonly name: string;
  /** As clients see it. */
  readonly region: string;
  readonly accountId: string;
  /** Canonical user id. */
  readonly ownerId: string;
  readonly logging: BucketLogging;
}

/** What S3 did by itself ("Lifecycle and logging"). */
export interface LoggedAction {
  readonly operation: "S3.EXPIRE.OBJECT" | "S3.CREATE.DELETEMARKER" | "S3.TRANSITION_SIA.OBJECT" | "S3.DELETE.UPLOAD";
  readonly key: string;
  readonly versionId?: string | undefined;
  readonly objectSizeBytes?: number | undefined;
}

/** What only an operation knows about its request, for the access log. */
export interface LoggedDetail {
  /** Of the object that was written or copied. */
  readonly objectSizeBytes?: number;
  /** What became of each key of DeleteObjects; called only if it is logged. */
  removals?(): readonly LoggedRemoval[];
}

export interface LoggedRemoval {
  readonly key: string;
  readonly versionId?: string | undefined;
  readonly status: number;
  readonly code?: string;
}

/** Undefined for a bucket without access logs. */
export function findLogged(bucket: Bucket | undefined): LoggedBucket | undefined {
  const logging = bucket?.documents.logging;
  if (bucket === undefined || logging === undefined) return undefined;
  const { name, accountId, ownerId } = bucket;
  return { name, region: locationOf(bucket).region, accountId, ownerId, logging };
}

/** Whether each log object has the lines of one day only ("Date-based partitioning": EventTime). */
export function isByEventDay({ keyFormat }: BucketLogging): boolean {
  return keyFormat?.kind === "partitioned" && keyFormat.dateSource === "EventTime";
}

/**
 * The key of a log object: `[prefix]YYYY-MM-DD-hh-mm-ss-UniqueString`, or partitioned
 * `[prefix]SourceAccountId/SourceRegion/SourceBucket/YYYY/MM/DD/YYYY-MM-DD-hh-mm-ss-UniqueString`. With EventTime hours,
 * minutes and seconds are 00 ("Amazon S3 log object key format").
 * @param time when the lines' events happened for EventTime, otherwise when they are delivered
 */
export function logObjectKey({ name, region, accountId, logging }: LoggedBucket, time: Date, unique: string): string {
  const [date = "", clock = ""] = time.toISOString().split("T");
  const shownClock = isByEventDay(logging) ? "00-00-00" : clock.slice(0, 8).replaceAll(":", "-");
  const last = `${date}-${shownClock}-${unique}`;
  const { targetPrefix, keyFormat } = logging;
  if (keyFormat?.kind !== "partitioned") return `${targetPrefix}${last}`;
  return `${targetPrefix}${accountId}/${region}/${name}/${date.replaceAll("-", "/")}/${last}`;
}
