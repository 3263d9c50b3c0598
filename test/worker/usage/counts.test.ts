/** What is counted, compared with buckets of known contents; resumed steps, fairness, bounded calls, and a crash at every call. */
import { env } from "cloudflare:workers";
import { beforeEach, describe, expect, it } from "vitest";
import { DAY_MS, HISTORY_DAYS } from "../../../src/model/usage.ts";
import { createAccount } from "../../support/accounts.ts";
import { copied } from "../../support/copy.ts";
import { countingEnv } from "../../support/counting-env.ts";
import { callsToFail, failingEnv } from "../../support/failing-env.ts";
import { envWith } from "../../support/lifecycle.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { createUpload, noise, putMultipart, putPart } from "../../support/multipart.ts";
import { putObject, send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { askUsage, count, countNothing, figuresOf, makeDue, pagesOf, usageOf } from "../../support/usage.ts";
import { createVersionedBucket, putMarker, putVersion, setVersioning } from "../../support/versions.ts";
import { takeInventories } from "../../support/worker.ts";

keepObjectsInMemory();

const NONE = {
  objects: 0,
  versions: 0,
  deleteMarkers: 0,
  bytes: 0,
  noncurrentBytes: 0,
  openUploads: 0,
  uploadBytes: 0,
};
const NOW = new Date("2140-02-03T04:05:06Z");

beforeEach(countNothing);

async function remove(bucket: string, key: string) {
  expect((await send({ method: "DELETE", bucket, key })).status).toBe(204);
}

describe("the figures of a bucket", () => {
  it("are null before it is counted, and 0 for an empty one", async () => {
    const bucket = await createBucket();
    const before = await usageOf(bucket);
    expect(new Set(Object.values(figuresOf(before)))).toEqual(new Set([null]));
    expect(before.computedAt).toBe(null);
    await count(bucket, { at: NOW });
    const after = await usageOf(bucket);
    expect(figuresOf(after)).toEqual(NONE);
    expect(Date.parse(after.computedAt ?? "") - NOW.getTime()).toBeLessThan(1000);
  });

  it("are of all kinds of objects in a bucket without versions", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "plain", "12345");
    await putObject(bucket, "over", "written once");
    await putObject(bucket, "over", "written");
    await putObject(bucket, "tagged", "1", { headers: { "x-amz-meta-a": "b", "x-amz-tagging": "a=b" } });
    await putObject(bucket, "x".repeat(1024), "long");
    await putObject(bucket, `${"x".repeat(1023)}y`, "longer");
    const parts = [noise(5 * 1024 * 1024), noise(100)];
    await putMultipart({ bucket, key: "parts" }, parts);
    await copied({ bucket, key: "copy" }, `/${bucket}/parts`);
    await putObject(bucket, "deleted", "deleted");
    await remove(bucket, "deleted");
    const large = 5 * 1024 * 1024 + 100;
    await count(bucket);
    expect(figuresOf(await usageOf(bucket))).toEqual({
      ...NONE,
      objects: 7,
      bytes: 5 + 7 + 1 + 4 + 6 + 2 * large,
    });
  });

  it("distinguish noncurrent versions and delete markers from objects", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "null", "before versioning");
    await putObject(bucket, "kept", "kept");
    await setVersioning(bucket, "Enabled");
    await putVersion(bucket, "null", "now");
    await putVersion(bucket, "a", "1");
    await putVersion(bucket, "a", "22");
    await putVersion(bucket, "a", "333");
    await putVersion(bucket, "marked", "4444");
    await putMarker(bucket, "marked");
    await putMarker(bucket, "marked");
    const id = await putVersion(bucket, "b", "55555");
    await putVersion(bucket, "b", "666666");
    expect((await send({ method: "DELETE", bucket, key: "b", query: `versionId=${id}` })).status).toBe(204);
    const expected = {
      ...NONE,
      objects: 4,
      bytes: "now".length + 3 + 6 + "kept".length,
      versions: 4,
      noncurrentBytes: "before versioning".length + 1 + 2 + 4,
      deleteMarkers: 2,
    };
    await count(bucket);
    expect(figuresOf(await usageOf(bucket))).toEqual(expected);
    await setVersioning(bucket, "Suspended");
    await count(bucket);
    expect(figuresOf(await usageOf(bucket))).toEqual(expected);
  });

  it("contain open uploads with the bytes of their parts, and no ended ones", async () => {
    const bucket = await createBucket();
    const open = { bucket, key: "open" };
    const uploadId = await createUpload(open);
    await putPart(open, uploadId, 1, noise(1000));
    await putPart(open, uploadId, 1, noise(700));
    await putPart(open, uploadId, 2, noise(50));
    await createUpload({ bucket, key: "empty" });
    const aborted = { bucket, key: "aborted" };
    const abortedId = await createUpload(aborted);
    await putPart(aborted, abortedId, 1, noise(9));
    expect((await send({ method: "DELETE", ...aborted, query: `uploadId=${abortedId}` })).status).toBe(204);
    await count(bucket);
    expect(figuresOf(await usageOf(bucket))).toEqual({ ...NONE, openUploads: 2, uploadBytes: 750 });
  });

  it("contain uploads that were begun after the time of the run and before its count", async () => {
    const bucket = await createBucket();
    const target = { bucket, key: "k" };
    await putPart(target, await createUpload(target), 1, noise(1000));
    await count(bucket, { at: new Date(Date.now() - 60_000) });
    expect(figuresOf(await usageOf(bucket))).toEqual({ ...NONE, openUploads: 1, uploadBytes: 1000 });
  });
});

