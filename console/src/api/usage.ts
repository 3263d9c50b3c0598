/** What buckets and accounts hold, from the admin API. */
import { isObject, listAt, numberAt, textAt } from "../lib/json.ts";
import { callAdmin } from "./admin.ts";
import type { ApiClient } from "./client.ts";
import { ApiError } from "./errors.ts";
import { encodePart } from "./urls.ts";

/** Undefined without such a quota. */
export interface Quota {
  readonly quotaBytes: number | undefined;
  readonly quotaObjects: number | undefined;
}

export type QuotaSubject = { readonly bucket: string } | { readonly accountId: string };

/** Figures are undefined before the first count. */
export interface Usage extends Quota {
  readonly objects: number | undefined;
  readonly bytes: number | undefined;
  readonly versions: number | undefined;
  readonly noncurrentBytes: number | undefined;
  readonly openUploads: number | undefined;
  readonly uploadBytes: number | undefined;
  /** Empty before the first count. */
  readonly computedAt: string;
}

export interface BucketUsage extends Usage {
  readonly name: string;
  readonly accountId: string;
}

export interface AccountUsage extends Usage {
  readonly accountId: string;
  readonly displayName: string;
  readonly buckets: number;
}

export interface UsagePage {
  readonly buckets: readonly BucketUsage[];
  /** On the first page only. */
  readonly accounts: readonly AccountUsage[];
  readonly next: string | undefined;
}

export interface DayOfUsage {
  readonly date: string;
  readonly objects: number;
  readonly bytes: number;
  readonly noncurrentBytes: number;
}

export async function listUsage(
  client: ApiClient,
  query: {
    readonly bucket?: string;
    readonly account?: string;
    readonly after?: string | undefined;
    readonly limit?: number;
  },
): Promise<UsagePage> {
  const answer = await callAdmin(client, { path: "/usage", query });
  return {
    buckets: listAt(answer, "buckets").map((row) => ({
      name: textAt(row, "name"),
      accountId: textAt(row, "accountId"),
      ...readUsage(row),
    })),
    accounts: listAt(answer, "accounts").map((row) => ({
      accountId: textAt(row, "accountId"),
      displayName: textAt(row, "displayName"),
      buckets: numberAt(row, "buckets") ?? 0,
      ...readUsage(row),
    })),
    next: textAt(answer, "next") || undefined,
  };
}

function readUsage(row: unknown): Usage {
  const quota = isObject(row) ? row.quota : undefined;
  return {
    objects: numberAt(row, "objects"),
    bytes: numberAt(row, "bytes"),
    versions: numberAt(row, "versions"),
    noncurrentBytes: numberAt(row, "noncurrentBytes"),
    openUploads: numberAt(row, "openUploads"),
    uploadBytes: numberAt(row, "uploadBytes"),
    computedAt: textAt(row, "computedAt"),
    quotaBytes: numberAt(quota, "bytes"),
    quotaObjects: numberAt(quota, "objects"),
  };
}

/** Replaces a quota, or removes it if nothing is limited. @throws ApiError */
export async function setQuota(client: ApiClient, subject: QuotaSubject, quota: Quota): Promise<void> {
  const [kind, name] = "bucket" in subject ? ["buckets", subject.bucket] : ["accounts", subject.accountId];
  const path = `/quotas/${kind}/${encodePart(name)}`;
  const { quotaBytes: bytes, quotaObjects: objects } = quota;
  if (bytes !== undefined || objects !== undefined) {
    await callAdmin(client, { method: "POST", path, body: { bytes, objects } });
    return;
  }
  try {
    await callAdmin(client, { method: "DELETE", path });
  } catch (error) {
    if (!(error instanceof ApiError && error.code === "NoSuchQuota")) throw error;
  }
}

/** One entry for each day, in order. */
export async function usageHistory(client: ApiClient, bucket: string): Promise<readonly DayOfUsage[]> {
  const answer = await callAdmin(client, { path: "/usage/history", query: { bucket } });
  return listAt(answer, "history").map((day) => ({
    date: textAt(day, "date"),
    objects: numberAt(day, "objects") ?? 0,
    bytes: numberAt(day, "bytes") ?? 0,
    noncurrentBytes: numberAt(day, "noncurrentBytes") ?? 0,
  }));
}
