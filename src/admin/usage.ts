/** What buckets and accounts hold, as it was last counted. docs/usage.md describes the answers. */
import { invalidRequest } from "../errors.ts";
import type { QuotaLimits } from "../model/quota.ts";
import { DAY_MS, NO_USAGE } from "../model/usage.ts";
import type { AccountUsage, BucketUsage, CountedUsage } from "../storage/d1/usage.ts";
import { type AdminCall, failure } from "./call.ts";

const MAX_PAGE = 1000;
const MAX_ACCOUNTS = 1000;

/**
 * `GET /-/admin/usage?bucket=NAME|account=ID&after=NAME&limit=N`: one page of buckets, and on the first page the sums of accounts.
 * `next` is the `after` of the next page; absent: there is none.
 */
export async function showUsage({ services, grant, query }: AdminCall): Promise<Response> {
  const bucketName = query.get("bucket");
  const accountId = query.get("account");
  if (bucketName !== undefined && accountId !== undefined) throw invalidRequest("Name a bucket or an account.");
  const after = query.get("after") ?? "";
  const limit = readLimit(query.get("limit"));
  const only = bucketName !== undefined ? { bucketName } : accountId !== undefined ? { accountId } : undefined;
  const isFirst = after === "" && bucketName === undefined;
  const [found, accounts] = await Promise.all([
    services.usage.list(grant, { only, after, limit: limit + 1 }),
    isFirst ? services.usage.accounts(grant, accountId, MAX_ACCOUNTS) : undefined,
  ]);
  if (bucketName !== undefined && found.length === 0) return noSuchBucket();
  if (accountId !== undefined && accounts?.length === 0)
    return failure(404, "NoSuchAccount", "There is no such account.");
  const buckets = found.slice(0, limit);
  return Response.json({
    buckets: buckets.map(describeBucket),
    ...(accounts !== undefined && { accounts: accounts.map(describeAccount) }),
    ...(found.length > limit && { next: buckets.at(-1)?.name }),
  });
}

/** `GET /-/admin/usage/history?bucket=NAME`: one entry for each day since the bucket was first counted, 400 at most. */
export async function showHistory({ services, grant, now, query }: AdminCall): Promise<Response> {
  const days = await services.usage.history(grant, query.get("bucket") ?? "", now);
  if (days === undefined) return noSuchBucket();
  return Response.json({
    history: days.map(({ day, ...figures }) => ({
      date: new Date(day * DAY_MS).toISOString().slice(0, 10),
      ...figures,
    })),
  });
}

function describeBucket({ name, accountId, usage, quota }: BucketUsage) {
  return { name, accountId, ...describe(usage), ...describeQuota(quota) };
}

function describeAccount({ accountId, displayName, buckets, uncounted, usage, quota }: AccountUsage) {
  return { accountId, displayName, buckets, uncounted, ...describe(usage), ...describeQuota(quota) };
}

function describeQuota(quota: QuotaLimits) {
  return Object.keys(quota).length === 0 ? {} : { quota };
}

/** Null instead of figures that were never counted. */
function describe(usage: CountedUsage | undefined) {
  const none = Object.fromEntries(Object.keys(NO_USAGE).map((figure) => [figure, null]));
  return usage === undefined
    ? { ...none, computedAt: null }
    : { ...usage.figures, computedAt: new Date(usage.countedAt).toISOString() };
}

function readLimit(text: string | undefined): number {
  const limit = text === undefined ? MAX_PAGE : /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (limit < 1) throw invalidRequest(`limit must be a number from 1 to ${MAX_PAGE}.`);
  return Math.min(limit, MAX_PAGE);
}

function noSuchBucket(): Response {
  return failure(404, "NoSuchBucket", "There is no such bucket.");
}