describe("a count of several steps", () => {
  const SMALL = envWith({ LIFECYCLE_CALLS: "100" });

  /** A bucket of 200 keys, put past the Worker. */
  async function filled(): Promise<string> {
    const bucket = await createBucket();
    const id = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<string>("id");
    const names = Array.from({ length: 200 }, (_, index) => `k${String(index).padStart(5, "0")}`);
    await Promise.all(names.map((name) => env.STORE.put(`${id}/${name}`, "xy")));
    return bucket;
  }

  it("continues where the last one ended, within the calls of a run", async () => {
    const bucket = await filled();
    const counting = countingEnv(SMALL);
    await makeDue(bucket);
    for (let run = 0; run < 3; run++) {
      counting.reset();
      await takeInventories(pagesOf(1, counting.env), new Date(NOW.getTime() + run));
      const { r2, d1, durableObject } = counting.counts;
      expect(r2 + d1 + durableObject).toBeLessThanOrEqual(100);
    }
    expect(figuresOf(await usageOf(bucket))).toEqual({ ...NONE, objects: 200, bytes: 400 });
  });

  it("of versions continues within the versions of a key", async () => {
    const bucket = await createVersionedBucket();
    const rest = ["b", "c", "d"].map(async (key) => {
      for (let index = 0; index < 15; index++) await putVersion(bucket, key, "y");
    });
    for (let index = 0; index < 15; index++) await putVersion(bucket, "a", "x");
    await Promise.all(rest);
    const runs = await count(bucket, { at: NOW, with: pagesOf(1, SMALL) });
    expect(runs).toBeGreaterThan(1);
    const { objects, versions, bytes, noncurrentBytes } = await usageOf(bucket);
    expect({ objects, versions, bytes, noncurrentBytes }).toEqual({
      objects: 4,
      versions: 56,
      bytes: 4,
      noncurrentBytes: 56,
    });
  });

  it("of uploads continues behind the last one", async () => {
    const bucket = await createBucket();
    for (let index = 0; index < 7; index++) {
      const target = { bucket, key: `k${index % 3}` };
      await putPart(target, await createUpload(target), 1, noise(10));
    }
    const others = await Promise.all(Array.from({ length: 30 }, () => createBucket()));
    for (const other of others) await makeDue(other);
    const counting = countingEnv(SMALL);
    await count(bucket, { with: counting.env });
    expect(figuresOf(await usageOf(bucket))).toEqual({ ...NONE, openUploads: 7, uploadBytes: 70 });
  });

  it("begins again if versioning was enabled meanwhile", async () => {
    const bucket = await filled();
    await makeDue(bucket);
    await takeInventories(pagesOf(1, SMALL), NOW);
    await setVersioning(bucket, "Enabled");
    await putVersion(bucket, "k00000", "new");
    await count(bucket, { at: NOW });
    const { objects, versions, bytes } = await usageOf(bucket);
    expect({ objects, versions, bytes }).toEqual({ objects: 200, versions: 1, bytes: 401 });
  });

  it("does not hold up small buckets", async () => {
    const [large, small] = [await filled(), await createBucket()];
    await putObject(small, "k", "content");
    await makeDue(large);
    await takeInventories(pagesOf(1, SMALL), NOW);
    expect((await usageOf(large)).computedAt).toBe(null);
    await makeDue(small);
    await takeInventories(pagesOf(1, SMALL), new Date(NOW.getTime() + 1000));
    expect(figuresOf(await usageOf(small))).toEqual({ ...NONE, objects: 1, bytes: 7 });
  });
});

