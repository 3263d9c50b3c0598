/** Deleting a bucket during writes to it, from the isolate that deletes it and from one that has it in its cache. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { Grant } from "../../../src/access/authorize.ts";
import type { Bucket } from "../../../src/model/bucket.ts";
import { BucketDeletion } from "../../../src/storage/d1/bucket-deletion.ts";
import { Buckets } from "../../../src/storage/d1/buckets.ts";
import { type Directory, limitBucketTtlMs } from "../../../src/storage/d1/directory.ts";
import { openDirectory } from "../../support/isolate.ts";

const TTL_MS = 500;
// In the Worker only the authorizer makes grants; here the table is tested without it.
const grant = {} as unknown as Grant;
const gone = { code: "NoSuchBucket" };
let made = 0;

async function openIsolate(isOnlyIsolate = false) {
  const directory = openDirectory({ db: env.DB, ttlMs: TTL_MS });
  const find = async (name: string): Promise<Bucket> => {
    const bucket = (await directory.load({ bucketName: name })).buckets.get(name);
    if (bucket === undefined) throw new Error("no bucket");
    return bucket;
  };
  return {
    find,
    buckets: new Buckets(env.DB, directory, TTL_MS),
    deletion: new BucketDeletion({ db: env.DB, directory, bucketTtlMs: TTL_MS, isOnlyIsolate }),
  };
}

type Isolate = Awaited<ReturnType<typeof openIsolate>>;

async function create({ buckets }: Isolate, name: string): Promise<void> {
  const row = await env.DB.prepare("SELECT id FROM accounts WHERE is_root = 1").first<{ id: string }>();
  const bucket = { name, accountId: row?.id ?? "", region: "us-east-1", documents: {}, now: new Date() };
  expect(await buckets.create(grant, bucket)).toEqual({ outcome: "created", id: expect.any(String) });
}

async function newBucket(isolate: Isolate): Promise<string> {
  const name = `bucket-${++made}`;
  await create(isolate, name);
  return name;
}

async function markOf(name: string): Promise<string | null | undefined> {
  return (
    await env.DB.prepare("SELECT deletion FROM buckets WHERE name = ?1").bind(name).first<{ deletion: string | null }>()
  )?.deletion;
}

describe("a bucket that is deleted", () => {
  it("waits at most as long as clients do, however long other rows may be cached", () => {
    expect([0, 5_000, 10_000, 9_999_000].map(limitBucketTtlMs)).toEqual([0, 5_000, 10_000, 10_000]);
  });

  it("is used by no other isolate once it is gone, and a bucket created again is a different one", async () => {
    const [here, elsewhere] = await Promise.all([openIsolate(), openIsolate()]);
    const name = await newBucket(here);
    const before = await elsewhere.find(name);
    const deletion = await here.deletion.begin(grant, await here.find(name));
    expect(await here.deletion.finish(grant, before, deletion)).toBe(true);
    await expect(elsewhere.find(name)).rejects.toThrow("no bucket");
    await create(here, name);
    expect((await elsewhere.find(name)).id).not.toBe(before.id);
    await expect(elsewhere.deletion.confirm(before, "adds")).rejects.toMatchObject(gone);
  });

  it("is not cached while it is being deleted", async () => {
    const [here, elsewhere] = await Promise.all([openIsolate(), openIsolate()]);
    const name = await newBucket(here);
    const bucket = await here.find(name);
    const deleting = here.deletion.begin(grant, bucket);
    await scheduler.wait(TTL_MS / 5);
    expect((await elsewhere.find(name)).isBeingDeleted).toBe(true);
    expect(await here.deletion.finish(grant, bucket, await deleting)).toBe(true);
    await expect(elsewhere.find(name)).rejects.toThrow("no bucket");
  });

  it("stays if a write that has seen the mark is confirmed first, and the deletion can begin again", async () => {
    const [here, elsewhere] = await Promise.all([openIsolate(), openIsolate()]);
    const name = await newBucket(here);
    const bucket = await here.find(name);
    const deletion = await here.deletion.begin(grant, bucket);
    const seen = await elsewhere.find(name);
    await elsewhere.deletion.confirm(seen, "adds-nothing");
    expect(await markOf(name)).toBe(deletion);
    await elsewhere.deletion.confirm(seen, "adds");
    expect(await here.deletion.finish(grant, bucket, deletion)).toBe(false);
    expect(await here.deletion.finish(grant, bucket, await here.deletion.begin(grant, bucket))).toBe(true);
  });

  it("is NoSuchBucket for a write that took longer than rows are cached, without a query for other writes", async () => {
    const [here, elsewhere] = await Promise.all([openIsolate(), openIsolate()]);
    const name = await newBucket(here);
    const bucket = await elsewhere.find(name);
    await elsewhere.deletion.confirm(bucket, "adds");
    const deletion = await here.deletion.begin(grant, await here.find(name));
    await here.deletion.finish(grant, bucket, deletion);
    for (const effect of ["adds", "adds-nothing"] as const) {
      await expect(elsewhere.deletion.confirm(bucket, effect)).rejects.toMatchObject(gone);
    }
    const unasked = new BucketDeletion({
      db: {} as D1Database,
      directory: {} as Directory,
      bucketTtlMs: TTL_MS,
      isOnlyIsolate: false,
    });
    await unasked.confirm({ ...bucket, readAt: new Date() }, "adds");
  });

  it("is queried from time to time by a request that writes for long", async () => {
    const here = await openIsolate();
    const name = await newBucket(here);
    const bucket = { ...(await here.find(name)), readAt: new Date(0) };
    let queries = 0;
    const db = new Proxy(env.DB, {
      get(target, property) {
        if (property === "batch") queries++;
        const value: unknown = Reflect.get(target, property);
        return typeof value === "function" ? value.bind(target) : value;
      },
    });
    const options = { directory: {} as Directory, bucketTtlMs: 60_000, isOnlyIsolate: false };
    const deletion = new BucketDeletion({ db, ...options });
    for (let write = 0; write < 20; write++) await deletion.confirm(bucket, write % 2 === 0 ? "adds" : "adds-nothing");
    expect(queries).toBe(1);
    // A bucket that is being deleted is queried each time, until a write has kept it.
    const seen = { ...bucket, isBeingDeleted: true };
    const mark = await here.deletion.begin(grant, bucket);
    for (let write = 0; write < 3; write++) await deletion.confirm(seen, "adds-nothing");
    expect(queries).toBe(4);
    for (let write = 0; write < 3; write++) await deletion.confirm(seen, "adds");
    expect([queries, await here.deletion.finish(grant, bucket, mark)]).toEqual([5, false]);
  });

  it("is deleted once by two requests at the same time", async () => {
    const [here, elsewhere] = await Promise.all([openIsolate(), openIsolate()]);
    const name = await newBucket(here);
    const bucket = await here.find(name);
    const [first, second] = await Promise.all([
      here.deletion.begin(grant, bucket),
      elsewhere.deletion.begin(grant, bucket),
    ]);
    expect(first).toBe(second);
    expect(await here.deletion.finish(grant, bucket, first)).toBe(true);
    await expect(elsewhere.deletion.finish(grant, bucket, second)).rejects.toMatchObject(gone);
    await expect(elsewhere.deletion.begin(grant, bucket)).rejects.toMatchObject(gone);
  });

  it("is unchanged after a deletion that was cancelled, and after one that was interrupted", async () => {
    const here = await openIsolate(true);
    const name = await newBucket(here);
    const bucket = await here.find(name);
    await here.deletion.cancel(grant, bucket, await here.deletion.begin(grant, bucket));
    expect((await here.find(name)).isBeingDeleted).toBe(false);

    const cutShort = await here.deletion.begin(grant, bucket);
    await env.DB.prepare("UPDATE buckets SET deleting_since = deleting_since - 60000 WHERE name = ?1").bind(name).run();
    expect((await here.find(name)).isBeingDeleted).toBe(false);
    // A deletion that was interrupted and then resumes must not finish, since its mark is not valid any more.
    expect(await here.deletion.finish(grant, bucket, cutShort)).toBe(false);
    const anew = await here.deletion.begin(grant, bucket);
    expect(anew).not.toBe(cutShort);
    expect(await here.deletion.finish(grant, bucket, anew)).toBe(true);
  });

  it("needs no wait if the isolate that deletes it is the only one", async () => {
    const here = await openIsolate(true);
    const name = await newBucket(here);
    const bucket = await here.find(name);
    const deletion = await here.deletion.begin(grant, bucket);
    await here.deletion.confirm({ ...bucket, readAt: new Date() }, "adds");
    expect(await here.deletion.finish(grant, bucket, deletion)).toBe(false);
  });
});
