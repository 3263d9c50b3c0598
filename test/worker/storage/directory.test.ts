/** What an isolate caches of keys and buckets: when it asks D1, and how long it acts on an answer. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { countingEnv } from "../../support/counting-env.ts";
import { createUser, iam } from "../../support/iam.ts";
import { openDirectory } from "../../support/isolate.ts";
import { createBucket, ROOT, testEnv } from "../../support/s3.ts";

const TTL_MS = 5_000;
/** Rows of buckets are dropped a second early. */
const BUCKET_MS = 4_000;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const passMs = (ms: number) => vi.setSystemTime(Date.now() + ms);

async function countedDirectory() {
  const { env, counts, reset } = countingEnv(testEnv);
  return { directory: openDirectory({ db: env.DB, ttlMs: TTL_MS }), counts, reset };
}

describe("a directory", () => {
  it("reads a key and two buckets with one call, and answers at once while it has them", async () => {
    const { directory, counts } = await countedDirectory();
    const [bucketName, sourceName] = [await createBucket(), await createBucket()];
    const wanted = { accessKeyId: ROOT.accessKeyId, bucketName, sourceName };
    const rows = await directory.load(wanted);
    expect(rows.credential?.accessKeyId).toBe(ROOT.accessKeyId);
    expect([...rows.buckets.keys()]).toEqual([bucketName, sourceName]);
    expect(counts.d1).toBe(1);
    expect(directory.load(wanted)).toEqual({ credential: rows.credential, buckets: rows.buckets });
    expect(directory.load({ ...wanted, sourceName: bucketName })).toMatchObject({ credential: rows.credential });
    expect(counts.d1).toBe(1);
  });

  it("reads only what is missing", async () => {
    const { directory, counts } = await countedDirectory();
    const [bucketName, sourceName] = [await createBucket(), await createBucket()];
    await directory.load({ bucketName });
    const rows = await directory.load({ bucketName, sourceName, accessKeyId: ROOT.accessKeyId });
    expect([...rows.buckets.keys()]).toEqual([bucketName, sourceName]);
    expect(rows.credential).toBeDefined();
    expect(counts.d1).toBe(2);
    expect(await directory.load({})).toMatchObject({ credential: undefined });
    expect(counts.d1).toBe(2);
  });

  it("reads rows in use again before they expire, so that no later request waits", async () => {
    const { directory, counts, reset } = await countedDirectory();
    const wanted = { accessKeyId: ROOT.accessKeyId, bucketName: await createBucket() };
    await directory.load(wanted);
    reset();
    // Thirty seconds with a request each 100 ms.
    for (let request = 0; request < 300; request++) {
      passMs(100);
      expect(directory.load(wanted)).not.toBeInstanceOf(Promise);
      await settled();
    }
    // Without it: 7 reads of the bucket and 6 of the key, each with every request that arrives meanwhile waiting.
    expect(counts.d1).toBe(9);
  });

  it("makes one call for all requests that find rows old", async () => {
    const { directory, counts, reset } = await countedDirectory();
    const bucketName = await createBucket();
    await directory.load({ bucketName });
    reset();
    passMs(BUCKET_MS * 0.9);
    for (let request = 0; request < 50; request++) expect(directory.load({ bucketName })).not.toBeInstanceOf(Promise);
    await settled();
    expect(counts.d1).toBe(1);
  });

  it("does not read again what no request uses, and keeps nothing longer than its lifetime", async () => {
    const { directory, counts, reset } = await countedDirectory();
    const { name: UserName, key } = await createUser([{ Effect: "Allow", Action: "*", Resource: "*" }]);
    const wanted = { accessKeyId: key.accessKeyId, bucketName: await createBucket() };
    await directory.load(wanted);
    await iam("DeleteAccessKey", { UserName, AccessKeyId: key.accessKeyId });
    reset();
    passMs(TTL_MS * 0.8 - 1);
    expect((await directory.load({ accessKeyId: key.accessKeyId })).credential).toBeDefined();
    await settled();
    expect(counts.d1).toBe(0);
    passMs(TTL_MS * 0.2 + 1);
    expect((await directory.load(wanted)).credential).toBeUndefined();
    expect(counts.d1).toBe(1);
  });

  it("forgets a bucket that it finds gone when it reads its rows again", async () => {
    const { directory } = await countedDirectory();
    const bucketName = await createBucket();
    await directory.load({ bucketName });
    await testEnv.DB.prepare("DELETE FROM buckets WHERE name = ?1").bind(bucketName).run();
    passMs(BUCKET_MS * 0.9);
    expect((await directory.load({ bucketName })).buckets.size).toBe(1);
    await settled();
    expect((await directory.load({ bucketName })).buckets.size).toBe(0);
  });

  it("serves rows until they expire if D1 fails meanwhile, and then the failure", async () => {
    let isDown = false;
    const db = new Proxy(testEnv.DB, {
      get(target, name) {
        if (name === "batch" && isDown) return () => Promise.reject(new Error("D1_ERROR: overloaded"));
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const directory = openDirectory({ db, ttlMs: TTL_MS });
    const bucketName = await createBucket();
    await directory.load({ bucketName });
    isDown = true;
    passMs(BUCKET_MS - 1);
    expect((await directory.load({ bucketName })).buckets.size).toBe(1);
    await settled();
    passMs(1);
    await expect(directory.load({ bucketName })).rejects.toThrow("overloaded");
  });

  it("does not cache rows that were read while this isolate changed something", async () => {
    const { directory, counts } = await countedDirectory();
    const bucketName = await createBucket();
    const reading = directory.load({ bucketName });
    directory.forgetBucket(bucketName);
    expect((await reading).buckets.size).toBe(1);
    await directory.load({ bucketName });
    expect(counts.d1).toBe(2);
  });
});

/** Waits until reads that no request awaits have ended: the local D1 answers within some tasks. */
async function settled(): Promise<void> {
  await testEnv.DB.prepare("SELECT 1").first();
  await testEnv.DB.prepare("SELECT 1").first();
}