describe("a run", () => {
  it("counts many small buckets with two D1 calls for fifty of them, and one more and an R2 call for each", async () => {
    const buckets = await Promise.all(Array.from({ length: 20 }, () => createBucket()));
    for (const bucket of buckets) await makeDue(bucket);
    const { env: counted, counts } = countingEnv(testEnv);
    await takeInventories(counted, NOW);
    // The rows of inventories, of the round, and of the next one, in which nothing is due.
    expect(counts).toEqual({ r2: 20, d1: 1 + 2 + 20 + 1, durableObject: 0, queue: 0 });
    for (const bucket of buckets) expect((await usageOf(bucket)).objects).toBe(0);
  });

  it("counts nothing that is not due", async () => {
    await createBucket();
    await countNothing();
    const { env: counted, counts } = countingEnv(testEnv);
    await takeInventories(counted, NOW);
    expect(counts).toEqual({ r2: 0, d1: 2, durableObject: 0, queue: 0 });
  });

  it("counts the other buckets if one fails, and that one later", async () => {
    const [broken, whole] = [await createBucket(), await createBucket()];
    await putObject(whole, "k", "content");
    await env.DB.prepare("UPDATE buckets SET region = 'nowhere-1' WHERE name = ?1").bind(broken).run();
    await makeDue(broken);
    await makeDue(whole);
    await takeInventories(testEnv, NOW);
    expect((await usageOf(whole)).objects).toBe(1);
    expect((await usageOf(broken)).computedAt).toBe(null);
    const due = await env.DB.prepare("SELECT usage_due AS due FROM buckets WHERE name = ?1").bind(broken).first("due");
    expect(due).toBe(NOW.getTime() + 600_000);
  });

  it("of which any call fails leaves figures that the next runs complete", async () => {
    const run = async (at: number | undefined, when: "before" | "after", lasting: "once" | "permanently") => {
      await countNothing();
      const bucket = await createVersionedBucket();
      await putVersion(bucket, "a", "1");
      await putVersion(bucket, "a", "22");
      const target = { bucket, key: "u" };
      await putPart(target, await createUpload(target), 1, noise(10));
      await makeDue(bucket);
      const failing = failingEnv(pagesOf(1), at === undefined ? undefined : { at, when, lasting });
      await takeInventories(failing.env, NOW).catch(() => undefined);
      // What has failed has its turn ten minutes later.
      for (const minutes of [15, 30]) await takeInventories(testEnv, new Date(NOW.getTime() + minutes * 60_000));
      return { calls: failing.calls(), figures: figuresOf(await usageOf(bucket)) };
    };
    const expected = {
      ...NONE,
      objects: 1,
      bytes: 2,
      versions: 1,
      noncurrentBytes: 1,
      openUploads: 1,
      uploadBytes: 10,
    };
    for (const when of ["before", "after"] as const) {
      for (const lasting of ["once", "permanently"] as const) {
        const { calls, figures } = await run(undefined, when, lasting);
        expect(figures).toEqual(expected);
        expect(calls).toBeGreaterThan(5);
        for (const at of callsToFail(calls, { when, lasting })) {
          expect([at, (await run(at, when, lasting)).figures]).toEqual([at, expected]);
        }
      }
    }
  });

  it("counts a step once if two runs make it", async () => {
    const bucket = await createBucket();
    await putObject(bucket, "k", "content");
    await makeDue(bucket);
    await Promise.all([takeInventories(testEnv, NOW), takeInventories(testEnv, NOW)]);
    expect(figuresOf(await usageOf(bucket))).toEqual({ ...NONE, objects: 1, bytes: 7 });
  });
});

