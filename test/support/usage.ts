/** Usage of buckets for tests: runs of the count at a time of the test's choice, and what the admin API says. */
import { env } from "cloudflare:workers";
import type { Env } from "../../src/env.ts";
import { type SendOptions, send } from "./request.ts";
import { takeInventories, testEnv } from "./worker.ts";

export interface ShownUsage {
  readonly name?: string;
  readonly accountId: string;
  readonly objects: number | null;
  readonly versions: number | null;
  readonly deleteMarkers: number | null;
  readonly bytes: number | null;
  readonly noncurrentBytes: number | null;
  readonly openUploads: number | null;
  readonly uploadBytes: number | null;
  readonly computedAt: string | null;
  readonly quota?: unknown;
}

export interface UsageAnswer {
  readonly buckets: readonly ShownUsage[];
  readonly accounts?: readonly (ShownUsage & { readonly buckets: number; readonly uncounted: number })[];
  readonly next?: string;
}

export async function askUsage(query = "", options: SendOptions = {}): Promise<Response> {
  return send({ bucket: "-", key: "admin/usage", query, ...options });
}

export async function usageOf(bucket: string): Promise<ShownUsage> {
  const answer = (await (await askUsage(`bucket=${bucket}`)).json()) as UsageAnswer;
  const [shown] = answer.buckets;
  if (shown === undefined) throw new Error(JSON.stringify(answer));
  return shown;
}

/** The figures without names and times. */
export function figuresOf({
  name: _name,
  accountId: _account,
  computedAt: _at,
  quota: _quota,
  ...figures
}: ShownUsage) {
  return figures;
}

/** No bucket is due then but those of a test. */
export async function countNothing(): Promise<void> {
  await env.DB.prepare("UPDATE buckets SET usage_due = ?1").bind(Number.MAX_SAFE_INTEGER).run();
}

export async function makeDue(bucket: string): Promise<void> {
  await env.DB.prepare("UPDATE buckets SET usage_due = 0 WHERE name = ?1").bind(bucket).run();
}

/** Counts the bucket, in as many runs as it takes, and returns their number. */
export async function count(
  bucket: string,
  { at = new Date(), with: bindings = testEnv }: CountOptions = {},
): Promise<number> {
  await makeDue(bucket);
  for (let runs = 1; runs <= 100; runs++) {
    await takeInventories(bindings, new Date(at.getTime() + runs));
    const row = await env.DB.prepare(
      "SELECT usage_due, pass FROM buckets b JOIN bucket_usage u ON u.bucket_id = b.id WHERE b.name = ?1",
    )
      .bind(bucket)
      .first<{ usage_due: number; pass: string | null }>();
    if (row !== null && row.pass === null && row.usage_due > at.getTime() + runs) return runs;
  }
  throw new Error("The count does not end.");
}

export interface CountOptions {
  readonly at?: Date;
  readonly with?: Env;
}

/** R2 that lists at most so many rows with one call. */
export function pagesOf(rows: number, bindings: Env = testEnv): Env {
  const STORE = new Proxy(bindings.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      if (name !== "list") return value.bind(target);
      return (options: R2ListOptions = {}) => target.list({ ...options, limit: Math.min(rows, options.limit ?? rows) });
    },
  });
  return { ...bindings, STORE };
}

export type QuotaSubject = { readonly bucket: string } | { readonly accountId: string };

/** A call of the API of quotas. */
export async function quotaCall(
  method: "POST" | "GET" | "DELETE",
  subject: QuotaSubject,
  { body, ...options }: { readonly body?: unknown; readonly as?: NonNullable<SendOptions["as"]> | null } = {},
): Promise<Response> {
  const key =
    "bucket" in subject ? `admin/quotas/buckets/${subject.bucket}` : `admin/quotas/accounts/${subject.accountId}`;
  return send({ method, bucket: "-", key, ...(body !== undefined && { body: JSON.stringify(body) }), ...options });
}

/** Sets a quota of a bucket or an account, and counts the bucket first. */
export async function setQuota(
  subject: QuotaSubject,
  limits: { readonly bytes?: number; readonly objects?: number },
): Promise<void> {
  if ("bucket" in subject) await count(subject.bucket);
  const response = await quotaCall("POST", subject, { body: limits });
  if (response.status !== 200) throw new Error(`quota set: ${response.status} ${await response.text()}`);
}
