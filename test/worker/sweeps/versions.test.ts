/** The sweep of stubs and replaced null versions, and what is left of deleted buckets that kept versions. */
import { env } from "cloudflare:workers";
import { describe, expect, it } from "vitest";
import { newWriteId } from "../../../src/model/random-ids.ts";
import { SweepCursors } from "../../../src/storage/d1/sweep-state.ts";
import { entryPlace } from "../../../src/storage/r2/entry-place.ts";
import { type EntryRecord, encodeRecord } from "../../../src/storage/r2/entry-record.ts";
import { putBytes } from "../../../src/storage/r2/write.ts";
import { commitVersion } from "../../../src/storage/versions/commit-version.ts";
import { putStub } from "../../../src/storage/versions/delete-version.ts";
import { recordKey, recordPrefix } from "../../../src/storage/versions/record-key.ts";
import { sweepRecords } from "../../../src/storage/versions/sweep-records.ts";
import { sweepVersions } from "../../../src/sweeps/versions.ts";
import { contentMd5 } from "../../support/cors.ts";
import { createLockedBucket } from "../../support/object-lock.ts";
import { send } from "../../support/request.ts";
import { createBucket, testEnv } from "../../support/s3.ts";
import { createVersionedBucket, putMarker, putVersion, setVersioning } from "../../support/versions.ts";
import { runSweeps } from "../../support/worker.ts";

const DAY_MS = 24 * 60 * 60 * 1000;
const inDays = (days: number) => new Date(Date.now() + days * DAY_MS);
/** A pass through the records begins at once. */
async function sweepIn(days: number): Promise<void> {
  await env.DB.prepare("DELETE FROM sweep_cursors").run();
  await runSweeps(testEnv, inDays(days));
}

const LONG = "l".repeat(1000);

async function idOf(bucket: string): Promise<string> {
  const row = await env.DB.prepare("SELECT id FROM buckets WHERE name = ?1").bind(bucket).first<{ id: string }>();
  return row?.id ?? "";
}

async function recordsOf(id: string): Promise<string[]> {
  return (await env.STORE.list({ prefix: recordPrefix(id) })).objects.map(({ key }) => key);
}

const deleteVersion = (bucket: string, key: string, versionId: string) =>
  send({ method: "DELETE", bucket, key, query: `versionId=${versionId}` });

const textOf = async (bucket: string, key: string) => (await send({ bucket, key })).text();

