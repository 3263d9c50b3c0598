/** Blob sets live exactly as long as a version names them, wherever the version is when a sweep looks. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { newWriteId } from "../../../src/model/random-ids.ts";
import { NULL_VERSION_ID, newVersionToken } from "../../../src/model/version.ts";
import { entryKey } from "../../../src/storage/r2/entry-place.ts";
import { encodeRecord } from "../../../src/storage/r2/entry-record.ts";
import { Objects } from "../../../src/storage/r2/objects.ts";
import { BlobSet } from "../../../src/storage/uploads/blob-set.ts";
import { findNaming, searchPlainly } from "../../../src/storage/uploads/naming-versions.ts";
import { recordsOfKey } from "../../../src/storage/versions/record-key.ts";
import { versionsInR2 } from "../../support/dying-upload.ts";
import { attributes, bodyOf, newTicket, objects, testBucket } from "../../support/storage.ts";
import {
  blobKeys,
  blobSets,
  completeUpload,
  filled,
  GRACE_MS,
  MIB,
  stores,
  sweepFully,
} from "../../support/uploads.ts";

const CRC = { algorithm: "CRC32", value: "AAAAAA==", type: "FULL_OBJECT" } as const;
const LARGE = MIB + 1;
const store = new Objects(stores, blobSets);
const enabled = (id?: string) => testBucket({ versioning: "Enabled", ...(id !== undefined && { id }) });
const VERSION = { isNull: false, isMarker: false };

/** Each large object has other bytes. */
let seed = 0;

async function putLarge(bucket: GrantedBucket, key = "k"): Promise<string> {
  seed = (seed + 1) % 250;
  const { versionId = "" } = await objects.put(bucket, key, bodyOf(filled(LARGE, seed), CRC), attributes());
  return versionId;
}

const putSmall = async (bucket: GrantedBucket, key = "k") =>
  (await objects.put(bucket, key, bodyOf("small"), attributes())).versionId ?? "";

const removeVersion = (bucket: GrantedBucket, versionId: string, key = "k") =>
  store.removeVersion({ bucket, key, versionId, ticket: newTicket() }, { bypassesGovernance: false });

const putMarker = (bucket: GrantedBucket, key = "k") => store.remove({ bucket, key, ticket: newTicket() });

/** Whether all bytes of a version can be read. */
async function isWhole(bucket: GrantedBucket, versionId?: string, key = "k"): Promise<boolean> {
  const opened = await store.open(bucket, { key, versionId }, undefined);
  if (opened === undefined) return false;
  const bytes = await new Response(await opened.body()).arrayBuffer();
  return bytes.byteLength === opened.object.sizeBytes;
}

async function copyVersion(bucket: GrantedBucket, versionId: string, to: string): Promise<string> {
  const opened = await store.open(bucket, { key: "k", versionId }, undefined);
  if (opened === undefined) throw new Error("no source");
  const { versionId: made = "" } = await objects.copy(opened, { bucket, key: to }, attributes());
  return made;
}

async function setsOf(bucket: GrantedBucket, key = "k"): Promise<string[]> {
  return (await versionsInR2(bucket, key)).flatMap(({ blobSetId }) => blobSetId ?? []);
}

const storedSets = async () => new Set((await blobKeys()).map((blob) => blob.split("/")[1]));

