/** The row of a bucket, its documents, and the rows of D1 that are about it. */
import type { RawBucket } from "../storage/d1/scrub-rows.ts";
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

export async function checkBucket(bucket: RawBucket, { reads, findings, tally, now }: StepContext): Promise<void> {
  tally.add("buckets");
  const { rows } = reads;
  const unreadable = await rows.unreadable(bucket.id);
  const lost = await rows.lostInventories(bucket.id);
  const overdue = await rows.overdueTasks(bucket.id, new Date(now.getTime() - OVERDUE_AFTER_MS));
  const faults: Fault[] = [
    ...(reads.hasRegion(bucket.region) ? [] : [fault("region-missing", `no R2 binding serves ${bucket.region}`)]),
    ...checkDocuments(bucket),
    ...unreadable.map(({ table, name }) =>
      fault("row-unreadable", "the row's JSON cannot be read", `${table} ${name}`),
    ),
    ...lost.map(({ id, destination }) =>
      fault("inventory-destination-missing", `a report is being written to ${destination}`, id),
    ),
    ...overdue.map(({ id, key }) => fault("replication-overdue", `of ${key}: not tried again for a day`, id)),
  ];
  for (const found of faults) findings.push({ ...found, bucket: bucket.name });
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