describe("the sweep of versions", () => {
  it.each(["k", "a b!", LONG])("removes a stub a day after the deletion, and no version: %.10s", async (key) => {
    const bucket = await createVersionedBucket();
    const id = await idOf(bucket);
    const first = await putVersion(bucket, key, "1");
    const second = await putVersion(bucket, key, "2");
    await putVersion(bucket, key, "3");
    await deleteVersion(bucket, key, second);
    await sweepIn(0.9);
    expect(await recordsOf(id)).toEqual([recordKey(id, key, second), recordKey(id, key, first)]);
    await sweepIn(1.1);
    expect(await recordsOf(id)).toEqual([recordKey(id, key, first)]);
    expect(await textOf(bucket, key)).toBe("3");
  });

  it("completes a deletion that was interrupted after its stub, and then removes the stub", async () => {
    const bucket = await createVersionedBucket();
    const id = await idOf(bucket);
    await putVersion(bucket, "k", "1");
    const second = await putVersion(bucket, "k", "2");
    const place = entryPlace(env.STORE, { bucketId: id, key: "k", bucketOwnerId: "", versioning: "Enabled" });
    await putStub(place, second, { writeId: "w" });
    expect(await textOf(bucket, "k")).toBe("2");
    await sweepIn(1.1);
    expect(await textOf(bucket, "k")).toBe("1");
    await sweepIn(1.1);
    expect(await recordsOf(id)).not.toContain(recordKey(id, "k", second));
    expect(await textOf(bucket, "k")).toBe("1");
  });

  it("leaves a stub that covers an earlier state of the current version", async () => {
    const bucket = await createVersionedBucket();
    const id = await idOf(bucket);
    const version = await putVersion(bucket, "k", "1");
    const body = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    const tagging = await send({ method: "PUT", bucket, key: "k", query: "tagging", body, headers: contentMd5(body) });
    expect(tagging.status).toBe(200);
    const place = entryPlace(env.STORE, { bucketId: id, key: "k", bucketOwnerId: "", versioning: "Enabled" });
    await putStub(place, version, { writeId: "w", revision: 0 });
    await sweepIn(2);
    expect(await recordsOf(id)).toEqual([recordKey(id, "k", version)]);
    expect(await textOf(bucket, "k")).toBe("1");
  });

  it("removes a null version that another one has replaced, and keeps the one that counts", async () => {
    const bucket = await createBucket();
    const id = await idOf(bucket);
    for (const key of ["replaced", "kept"]) await send({ method: "PUT", bucket, key, body: "null" });
    await setVersioning(bucket, "Enabled");
    for (const key of ["replaced", "kept"]) await putVersion(bucket, key, "1");
    await setVersioning(bucket, "Suspended");
    await send({ method: "PUT", bucket, key: "replaced", body: "later null" });
    expect(await recordsOf(id)).toHaveLength(3);
    await sweepIn(1.1);
    expect(await recordsOf(id)).toHaveLength(2);
    const kept = await send({ bucket, key: "kept", query: "versionId=null" });
    expect(await kept.text()).toBe("null");
    expect(await textOf(bucket, "replaced")).toBe("later null");
  });

  it("leaves a null version that is locked, until the lock has ended", async () => {
    const bucket = await createLockedBucket();
    const id = await idOf(bucket);
    const place = entryPlace(env.STORE, { bucketId: id, key: "k", bucketOwnerId: "", versioning: "Suspended" });
    const putNull = (lock: Partial<EntryRecord> = {}) => {
      const w = newWriteId();
      return commitVersion(place, { writeId: w }, ({ onlyIf, links }) =>
        putBytes(
          place,
          { bytes: new Uint8Array(1) },
          { onlyIf, customMetadata: encodeRecord({ w, ...lock, ...links }) },
        ),
      );
    };
    const { token } = await putNull({ L: ["C", inDays(5).getTime()] });
    await putVersion(bucket, "k", "1");
    await putNull();
    for (const [days, isLeft] of [
      [1.1, true],
      [5.1, false],
    ] as const) {
      await sweepIn(days);
      expect((await recordsOf(id)).includes(recordKey(id, "k", token))).toBe(isLeft);
    }
  });

  it("begins again six hours after it has gone through all records", async () => {
    const sweep = { cursors: new SweepCursors(env.DB), stores: new Map([["here", env.STORE]]), region: "here" };
    const place = entryPlace(env.STORE, { bucketId: "sweptagain00", key: "k", bucketOwnerId: "" });
    const token = `${"0".repeat(9)}v${"0".repeat(22)}`;
    const removed: number[] = [];
    for (const days of [2, 2.2, 2.3]) {
      await putStub(place, token, {});
      removed.push((await sweepVersions({ ...sweep, now: inDays(days), callsOfShortPass: 0 })).removed);
    }
    expect(removed).toEqual([1, 0, 1]);
  });

  it("goes on in the next run where the calls of one run end", async () => {
    const ids = Array.from({ length: 30 }, (_, index) => `swept${String(index).padStart(7, "0")}`);
    const token = `${"0".repeat(9)}v${"0".repeat(22)}`;
    const places = ids.map((bucketId) => entryPlace(env.STORE, { bucketId, key: "k", bucketOwnerId: "" }));
    for (const place of places) await putStub(place, token, {});
    const stores = new Map([["here", env.STORE]]);
    let runs = 0;
    for (let after = ""; runs === 0 || after !== ""; runs++) {
      const swept = await sweepRecords(stores, { region: "here", after, now: inDays(1.1), maxCalls: 12 });
      expect(swept.removed).toBeLessThan(12);
      after = swept.next;
    }
    expect(runs).toBeGreaterThan(2);
    expect((await Promise.all(ids.map(recordsOf))).flat()).toEqual([]);
  });
});

describe("a deleted bucket that kept versions", () => {
  it("is found empty with stubs and tombstones, and leaves nothing in R2", async () => {
    const bucket = await createVersionedBucket();
    const id = await idOf(bucket);
    const versions = [
      await putVersion(bucket, "k", "1"),
      await putVersion(bucket, "k", "2"),
      await putMarker(bucket, "k"),
    ];
    for (const versionId of versions) {
      const refused = await send({ method: "DELETE", bucket });
      expect([refused.status, await refused.text()]).toEqual([
        409,
        expect.stringContaining("You must delete all versions in the bucket."),
      ]);
      await deleteVersion(bucket, "k", versionId);
    }
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
    expect(await recordsOf(id)).toHaveLength(3);
    await sweepIn(0);
    expect(await recordsOf(id)).toEqual([]);
    expect((await env.STORE.list({ prefix: `${id}/` })).objects).toEqual([]);
  });

  it("is not empty with a delete marker only", async () => {
    const bucket = await createVersionedBucket();
    const marker = await putMarker(bucket, "k");
    expect((await send({ method: "DELETE", bucket })).status).toBe(409);
    await deleteVersion(bucket, "k", marker);
    expect((await send({ method: "DELETE", bucket })).status).toBe(204);
  });
});