describe("when a bucket is counted again", () => {
  const dueAfter = async (bucket: string, at: Date) => {
    await takeInventories(testEnv, at);
    const due = await env.DB.prepare("SELECT usage_due AS due FROM buckets WHERE name = ?1").bind(bucket).first("due");
    return Math.round((Number(due) - at.getTime()) / 60_000);
  };

  it("a new one soon, then less often, and each at least once in a day", async () => {
    const bucket = await createBucket();
    await makeDue(bucket);
    const pauses: number[] = [];
    let at = NOW;
    for (let turn = 0; turn < 12; turn++) {
      const minutes = await dueAfter(bucket, at);
      pauses.push(minutes);
      at = new Date(at.getTime() + minutes * 60_000);
    }
    expect(pauses.slice(0, 4)).toEqual([12, 24, 48, 96]);
    expect(Math.max(...pauses)).toBe(23 * 60);
    await putObject(bucket, "k", "content");
    expect(await dueAfter(bucket, at)).toBe(6 * 60);
  });
});

describe("the history of a bucket", () => {
  const historyOf = async (bucket: string, at: Date) => {
    await countNothing();
    const answer = await env.DB.prepare(
      `SELECT day, objects, bytes FROM usage_history WHERE bucket_id = (SELECT id FROM buckets WHERE name = ?1)`,
    )
      .bind(bucket)
      .all();
    return { rows: answer.results, today: Math.floor(at.getTime() / DAY_MS) };
  };

  it("has a row for each day on which something has changed, the last of the day, for 400 days", async () => {
    const bucket = await createBucket();
    const day = (days: number, hour = 0) => new Date(NOW.getTime() + days * DAY_MS + hour * 3_600_000);
    await count(bucket, { at: day(0) });
    await putObject(bucket, "a", "1");
    await count(bucket, { at: day(0, 2) });
    await count(bucket, { at: day(1) });
    await putObject(bucket, "b", "22");
    await count(bucket, { at: day(2) });
    const { rows, today } = await historyOf(bucket, NOW);
    expect(rows).toEqual([
      { day: today, objects: 1, bytes: 1 },
      { day: today + 2, objects: 2, bytes: 3 },
    ]);
    await putObject(bucket, "c", "333");
    await count(bucket, { at: day(HISTORY_DAYS + 1) });
    // The one before the first day that is kept says what there was then.
    expect((await historyOf(bucket, NOW)).rows.map(({ day: each }) => Number(each) - today)).toEqual([
      2,
      HISTORY_DAYS + 1,
    ]);
  });

  it("is shown for each day up to today", async () => {
    const bucket = await createBucket();
    const at = (days: number) => new Date(Date.now() + days * DAY_MS);
    await count(bucket, { at: at(-3) });
    await putObject(bucket, "a", "1");
    await count(bucket, { at: at(-1) });
    const answer = await askUsage(undefined, { key: "admin/usage/history", query: `bucket=${bucket}` });
    const { history } = (await answer.json()) as { history: Record<string, unknown>[] };
    const date = (days: number) => at(days).toISOString().slice(0, 10);
    expect(history).toEqual([
      { date: date(-3), objects: 0, bytes: 0, noncurrentBytes: 0 },
      { date: date(-2), objects: 0, bytes: 0, noncurrentBytes: 0 },
      { date: date(-1), objects: 1, bytes: 1, noncurrentBytes: 0 },
      { date: date(0), objects: 1, bytes: 1, noncurrentBytes: 0 },
    ]);
  });

  it("is deleted with the bucket, as its figures are", async () => {
    const bucket = await createBucket();
    await count(bucket);
    const id = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first("id");
    const answer = await send({ method: "DELETE", bucket });
    expect(answer.status).toBe(204);
    for (const table of ["bucket_usage", "usage_history"]) {
      const left = await env.DB.prepare(`SELECT count(*) AS n FROM ${table} WHERE bucket_id = ?1`).bind(id).first("n");
      expect([table, left]).toEqual([table, 0]);
    }
  });
});

describe("sums of accounts", () => {
  it("are of the buckets that were counted", async () => {
    const account = await createAccount();
    const [first, second] = [await createBucket({ key: account }), await createBucket({ key: account })];
    await createBucket({ key: account });
    await countNothing();
    await putObject(first, "a", "1", { as: account });
    await putObject(second, "b", "22", { as: account });
    await count(first);
    await count(second);
    const answer = await (await askUsage(`account=${account.accountId}`)).json();
    expect(answer).toMatchObject({
      accounts: [{ accountId: account.accountId, buckets: 3, uncounted: 1, objects: 2, bytes: 3 }],
    });
  });
});
