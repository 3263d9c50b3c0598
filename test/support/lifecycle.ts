/** Lifecycle configurations for tests, and runs of the lifecycle at a time of the test's choice. */
import { env } from "cloudflare:workers";
import type { Env } from "../../src/env.ts";
import { contentMd5 } from "./cors.ts";
import { type SendOptions, send } from "./request.ts";
import { ageObjects, testEnv } from "./worker.ts";

export const DAY_MS = 24 * 60 * 60 * 1000;

/** A document of rules with Status Enabled, each given by its other elements. */
export function lifecycleDocument(...rules: string[]): string {
  const elements = rules.map((rule) => `<Rule>${rule}<Status>Enabled</Status></Rule>`);
  return `<LifecycleConfiguration>${elements.join("")}</LifecycleConfiguration>`;
}

export async function putLifecycle(bucket: string, body: string, options: SendOptions = {}): Promise<Response> {
  const headers = { ...contentMd5(body), ...options.headers };
  return send({ ...options, method: "PUT", bucket, query: "lifecycle", body, headers });
}

/** PutBucketLifecycleConfiguration, which must succeed. */
export async function configureLifecycle(bucket: string, ...rules: string[]): Promise<void> {
  const response = await putLifecycle(bucket, lifecycleDocument(...rules));
  if (response.status !== 200) throw new Error(`PutBucketLifecycle: ${response.status} ${await response.text()}`);
  await response.body?.cancel();
}

/** The time after so many days, from now on. */
export const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);

export interface PassState {
  readonly day: number;
  readonly isComplete: boolean;
  readonly counts: Readonly<Record<string, number>>;
}

export async function passOf(bucket: string): Promise<PassState | undefined> {
  const row = await env.DB.prepare(
    "SELECT day, position, counts FROM lifecycle_passes WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)",
  )
    .bind(bucket)
    .first<{ day: number; position: string | null; counts: string }>();
  if (row === null) return undefined;
  return { day: row.day, isComplete: row.position === null, counts: JSON.parse(row.counts) };
}

/** Forgets the passes, so that the next run begins with every bucket, at any time. */
export async function forgetPasses(): Promise<void> {
  await env.DB.prepare("DELETE FROM lifecycle_passes").run();
}

/** Runs the lifecycle until the pass over the bucket is complete. Returns what the pass has done, and in how many runs. */
export async function passOver(
  bucket: string,
  now: Date,
  options: { readonly env?: Env } = {},
): Promise<PassState["counts"] & { readonly runs: number }> {
  await forgetPasses();
  for (let runs = 1; runs <= 100; runs++) {
    await ageObjects(options.env ?? testEnv, now);
    const pass = await passOf(bucket);
    if (pass?.isComplete) return { ...pass.counts, runs };
  }
  throw new Error("the pass does not end");
}

/** The Worker's bindings with other settings, and with services of their own. */
export function envWith(settings: Partial<Record<keyof Env, string>>): Env {
  const DB = new Proxy(testEnv.DB, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...testEnv, DB, ...settings } as Env;
}
