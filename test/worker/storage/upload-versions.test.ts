/**
 * Completing an upload where versions are kept: every acknowledged completion is one version, whatever dies on the way and
 * also if others write at the same time.
 */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { NULL_VERSION_ID, type Versioning } from "../../../src/model/version.ts";
import { Objects } from "../../../src/storage/r2/objects.ts";
import { BlobSet } from "../../../src/storage/uploads/blob-set.ts";
import { blobSetOfUpload } from "../../../src/storage/uploads/upload-id.ts";
import { type Cut, completeCut, versionsInR2 } from "../../support/dying-upload.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { attributes, bodyOf, newTicket, objects, testBucket, textOf } from "../../support/storage.ts";
import {
  blobSets,
  complete,
  completeUpload,
  createUpload,
  filled,
  registerBucket,
  stores,
  sweepFully,
  uploadParts,
  uploads,
} from "../../support/uploads.ts";

keepObjectsInMemory();

afterAll(() => expectNoFindings());

const CONTENT = new TextDecoder().decode(filled(10, 1));
const store = new Objects(stores, blobSets);

const enabled = () => testBucket({ versioning: "Enabled" });
const put = (bucket: GrantedBucket, text: string) => objects.put(bucket, "k", bodyOf(text), attributes());
const removeVersion = (bucket: GrantedBucket, versionId: string) =>
  store.removeVersion({ bucket, key: "k", versionId, ticket: newTicket() }, { bypassesGovernance: false });
const textOfVersion = async (bucket: GrantedBucket, versionId: string) => {
  const opened = await store.open(bucket, { key: "k", versionId }, undefined);
  return opened === undefined ? undefined : new Response(await opened.body()).text();
};

async function begin(bucket: GrantedBucket) {
  const uploadId = await createUpload(bucket, "k");
  return { uploadId, request: await uploadParts(bucket, "k", uploadId, [10]) };
}

describe("a completed upload", () => {
  it("is a version, with its id, and keeps the object that it replaces", async () => {
    const bucket = enabled();
    const { versionId: first = "" } = await put(bucket, "first");
    const { versionId: second = "" } = await completeUpload(bucket, "k", [10]);
    expect(await textOf(bucket, "k")).toBe(CONTENT);
    expect((await store.head(bucket, { key: "k" }))?.versionId).toBe(second);
    expect(await textOfVersion(bucket, first)).toBe("first");
    expect((await versionsInR2(bucket, "k")).map(({ token }) => token)).toEqual([second, first]);
  });

  it("keeps the object from before versioning as the null version", async () => {
    const { id } = testBucket();
    await put(testBucket({ id }), "before");
    const bucket = testBucket({ id, versioning: "Enabled" });
    await completeUpload(bucket, "k", [10]);
    expect(await textOfVersion(bucket, NULL_VERSION_ID)).toBe("before");
    expect(await textOf(bucket, "k")).toBe(CONTENT);
  });

  it("is the null version where versioning is suspended", async () => {
    const { id } = testBucket();
    const { versionId = "" } = await put(testBucket({ id, versioning: "Enabled" }), "first");
    const suspended = testBucket({ id, versioning: "Suspended" });
    expect((await completeUpload(suspended, "k", [10])).versionId).toBe(NULL_VERSION_ID);
    expect((await completeUpload(suspended, "k", [11])).versionId).toBe(NULL_VERSION_ID);
    expect(await textOfVersion(suspended, versionId)).toBe("first");
    expect(await versionsInR2(suspended, "k")).toHaveLength(2);
  });

  it("has no version id in a bucket that was never versioned", async () => {
    expect(await completeUpload(testBucket(), "k", [10])).not.toHaveProperty("versionId");
  });

  it("has the same version id when the call is repeated, also after it was replaced and deleted", async () => {
    const bucket = enabled();
    const { uploadId, request } = await begin(bucket);
    const { versionId = "" } = await complete(bucket, "k", uploadId, request);
    expect((await complete(bucket, "k", uploadId, request)).versionId).toBe(versionId);
    await put(bucket, "newer");
    await removeVersion(bucket, versionId);
    expect((await complete(bucket, "k", uploadId, request)).versionId).toBe(versionId);
    expect(await versionsInR2(bucket, "k")).toHaveLength(1);
  });

  it("has the lock that was given when the upload was created", async () => {
    const bucket = enabled();
    await registerBucket(bucket);
    const retention = { mode: "COMPLIANCE", until: Date.parse("2040-01-01T00:00:00Z") } as const;
    const lock = { retention, hasLegalHold: true };
    const uploadId = await uploads.create({
      ...{ bucket, key: "k", attributes: { ...attributes(), lock } },
      ...{ checksum: undefined, now: new Date() },
    });
    await complete(bucket, "k", uploadId, await uploadParts(bucket, "k", uploadId, [10]));
    expect((await store.head(bucket, { key: "k" }))?.lock).toEqual(lock);
  });

  it("is refused with SlowDown if the Worker does not know yet that the bucket is versioned", async () => {
    const { id } = testBucket();
    const stale = testBucket({ id });
    const { uploadId, request } = await begin(stale);
    const { versionId = "" } = await put(testBucket({ id, versioning: "Enabled" }), "acknowledged");
    await expect(complete(stale, "k", uploadId, request)).rejects.toMatchObject({ code: "SlowDown" });
    const bucket = testBucket({ id, versioning: "Enabled" });
    await complete(bucket, "k", uploadId, request);
    expect(await textOfVersion(bucket, versionId)).toBe("acknowledged");
  });
});

