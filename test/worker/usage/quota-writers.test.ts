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

const ISOLATES = 4;
const BYTES = 1000;
const QUOTA = 60 * BYTES;
/** How long an isolate uses a row. */
const TTL_MS = 100;
/** An isolate that is refused as often, each time with a row that it has just read, stays refused. */
const REFUSALS = 3;

interface Isolate {
  readonly accepted: number;
  readonly added: number;
}

/** Writes until the bucket is full for every isolate. */
async function fill(name: string): Promise<Isolate> {
  const pending: Promise<unknown>[] = [];
  const directory = openDirectory({ db: env.DB, ttlMs: TTL_MS });
  const quotas = new Quotas(env.DB, directory);
  let added = 0;
  const guard = new QuotaGuard(
    {
      async add(amounts: AddedAmounts) {
        await quotas.add(amounts);
        added += amounts.buckets.reduce((sum, each) => sum + each.bytes, 0);
      },
      requestCount: async () => {},
    },
    (work) => pending.push(work),
  );
  const write = async () => {
    const bucket = (await directory.load({ bucketName: name })).buckets.get(name) as Bucket;
    const put = () => env.STORE.put(`${bucket.id}/${crypto.randomUUID()}`, new Uint8Array(BYTES));
    await guard.around(bucket, { objects: 1, bytes: BYTES }, { write: put });
  };
  let accepted = 0;
  for (let refusals = 0; refusals < REFUSALS; ) {
    try {
      await write();
      accepted += BYTES;
      // By itself, an isolate stops at the quota.
      if (accepted > QUOTA) break;
      refusals = 0;
    } catch (error) {
      if (!(error instanceof S3Error) || error.code !== "QuotaExceeded") throw error;
      refusals++;
      // What this isolate has written is in D1 then, and its next row is a new one.
      await guard.flush();
      await scheduler.wait(2 * TTL_MS);
    }
  }
  await Promise.all(pending);
  return { accepted, added };
}

it("isolates exceed a quota by what they write before they read the others' amounts, and by no more", async () => {
  const bucket = await createBucket();
  await setQuota({ bucket }, { bytes: QUOTA });
  const isolates = await Promise.all(Array.from({ length: ISOLATES }, () => fill(bucket)));
  for (const { accepted, added } of isolates) {
    expect(accepted).toBeLessThanOrEqual(QUOTA);
    expect(added).toBe(accepted);
  }
  const total = isolates.reduce((sum, { accepted }) => sum + accepted, 0);
  expect(total).toBeGreaterThanOrEqual(QUOTA);
  expect(await fill(bucket)).toEqual({ accepted: 0, added: 0 });
  console.info(`a quota of ${QUOTA} bytes: ${total} bytes were written by ${ISOLATES} isolates`);
});
