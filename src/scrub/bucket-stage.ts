/** The row of a bucket, its documents, and the rows of D1 that are about it. */
import { isAdopted } from "../model/adopted.ts";
import type { BucketLocation } from "../model/bucket.ts";
import { type BucketMarker, formatMarker } from "../model/bucket-marker.ts";
import type { Versioning } from "../model/version.ts";
import type { OddRow, RawBucket } from "../storage/d1/scrub-rows.ts";
import { type Fault, fault } from "./findings.ts";
import type { BucketFacts } from "./record-checks.ts";
import type { StepContext } from "./step-context.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
/** A pending task is sent again within minutes after it is due. */
const OVERDUE_AFTER_MS = DAY_MS;

/** Documents that are one of some texts. */
const VALUES: Readonly<Record<string, readonly unknown[]>> = {
  versioning: ["Enabled", "Suspended"],
  accelerate: ["Suspended"],
};

export function factsOf({ name, id, region, ownerId, documents }: RawBucket): BucketFacts {
  return {
    name,
    bucketId: id,
    region,
    ownerId,
    isVersioned: documents.has("versioning"),
    isLocking: documents.has("objectLock"),
  };
}

/** A bucket, and what D1 has about it. */
export interface BucketState {
  readonly bucket: RawBucket;
  readonly oddRows: readonly OddRow[];
  readonly hasUploads: boolean;
}

/** Two queries of D1 for all of them. */
export async function describeBuckets(
  buckets: readonly RawBucket[],
  { reads, now }: StepContext,
): Promise<BucketState[]> {
  if (buckets.length === 0) return [];
  const ids = buckets.map(({ id }) => id);
  const oddRows = await reads.rows.oddRows(ids, new Date(now.getTime() - OVERDUE_AFTER_MS));
  const withUploads = await reads.rows.withUploads(ids);
  return buckets.map((bucket) => ({
    bucket,
    oddRows: oddRows.filter(({ bucketId }) => bucketId === bucket.id),
    hasUploads: withUploads.has(bucket.id),
  }));
}

export async function checkBucket({ bucket, oddRows }: BucketState, context: StepContext): Promise<void> {
  const { findings, tally } = context;
  tally.add("buckets");
  const faults: Fault[] = [...(await checkPlace(bucket, context)), ...checkDocuments(bucket), ...oddRows.map(toFault)];
  for (const found of faults) findings.push({ ...found, bucket: bucket.name });
}

/** Of an adopted bucket only rows are checked: it has no marker, and what is in it is whatever R2 says. */
async function checkPlace(bucket: RawBucket, context: StepContext): Promise<Fault[]> {
  if (isAdopted(bucket)) return [];
  if (context.reads.hasRegion(bucket.region)) return checkMarker(bucket, context);
  return [fault("region-missing", `no R2 binding serves ${bucket.region}`)];
}

function toFault({ reason, table, name, about }: OddRow): Fault {
  switch (reason) {
    case "unreadable":
      return fault("row-unreadable", "the row's JSON cannot be read", `${table} ${name}`);
    case "no-destination":
      return fault("inventory-destination-missing", `a report is being written to ${about}`, name);
    case "overdue":
      return fault("replication-overdue", `of ${about}: not tried again for a day`, name);
    default:
      return reason satisfies never;
  }
}

/** Two calls at most: the marker, and the row again, which may have become due since it was read. */
async function checkMarker(bucket: RawBucket, { reads }: StepContext): Promise<Fault[]> {
  const expected = markerOf(bucket);
  // A sweep corrects those that are due.
  if (bucket.isMarkerDue || expected === undefined) return [];
  const stored = await reads.marker({ region: bucket.region, bucketId: bucket.id });
  if (stored !== undefined && formatMarker(stored) === formatMarker(expected)) return [];
  const again = await reads.rows.bucket(bucket.name);
  const isSame = again?.id === bucket.id && !again.isMarkerDue;
  const detail = stored === undefined ? "there is none" : "it is not as the row says";
  return isSame ? [fault("bucket-marker-wrong", detail)] : [];
}

/** Pure. Undefined if a document that is part of it cannot be read. */
export function markerOf(bucket: RawBucket): BucketMarker | undefined {
  const { documents } = bucket;
  if (checkDocuments(bucket).length > 0) return undefined;
  const [versioning, location] = ["versioning", "location"].map((kind) => parse(documents.get(kind) ?? "null"));
  return {
    name: bucket.name,
    id: bucket.id,
    region: bucket.region,
    createdAt: bucket.createdAt,
    owner: {
      accountId: bucket.accountId,
      canonicalId: bucket.ownerId,
      displayName: bucket.ownerDisplayName,
      isRoot: bucket.isOwnedByRoot,
    },
    hasObjectLock: documents.has("objectLock"),
    ...(versioning !== null && { versioning: versioning as Versioning }),
    ...(location !== null && { location: location as BucketLocation }),
  };
}

/** Pure. */
export function checkDocuments({ documents }: Pick<RawBucket, "documents">): Fault[] {
  return [...documents].flatMap(([kind, body]) => {
    const document = parse(body);
    const values = VALUES[kind];
    const isValid = document !== undefined && document !== null && (values === undefined || values.includes(document));
    return isValid
      ? []
      : [fault("row-unreadable", "no request for the bucket can be answered", `bucket_documents ${kind}`)];
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