describe("a conditional completion", () => {
  const noObject = { kind: "if-none-match-any" } as const;

  it("counts a delete marker as no object", async () => {
    const bucket = enabled();
    await put(bucket, "first");
    await store.remove({ bucket, key: "k", ticket: newTicket() });
    const { uploadId, request } = await begin(bucket);
    await expect(complete(bucket, "k", uploadId, request, ANY_OBJECT)).rejects.toMatchObject({
      code: "NoSuchKey",
    });
    await complete(bucket, "k", uploadId, request, noObject);
    expect(await versionsInR2(bucket, "k")).toHaveLength(3);
  });

  it("is about the current version PreconditionFailed", async () => {
    const bucket = enabled();
    const { etag } = await put(bucket, "first");
    await put(bucket, "second");
    const { uploadId, request } = await begin(bucket);
    for (const condition of [noObject, { kind: "if-match", etag } as const]) {
      await expect(complete(bucket, "k", uploadId, request, condition)).rejects.toMatchObject({
        code: "PreconditionFailed",
      });
    }
    expect(await versionsInR2(bucket, "k")).toHaveLength(2);
  });

  it("fails if the object has changed since the upload was created ConditionalRequestConflict", async () => {
    const bucket = enabled();
    await put(bucket, "first");
    const { uploadId, request } = await begin(bucket);
    const { etag } = await put(bucket, "second");
    await expect(complete(bucket, "k", uploadId, request, { kind: "if-match", etag })).rejects.toMatchObject({
      code: "ConditionalRequestConflict",
    });
    await store.remove({ bucket, key: "k", ticket: newTicket() });
    await expect(complete(bucket, "k", uploadId, request, noObject)).rejects.toMatchObject({
      code: "ConditionalRequestConflict",
    });
  });
});

const ANY_OBJECT = { kind: "if-match", etag: "*" } as const;

/** What may happen between an interrupted completion and its repetition. */
const BETWEEN: readonly [string, (bucket: GrantedBucket) => Promise<unknown>][] = [
  ["nothing", async () => {}],
  ["a later write", (bucket) => put(bucket, "newer")],
  ["a later conditional write", (bucket) => objects.put(bucket, "k", bodyOf("newer"), attributes(), ANY_OBJECT)],
  ["a delete marker", (bucket) => store.remove({ bucket, key: "k", ticket: newTicket() })],
  [
    "the deletion of the version, if there is one",
    async (bucket) => {
      const [newest] = await versionsInR2(bucket, "k");
      if (newest?.blobSetId !== undefined) await removeVersion(bucket, newest.token);
    },
  ],
  ["other tags", (bucket) => objects.setTags(bucket, "k", [{ key: "a", value: "b" }])],
  [
    "a copy onto itself and the deletion of the original",
    async (bucket) => {
      const opened = await store.open(bucket, { key: "k" }, undefined);
      if (opened === undefined) throw new Error("no source");
      const [original] = await versionsInR2(bucket, "k");
      await objects.copy(opened, { bucket, key: "k" }, attributes({ storageClass: "REDUCED_REDUNDANCY" }));
      if (original?.blobSetId !== undefined) await removeVersion(bucket, original.token);
    },
  ],
];

