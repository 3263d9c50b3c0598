/** Buckets with what they hold, which only the root account of the deployment may ask for. */
import type { ListedBucket } from "../../api/s3/buckets.ts";
import { type BucketUsage, listUsage } from "../../api/usage.ts";
import type { Session } from "../../session.ts";

export interface BucketRow extends ListedBucket {
  /** Undefined for callers that may not ask, and for buckets that were not counted yet. */
  readonly usage: BucketUsage | undefined;
}

/** Both lists are in the order of names, so one page of usage belongs to one page of buckets. */
export async function withUsage(
  { client, identity, isDeploymentRoot }: Session,
  buckets: readonly ListedBucket[],
): Promise<readonly BucketRow[]> {
  const [first] = buckets;
  const found = new Map<string, BucketUsage>();
  if (isDeploymentRoot && first !== undefined) {
    const query = { account: identity.accountId, after: justBefore(first.name), limit: buckets.length };
    // Without the figures the list is of use too.
    const page = await listUsage(client, query).catch(() => undefined);
    for (const usage of page?.buckets ?? []) if (usage.computedAt !== "") found.set(usage.name, usage);
  }
  return buckets.map((bucket) => ({ ...bucket, usage: found.get(bucket.name) }));
}

/** A text that is less than the name and greater than every name before it: `~` is in no name, and greater than what is. */
export function justBefore(name: string): string {
  return `${name.slice(0, -1)}${String.fromCharCode(name.charCodeAt(name.length - 1) - 1)}~`;
}

/** When the oldest of the figures was counted. */
export function oldestCount(rows: readonly BucketRow[]): string | undefined {
  return rows
    .flatMap(({ usage }) => (usage === undefined ? [] : [usage.computedAt]))
    .sort()
    .at(0);
}