describe("the blobs of a version", () => {
  it.each([
    ["a key", "k"],
    ["a long key", "long/".repeat(200)],
  ])("stay until it is deleted, at any depth, of %s", async (_name, key) => {
    const bucket = enabled();
    const versions = [await putLarge(bucket, key), await putLarge(bucket, key)];
    versions.push((await completeUpload(bucket, key, [10])).versionId ?? "", await putLarge(bucket, key));
    await putSmall(bucket, key);
    await putMarker(bucket, key);
    await sweepFully();
    for (const versionId of versions) expect(await isWhole(bucket, versionId, key)).toBe(true);
    const sets = await setsOf(bucket, key);
    expect(sets).toHaveLength(4);
    await removeVersion(bucket, versions[2] ?? "", key);
    await removeVersion(bucket, versions[0] ?? "", key);
    await sweepFully();
    for (const index of [1, 3]) expect(await isWhole(bucket, versions[index], key)).toBe(true);
    const stored = await storedSets();
    expect(sets.filter((set) => stored.has(set))).toEqual(await setsOf(bucket, key));
  });

  it("go with the null version that the next one replaces", async () => {
    const { id } = testBucket();
    await putLarge(testBucket({ id }));
    const suspended = testBucket({ id, versioning: "Suspended" });
    const [before] = await setsOf(suspended);
    await putLarge(suspended);
    const [kept] = await setsOf(suspended);
    await putSmall(enabled(id));
    await sweepFully();
    expect(await isWhole(suspended, NULL_VERSION_ID)).toBe(true);
    const stored = await storedSets();
    expect([stored.has(before), stored.has(kept)]).toEqual([false, true]);
  });

  it("stay when it becomes current again and is replaced once more", async () => {
    const bucket = enabled();
    const version = await putLarge(bucket);
    await removeVersion(bucket, await putSmall(bucket));
    await sweepFully();
    expect(await isWhole(bucket)).toBe(true);
    await objects.setTags(bucket, "k", [{ key: "a", value: "b" }]);
    await putSmall(bucket);
    await sweepFully();
    expect(await isWhole(bucket, version)).toBe(true);
    const [set] = await setsOf(bucket);
    await removeVersion(bucket, version);
    await sweepFully();
    expect((await storedSets()).has(set)).toBe(false);
  });

  it("stay for its copies, at the same key and others, current or not", async () => {
    const bucket = enabled();
    const original = await putLarge(bucket);
    await putSmall(bucket);
    const restored = await copyVersion(bucket, original, "k");
    const again = await copyVersion(bucket, original, "k");
    const copied = await copyVersion(bucket, original, "copy");
    const [set] = await setsOf(bucket);
    await putSmall(bucket);
    await putSmall(bucket, "copy");
    for (const [deleted, key] of [
      [original, "k"],
      [again, "k"],
      [copied, "copy"],
    ] as const) {
      await removeVersion(bucket, deleted, key);
      await sweepFully();
      expect(await isWhole(bucket, restored)).toBe(true);
    }
    await removeVersion(bucket, restored);
    await sweepFully();
    expect((await storedSets()).has(set)).toBe(false);
  });

  it("are one set if it was a large object from before versioning", async () => {
    const { id } = testBucket();
    await objects.put(testBucket({ id }), "k", bodyOf(filled(LARGE, 1)), attributes());
    const bucket = enabled(id);
    const newer = await putSmall(bucket);
    await sweepFully();
    expect(await isWhole(bucket, NULL_VERSION_ID)).toBe(true);
    await removeVersion(bucket, newer);
    await objects.setTags(bucket, "k", [{ key: "a", value: "b" }]);
    await sweepFully();
    expect(await isWhole(bucket)).toBe(true);
    const [set] = await setsOf(bucket);
    await removeVersion(bucket, NULL_VERSION_ID);
    await sweepFully();
    expect((await storedSets()).has(set)).toBe(false);
  });

  it("stay if its token is later than the one that was proposed", async () => {
    const bucket = enabled();
    // A writer whose clock is ahead.
    const ahead = newVersionToken(VERSION, { now: new Date(Date.now() + 60_000), replaced: undefined });
    const record = encodeRecord({ w: newWriteId(), V: ahead });
    await env.STORE.put(entryKey(bucket.id, "k"), "ahead", { customMetadata: record });
    const version = await putLarge(bucket);
    expect(version < ahead).toBe(true);
    const { versionId = "" } = await completeUpload(bucket, "k", [10]);
    await putSmall(bucket);
    await sweepFully();
    expect(await isWhole(bucket, version)).toBe(true);
    expect(await isWhole(bucket, versionId)).toBe(true);
  });
});

/** Counts calls, and does something before one of them. */
function counted(before: (call: number) => Promise<unknown> = async () => {}) {
  const calls: string[] = [];
  const proxy = new Proxy(env.STORE, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      if (typeof value !== "function") return value;
      return async (...parameters: unknown[]) => {
        calls.push(String(name));
        await before(calls.length);
        return Reflect.apply(value, target, parameters) as unknown;
      };
    },
  });
  return { calls, proxy };
}