describe("an interrupted completion", { timeout: 120_000 }, () => {
  /** Where the completion dies. */
  async function cutsOf(versioning: Versioning): Promise<Cut[]> {
    const cuts: Cut[] = [];
    for (const [of, when] of [
      ["r2", "before"],
      ["r2", "after"],
      ["sql", "before"],
    ] as const) {
      const bucket = testBucket({ versioning });
      await put(bucket, "older");
      const counted = { of, when, at: Number.MAX_SAFE_INTEGER, calls: 0 };
      await completeCut({ ...(await begin(bucket)), versioning }, counted);
      for (let at = 1; at <= counted.calls; at += of === "r2" ? 1 : 9) cuts.push({ of, at, when });
    }
    return cuts;
  }

  it.each(BETWEEN)("is one version when it is repeated after %s", async (name, act) => {
    const cuts = (await cutsOf("Enabled")).filter(({ of }) => of === "r2" || name === "nothing");
    expect(cuts.filter(({ of }) => of === "r2")).toHaveLength(8);
    for (const cut of cuts) {
      const where = JSON.stringify(cut);
      const bucket = enabled();
      const { versionId: older = "" } = await put(bucket, "older");
      const { uploadId, request } = await begin(bucket);
      expect(await completeCut({ uploadId, request, versioning: "Enabled" }, cut), where).toMatchObject({ ok: false });
      const seen = (await versionsInR2(bucket, "k")).filter(({ blobSetId }) => blobSetId !== undefined);
      await act(bucket);
      const between = await versionsInR2(bucket, "k");
      const { versionId } = await complete(bucket, "k", uploadId, request);
      const versions = await versionsInR2(bucket, "k");
      // All versions remain, in the same order, and what was visible is not done again.
      expect(versions.slice(seen.length > 0 ? 0 : 1), where).toEqual(between);
      if (seen.length > 0) expect(versionId, where).toBe(seen[0]?.token);
      else expect(versions[0], where).toMatchObject({ token: versionId, blobSetId: blobSetOfUpload(uploadId) });
      expect(await textOfVersion(bucket, older), where).toBe("older");
      expect((await complete(bucket, "k", uploadId, request)).versionId).toBe(versionId);
    }
  });

  it("is one version if it is aborted, or none, and its blobs go with the version", async () => {
    const left = new Map<GrantedBucket, { where: string; isWhole: boolean }>();
    for (const cut of await cutsOf("Enabled")) {
      const bucket = enabled();
      await put(bucket, "older");
      const { uploadId, request } = await begin(bucket);
      await completeCut({ uploadId, request, versioning: "Enabled" }, cut);
      const [newest] = await versionsInR2(bucket, "k");
      await put(bucket, "newer");
      await uploads.abort({ bucket, key: "k", uploadId }).catch(() => {});
      left.set(bucket, { where: JSON.stringify(cut), isWhole: newest?.blobSetId !== undefined });
    }
    await sweepFully();
    for (const [bucket, { where, isWhole }] of left) {
      const whole = (await versionsInR2(bucket, "k")).find(({ blobSetId }) => blobSetId !== undefined);
      expect(whole !== undefined, where).toBe(isWhole);
      if (whole !== undefined) expect(await textOfVersion(bucket, whole.token), where).toBe(CONTENT);
    }
    expect(new Set([...left.values()].map(({ isWhole }) => isWhole)).size).toBe(2);
  });

  it("of a suspended bucket is not put over a later write if it took effect", async () => {
    for (const cut of await cutsOf("Suspended")) {
      const bucket = testBucket({ versioning: "Suspended" });
      await put(bucket, "older");
      const { uploadId, request } = await begin(bucket);
      await completeCut({ uploadId, request, versioning: "Suspended" }, cut);
      const hadLanded = (await textOf(bucket, "k")) === CONTENT;
      await put(bucket, "newer");
      expect((await complete(bucket, "k", uploadId, request)).versionId).toBe(NULL_VERSION_ID);
      expect(hadLanded ? ["newer"] : ["newer", CONTENT], JSON.stringify(cut)).toContain(await textOf(bucket, "k"));
      expect(await versionsInR2(bucket, "k")).toHaveLength(1);
    }
  });

  it("from before versioning is found among the versions, and not put again", async () => {
    const { id } = testBucket();
    const { uploadId, request } = await begin(testBucket({ id }));
    await completeCut({ uploadId, request }, { of: "r2", at: 2, when: "after" });
    const bucket = testBucket({ id, versioning: "Enabled" });
    await put(bucket, "newer");
    await complete(bucket, "k", uploadId, request);
    expect(await textOf(bucket, "k")).toBe("newer");
    expect(await textOfVersion(bucket, NULL_VERSION_ID)).toBe(CONTENT);
    expect(await versionsInR2(bucket, "k")).toHaveLength(2);
  });

  it("that takes effect after it was taken for failed is one version with its repetition", async () => {
    const bucket = enabled();
    await put(bucket, "older");
    const { uploadId, request } = await begin(bucket);
    let arrive: () => Promise<unknown> = async () => {};
    const slow = new Proxy(env.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return (...parameters: unknown[]) => {
          const call = async (): Promise<unknown> => Reflect.apply(value, target, parameters);
          if (name !== "put" || parameters[0] !== `${bucket.id}/k`) return call();
          arrive = call;
          throw new Error("no answer");
        };
      },
    });
    await runInDurableObject(blobSets.of(blobSetOfUpload(uploadId)), (_instance, state) =>
      new BlobSet(state.storage, new Map([["us-east-1", slow]])).complete({
        ...{ request, ticket: newTicket(), versioning: "Enabled" },
      }),
    );
    // The upload is found to be open still. Then the put arrives, and is replaced.
    await uploads.requireOpen({ bucket, key: "k", uploadId });
    expect(await arrive()).not.toBeNull();
    await put(bucket, "newer");
    const before = await versionsInR2(bucket, "k");
    const { versionId } = await complete(bucket, "k", uploadId, request);
    expect(versionId).toBe(before[1]?.token);
    expect(await versionsInR2(bucket, "k")).toEqual(before);
  });
});

