/**
 * Several isolates that fill one bucket at the same time, each with its own rows and its own amounts. How far they exceed a quota is
 * what they write until they read rows that show the others' writes.
 */
import { env } from "cloudflare:workers";
import { expect, it } from "vitest";
import { S3Error } from "../../../src/errors.ts";
import type { Bucket } from "../../../src/model/bucket.ts";
import { type AddedAmounts, Quotas } from "../../../src/storage/d1/quotas.ts";
import { QuotaGuard } from "../../../src/storage/quota-guard.ts";
import { openDirectory } from "../../support/isolate.ts";
import { createBucket } from "../../support/s3.ts";
import { setQuota } from "../../support/usage.ts";

const ISOLATES = 8;
const BYTES = 1000;
const QUOTA = 300 * BYTES;
/** What a write takes, besides the simulator's own time. */
const WRITE_MS = 20;
/** How long an isolate uses a row. */
const TTL_MS = 500;

interface Log {
  /** Accepted writes. */
  readonly writes: { readonly at: number }[];
  /** When D1 had all that was added until then. */
  readonly added: { readonly at: number; readonly bytes: number }[];
}

/** Writes until a write is refused, and then tries again for as long as a row lasts. */
async function fill(name: string, log: Log): Promise<void> {
  const pending: Promise<unknown>[] = [];
  const directory = openDirectory({ db: env.DB, ttlMs: TTL_MS });
  const quotas = new Quotas(env.DB, directory);
  const guard = new QuotaGuard(
    {
      async add(amounts: AddedAmounts) {
        await quotas.add(amounts);
        const bytes = amounts.buckets.reduce((sum, each) => sum + each.bytes, 0);
        log.added.push({ at: Date.now(), bytes });
      },
      requestCount: async () => {},
    },
    (work) => pending.push(work),
  );
  const write = async () => {
    const bucket = (await directory.load({ bucketName: name })).buckets.get(name) as Bucket;
    const at = Date.now();
    const put = async () => {
      await scheduler.wait(WRITE_MS);
      await env.STORE.put(`${bucket.id}/${crypto.randomUUID()}`, new Uint8Array(BYTES));
    };
    await guard.around(bucket, { objects: 1, bytes: BYTES }, { write: put });
    log.writes.push({ at });
  };
  let until: number | undefined;
  while (until === undefined || Date.now() < until) {
    try {
      await write();
      until = undefined;
    } catch (error) {
      if (!(error instanceof S3Error) || error.code !== "QuotaExceeded") throw error;
      until ??= Date.now() + 2 * TTL_MS;
      await scheduler.wait(20);
    }
  }
  await Promise.all(pending);
}

it("isolates exceed a quota by no more than what they write until they read the others' amounts", async () => {
  const bucket = await createBucket();
  await setQuota({ bucket }, { bytes: QUOTA });
  const log: Log = { writes: [], added: [] };
  const begun = Date.now();
  await Promise.all(Array.from({ length: ISOLATES }, () => fill(bucket, log)));
  const total = log.writes.length * BYTES;
  let known = 0;
  const fullAt = log.added.find(({ bytes }) => {
    known += bytes;
    return known >= QUOTA;
  })?.at;
  // A row that was read after D1 knew that the bucket is full lets nothing pass, and an older one is not used for longer than this.
  expect(log.writes.filter(({ at }) => at > (fullAt ?? 0) + TTL_MS)).toEqual([]);
  expect(total).toBeGreaterThanOrEqual(QUOTA);
  expect(log.added.reduce((sum, { bytes }) => sum + bytes, 0)).toBe(total);
  const seconds = (Math.max(...log.writes.map(({ at }) => at)) - begun) / 1000;
  console.log(`quota ${QUOTA}, written ${total} by ${ISOLATES} isolates in ${seconds} s`);
});