describe("finding the version that names a set", () => {
  /** Noncurrent versions without blobs, as many as the local R2 lists on two pages and more. */
  async function fillRecords(bucket: GrantedBucket, count: number): Promise<void> {
    const prefix = recordsOfKey(bucket.id, "k");
    await Promise.all(
      Array.from({ length: count }, (_, index) => {
        const V = newVersionToken(VERSION, { now: new Date(index), replaced: undefined });
        return env.STORE.put(prefix + V, "x", { customMetadata: encodeRecord({ w: newWriteId(), V, k: "k" }) });
      }),
    );
  }

  it("costs two calls for a noncurrent version, however many the key has", async () => {
    const bucket = enabled();
    const version = await putLarge(bucket);
    const [blobSetId = ""] = await setsOf(bucket);
    await putSmall(bucket);
    await putMarker(bucket);
    await fillRecords(bucket, 120);
    const key = { entry: entryKey(bucket.id, "k"), version };
    const { calls, proxy } = counted();
    const { naming, calls: stated } = await searchPlainly(proxy, key, { blobSetId });
    expect(naming?.entry.record.V).toBe(version);
    expect([calls, stated]).toEqual([["head", "head"], 2]);
  });

  it("costs two calls for the version of an upload, of which its Durable Object knows the token", async () => {
    const bucket = enabled();
    const { versionId } = await completeUpload(bucket, "k", [10]);
    const [blobSetId = ""] = await setsOf(bucket);
    await putSmall(bucket);
    await putSmall(bucket);
    await fillRecords(bucket, 120);
    const { calls, proxy } = counted();
    const command = { blobSetId, region: "us-east-1", now: Date.now() + 2 * GRACE_MS, graceMs: GRACE_MS };
    const outcome = await runInDurableObject(blobSets.of(blobSetId), (_instance, state) =>
      new BlobSet(state.storage, new Map([["us-east-1", proxy]])).sweep(command),
    );
    expect(outcome).toBe("alive");
    expect(calls.slice(0, 2)).toEqual(["head", "head"]);
    // After the first sweep of an upload there is nothing to look for in its blobs.
    expect(calls.filter((name) => name === "head")).toHaveLength(2);
    expect(versionId).toHaveLength(32);
  });

  it("looks at all versions of the key, and none of another key", async () => {
    const bucket = enabled();
    const version = await putLarge(bucket);
    const [blobSetId = ""] = await setsOf(bucket);
    await putSmall(bucket);
    await putSmall(bucket);
    await fillRecords(bucket, 120);
    const entry = entryKey(bucket.id, "k");
    expect((await findNaming(env.STORE, { entry }, { blobSetId }))?.entry.record.V).toBe(version);
    expect(await findNaming(env.STORE, { entry: `${entry}2` }, { blobSetId })).toBeUndefined();
    await removeVersion(bucket, version);
    expect(await findNaming(env.STORE, { entry }, { blobSetId })).toBeUndefined();
  });

  /** One more version, or none but this one. */
  const replace = (bucket: GrantedBucket) => putSmall(bucket);
  const restore = async (bucket: GrantedBucket, version: string) => {
    for (const { token } of await versionsInR2(bucket, "k")) {
      if (token === version) return;
      await removeVersion(bucket, token);
    }
  };

  it.each([
    ["is replaced", { isCurrent: true, steps: [replace] }],
    ["becomes current", { isCurrent: false, steps: [restore] }],
    ["is replaced and becomes current again", { isCurrent: true, steps: [replace, restore] }],
    ["becomes current and is replaced again", { isCurrent: false, steps: [restore, replace] }],
  ])("misses none that %s meanwhile", { timeout: 60_000 }, async (_name, { isCurrent, steps }) => {
    const last = steps.length === 1 ? 1 : 4;
    for (
      let [first, second] = [1, 1];
      first <= 4;
      [first, second] = second < last ? [first, second + 1] : [first + 1, 1]
    ) {
      const bucket = enabled();
      const version = await putLarge(bucket);
      const [blobSetId = ""] = await setsOf(bucket);
      if (!isCurrent) await putSmall(bucket);
      // Before which of the calls the steps come.
      const at = [first, first + second - 1];
      const { proxy } = counted(async (call) => {
        for (const [index, step] of steps.entries()) if (at[index] === call) await step(bucket, version);
      });
      const key = { entry: entryKey(bucket.id, "k"), ...(first % 2 === 0 && { version }) };
      expect(await findNaming(proxy, key, { blobSetId }), JSON.stringify(at)).toBeDefined();
    }
  });

  it("does not miss a current one whose record is the stub of a removal that was refused", async () => {
    const bucket = enabled();
    const version = await putLarge(bucket);
    const [blobSetId = ""] = await setsOf(bucket);
    await putSmall(bucket);
    const { proxy } = counted(async (call) => {
      if (call !== 2) return;
      await restore(bucket, version);
      await objects.setTags(bucket, "k", [{ key: "a", value: "b" }]);
      const stub = encodeRecord({ w: "", t: 1, V: version, R: 0, k: "k" });
      await env.STORE.put(recordsOfKey(bucket.id, "k") + version, "stub", { customMetadata: stub });
    });
    const key = { entry: entryKey(bucket.id, "k"), version };
    expect((await findNaming(proxy, key, { blobSetId }))?.entry.record.R).toBe(1);
  });
});
