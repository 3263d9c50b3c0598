import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare } from "miniflare";
import { afterEach, beforeEach, expect, it } from "vitest";
import { adoptUnnamedBuckets, localBucketId } from "../../scripts/local-buckets.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "buckets-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const unnamed = { binding: "STORE", bucketName: undefined };
const named = { binding: "STORE", bucketName: "workers-s3-store" };

it("finds the objects of a bucket again that has been given a name", async () => {
  await withBucket(localBucketId(unnamed), (bucket) => bucket.put("key", "stored before"));
  adoptUnnamedBuckets(folder, [named]);
  await withBucket(localBucketId(named), async (bucket) => {
    expect(await (await bucket.get("key"))?.text()).toBe("stored before");
  });
  expect(existsSync(join(folder, "r2/STORE"))).toBe(false);
}, 60_000);

it("moves them where wrangler has opened the named bucket and stored nothing", async () => {
  await withBucket("STORE", (bucket) => bucket.put("key", "stored before"));
  await withBucket("workers-s3-store", (bucket) => bucket.head("key"));
  adoptUnnamedBuckets(folder, [named]);
  await withBucket("workers-s3-store", async (bucket) => {
    expect(await (await bucket.get("key"))?.text()).toBe("stored before");
  });
}, 60_000);

it("does not change what is stored under the name", async () => {
  await withBucket("STORE", (bucket) => bucket.put("key", "old"));
  await withBucket("workers-s3-store", (bucket) => bucket.put("key", "new"));
  const before = tree();
  adoptUnnamedBuckets(folder, [named]);
  expect(tree()).toEqual(before);
}, 60_000);

it("continues where a crash has stopped it", () => {
  const index = (id: string) => join(folder, "r2/miniflare-R2BucketObject", id);
  const ids = {
    STORE: "dfd065c2730249f7faef0b5d871b7abee48edcefa2dda1c9f4083aed48fd64d2",
  };
  mkdirSync(join(folder, "r2/miniflare-R2BucketObject"), { recursive: true });
  mkdirSync(join(folder, "r2/workers-s3-store/blobs"), { recursive: true });
  writeFileSync(join(folder, "r2/workers-s3-store/blobs/1"), "moved already");
  writeFileSync(index(`${ids.STORE}.sqlite`), "index");
  adoptUnnamedBuckets(folder, [named]);
  expect(tree().filter((path) => path.endsWith(".sqlite"))).toHaveLength(1);
  expect(existsSync(index(`${ids.STORE}.sqlite`))).toBe(false);
  expect(readFileSync(join(folder, "r2/workers-s3-store/blobs/1"), "utf8")).toBe("moved already");
});

it("does nothing where nothing is stored, or the bucket has no name", () => {
  adoptUnnamedBuckets(folder, [named, unnamed]);
  expect(tree()).toEqual([]);
});

function tree(): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" }).sort();
}

type Bucket = Awaited<ReturnType<Miniflare["getR2Bucket"]>>;

async function withBucket(id: string, use: (bucket: Bucket) => Promise<unknown>): Promise<void> {
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      modules: true,
      script: "export default { fetch: () => new Response() };",
      compatibilityDate: "2026-11-01",
      r2Buckets: { B: id },
      resourcePersistencePath: folder,
    }),
  );
  try {
    await use(await miniflare.getR2Bucket("B"));
  } finally {
    await miniflare.dispose();
  }
}
