import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { Annotations } from "../../../src/storage/r2/annotations.ts";
import { Objects } from "../../../src/storage/r2/objects.ts";
import { BlobSetRecords } from "../../../src/storage/uploads/blob-set-records.ts";
import { BlobSets } from "../../../src/storage/uploads/blob-sets.ts";
import { attributes, bodyOf, newTicket, objects, testBucket, textOf } from "../../support/storage.ts";
import {
  blobKeys,
  blobSets,
  complete,
  completeUpload,
  createUpload,
  filled,
  GRACE_MS,
  MIB,
  stores,
  sweep,
  sweepFully,
  uploadParts,
  uploads,
} from "../../support/uploads.ts";

const CRC = { algorithm: "CRC32", value: "AAAAAA==", type: "FULL_OBJECT" } as const;
const LARGE = filled(2 * MIB, 7);

async function putManifest(bucket: GrantedBucket, key: string): Promise<void> {
  await objects.put(bucket, key, bodyOf(LARGE, CRC), attributes());
}

async function copy(bucket: GrantedBucket, from: string, to: string): Promise<void> {
  const opened = await objects.open(bucket, { key: from }, undefined);
  if (opened === undefined) throw new Error("no source");
  await objects.copy(opened, { bucket, key: to }, attributes());
}

async function isWhole(bucket: GrantedBucket, key: string): Promise<boolean> {
  const opened = await objects.open(bucket, { key }, undefined);
  if (opened === undefined) return false;
  const bytes = await new Response(await opened.body()).arrayBuffer();
  return bytes.byteLength === opened.object.sizeBytes;
}

describe("garbage", () => {
  it("is removed after overwriting, deletion, abortion and crashes, and nothing in use ever is", async () => {
    const bucket = testBucket();
    await putManifest(bucket, "kept");
    await completeUpload(bucket, "kept-upload", [5 * MIB, 10]);
    await putManifest(bucket, "overwritten");
    await objects.put(bucket, "overwritten", bodyOf("small"), attributes());
    await completeUpload(bucket, "deleted", [10]);
    await objects.delete(bucket, ["deleted"]);
    const aborted = await createUpload(bucket, "aborted");
    await uploadParts(bucket, "aborted", aborted, [10]);
    await uploads.abort({ bucket, key: "aborted", uploadId: aborted });
    // A write that died between the blob and the entry, and one that died before it recorded its part.
    await env.STORE.put(`~b/${"0".repeat(27)}/1`, "orphan", { customMetadata: { entry: `${bucket.id}/never` } });
    const open = await createUpload(bucket, "open");
    await uploadParts(bucket, "open", open, [10]);

    await sweepFully();

    expect(await isWhole(bucket, "kept")).toBe(true);
    expect(await isWhole(bucket, "kept-upload")).toBe(true);
    const sets = new Set((await blobKeys()).map((key) => key.split("/")[1]));
    expect(sets.size).toBe(3);
    expect([...sets].some((set) => set !== undefined && open.startsWith(set))).toBe(true);
  });

  it("is kept for the grace period, counted from when it was found dead", async () => {
    const bucket = testBucket();
    const before = (await blobKeys()).length;
    await putManifest(bucket, "k");
    const reader = await objects.open(bucket, { key: "k" }, undefined);
    await objects.delete(bucket, ["k"]);
    await sweep(0.5 * GRACE_MS);
    await sweep(1.5 * GRACE_MS);
    await sweep(2.4 * GRACE_MS);
    expect(await blobKeys()).toHaveLength(before + 1);
    expect((await new Response(await reader?.body()).arrayBuffer()).byteLength).toBe(LARGE.byteLength);
    await sweep(2.6 * GRACE_MS);
    expect(await blobKeys()).toHaveLength(before);
  });

  it("is not garbage while a copy names it, whichever of the two is deleted first", async () => {
    const bucket = testBucket();
    for (const [gone, left] of [
      ["source", "target"],
      ["target", "source"],
    ] as const) {
      await completeUpload(bucket, "source", [5 * MIB, 10]);
      await copy(bucket, "source", "target");
      await copy(bucket, "target", "third");
      await objects.delete(bucket, [gone, "third"]);
      await sweepFully();
      expect(await isWhole(bucket, left)).toBe(true);
      await objects.delete(bucket, [left]);
    }
    await sweepFully();
    expect(await textOf(bucket, "source")).toBeUndefined();
  });

  it("never loses a copy to a sweep at the same time", async () => {
    const bucket = testBucket();
    // Found dead in the past, due for removal at the very time of the copy.
    const late = 4 * GRACE_MS;
    const lateObjects = new Objects(stores, new BlobSets(env.UPLOADS, () => Date.now() + late));
    const outcomes = new Set<boolean>();
    for (let round = 0; round < 12; round++) {
      await putManifest(bucket, "source");
      const source = await lateObjects.open(bucket, { key: "source" }, undefined);
      if (source === undefined) throw new Error("no source");
      await objects.delete(bucket, ["source"]);
      await sweep(2 * GRACE_MS);
      const copying = () =>
        lateObjects.copy(source, { bucket, key: "target", attributes: attributes(), ticket: newTicket() }).then(
          () => true,
          () => false,
        );
      const [isCopied] = await (round % 2 === 0
        ? Promise.all([copying(), sweep(late)])
        : Promise.all([sweep(late).then(copying, copying), sweep(late)]));
      outcomes.add(isCopied);
      await sweep(late + GRACE_MS / 2);
      expect(await isWhole(bucket, "target")).toBe(isCopied);
      await objects.delete(bucket, ["target"]);
    }
    expect(outcomes.has(true)).toBe(true);
  });

  it("of a completed upload, a stray part, is removed too while the object stays", async () => {
    const bucket = testBucket();
    const uploadId = await createUpload(bucket, "k");
    const request = await uploadParts(bucket, "k", uploadId, [10]);
    const stray = `~b/${uploadId.slice(0, 27)}/9.straystr`;
    await env.STORE.put(stray, "never recorded");
    await complete(bucket, "k", uploadId, request);
    await sweepFully();
    expect(await env.STORE.head(stray)).toBeNull();
    expect(await isWhole(bucket, "k")).toBe(true);
  });

  it("that is being removed accepts no new reference", async () => {
    const bucket = testBucket();
    await putManifest(bucket, "k");
    const opened = await objects.open(bucket, { key: "k" }, undefined);
    const blobSetId = (await opened?.manifest())?.b ?? "";
    await runInDurableObject(blobSets.of(blobSetId), (_instance, state) => {
      new BlobSetRecords(state.storage).setDying();
    });
    expect(await blobSets.addReference(blobSetId, { region: "us-east-1", entry: `${bucket.id}/copy` })).toBe(false);
    await expect(copy(bucket, "k", "copy")).rejects.toMatchObject({ code: "SlowDown" });
    expect(await objects.head(bucket, { key: "copy" })).toBeUndefined();
  });
});