describe("simultaneous writes of a key", { timeout: 60_000 }, () => {
  it("lose no completion and no other version", async () => {
    for (let round = 0; round < 6; round++) {
      const bucket = enabled();
      await put(bucket, "older");
      const begun = await Promise.all([begin(bucket), begin(bucket)]);
      const writes = [
        ...begun.map(({ uploadId, request }) => complete(bucket, "k", uploadId, request)),
        ...begun.map(({ uploadId, request }) => complete(bucket, "k", uploadId, request)),
        put(bucket, "newer"),
        store.remove({ bucket, key: "k", ticket: newTicket() }),
      ];
      const outcomes = await Promise.allSettled(writes);
      const done = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value.versionId] : []));
      const versions = (await versionsInR2(bucket, "k")).map(({ token }) => token);
      expect(versions).toEqual(expect.arrayContaining(done));
      expect(versions.length).toBeGreaterThanOrEqual(new Set(done).size + 1);
      for (const { uploadId, request } of begun) await complete(bucket, "k", uploadId, request);
      const sets = (await versionsInR2(bucket, "k")).flatMap(({ blobSetId }) => blobSetId ?? []);
      expect(sets.toSorted()).toEqual(begun.map(({ uploadId }) => blobSetOfUpload(uploadId)).toSorted());
      expect(await versionsInR2(bucket, "k")).toHaveLength(5);
    }
  });
});