describe("annotations", () => {
  const annotations = new Annotations(stores, new Objects(stores, new BlobSets(env.UPLOADS)));
  const annotate = (bucket: GrantedBucket, name: string, versionId?: string) =>
    annotations.put(
      { bucket, key: "k", versionId, ticket: newTicket() },
      { name, body: bodyOf(name), check: () => {}, keyOf: async () => undefined },
    );
  const put = (bucket: GrantedBucket, body: string) => objects.put(bucket, "k", bodyOf(body), attributes());
  const namesOf = async (bucket: GrantedBucket) => {
    const page = await env.STORE.list({ prefix: "~b/", include: ["customMetadata"] });
    const own = page.objects.filter(
      ({ key, customMetadata }) => key.includes("/a.") && customMetadata?.entry?.startsWith(bucket.id),
    );
    return own.map(({ key }) => key.slice(key.indexOf("/a.") + 3));
  };

  it("are removed after the object was overwritten or deleted, and kept while it exists", async () => {
    const bucket = testBucket();
    await put(bucket, "one");
    await annotate(bucket, "of one");
    await sweepFully();
    expect(await namesOf(bucket)).toEqual(["of one"]);
    await put(bucket, "two");
    await annotate(bucket, "of two");
    await sweepFully();
    expect(await namesOf(bucket)).toEqual(["of two"]);
    await objects.setTags(bucket, "k", [{ key: "a", value: "b" }]);
    await sweepFully();
    expect(await namesOf(bucket)).toEqual(["of two"]);
    await objects.delete(bucket, ["k"]);
    await sweepFully();
    expect(await namesOf(bucket)).toEqual([]);
  });

  it("of an object uploaded in parts are kept, and so are its parts", async () => {
    const bucket = testBucket();
    await completeUpload(bucket, "k", [5 * MIB, 10]);
    await annotate(bucket, "of parts");
    await sweepFully();
    expect([await namesOf(bucket), await isWhole(bucket, "k")]).toEqual([["of parts"], true]);
    await objects.delete(bucket, ["k"]);
  });

  it("of versions are kept with them, wherever they are, and removed once they are deleted", async () => {
    const { id } = testBucket();
    const bucket = testBucket({ id, versioning: "Enabled" });
    const store = new Objects(stores, new BlobSets(env.UPLOADS));
    const first = await put(bucket, "one");
    await annotate(bucket, "of one");
    const second = await put(bucket, "two");
    await annotate(bucket, "of two");
    await put(bucket, "three");
    await annotate(bucket, "late", second.versionId);
    await sweepFully();
    expect((await namesOf(bucket)).sort()).toEqual(["late", "of one", "of two"]);
    const remove = (versionId = "") =>
      store.removeVersion({ bucket, key: "k", versionId, ticket: newTicket() }, { bypassesGovernance: false });
    await remove(second.versionId);
    await sweepFully();
    expect(await namesOf(bucket)).toEqual(["of one"]);
    await remove((await objects.head(bucket, { key: "k" }))?.versionId);
    await sweepFully();
    expect(await namesOf(bucket)).toEqual(["of one"]);
    await remove(first.versionId);
    await sweepFully();
    expect(await namesOf(bucket)).toEqual([]);
  });
});
