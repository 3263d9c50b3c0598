/** Interrupted completions: whatever follows, an object that was visible stays readable and is never undone. */
import { runInDurableObject } from "cloudflare:test";
import { env } from "cloudflare:workers";
import { afterAll, describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { BlobSet } from "../../../src/storage/uploads/blob-set.ts";
import { blobSetOfUpload } from "../../../src/storage/uploads/upload-id.ts";
import { type Cut, completeCut } from "../../support/dying-upload.ts";
import { keepObjectsInMemory } from "../../support/memory-store.ts";
import { expectNoFindings } from "../../support/scrub.ts";
import { attributes, bodyOf, newTicket, objects, testBucket, textOf } from "../../support/storage.ts";
import {
  blobKeys,
  blobSets,
  complete,
  createUpload,
  filled,
  GRACE_MS,
  sweep,
  sweepFully,
  uploadParts,
  uploads,
} from "../../support/uploads.ts";

keepObjectsInMemory();

afterAll(() => expectNoFindings());

const TAGS = [{ key: "a", value: "b" }];
const PUBLIC = [{ grantee: { kind: "all-users" }, permission: "READ" }] as const;
const CONTENT = new TextDecoder().decode(filled(10, 1));
/** A completion reads the entry at the key first. */
const PUT = 2;

async function begin(bucket: GrantedBucket, key: string) {
  const uploadId = await createUpload(bucket, key);
  return { uploadId, request: await uploadParts(bucket, key, uploadId, [10]) };
}

const LANDED: Cut = { of: "r2", at: PUT, when: "after" };

/** What a client that sees the object may do with it, and where its bytes are then. */
const USES: readonly [string, (bucket: GrantedBucket) => Promise<string>][] = [
  ["nothing", async () => "k"],
  [
    "tags",
    async (bucket) => {
      await objects.setTags(bucket, "k", TAGS);
      return "k";
    },
  ],
  [
    "an ACL",
    async (bucket) => {
      await objects.setAcl(bucket, "k", PUBLIC);
      return "k";
    },
  ],
  [
    "a copy, the original deleted",
    async (bucket) => {
      await copy(bucket, "k", "copy");
      await objects.delete(bucket, ["k"]);
      return "copy";
    },
  ],
  [
    "a tagged copy of a copy, both before it deleted",
    async (bucket) => {
      await copy(bucket, "k", "copy");
      await copy(bucket, "copy", "third");
      await objects.setTags(bucket, "third", TAGS);
      await objects.delete(bucket, ["k", "copy"]);
      return "third";
    },
  ],
  [
    "a copy, the original overwritten",
    async (bucket) => {
      await copy(bucket, "k", "copy");
      await objects.put(bucket, "k", bodyOf("newer"), attributes());
      return "copy";
    },
  ],
];

async function copy(bucket: GrantedBucket, from: string, to: string): Promise<void> {
  const opened = await objects.open(bucket, { key: from }, undefined);
  if (opened === undefined) throw new Error("no source");
  await objects.copy(opened, { bucket, key: to }, attributes());
}

async function blobsOf(uploadId: string): Promise<string[]> {
  return (await blobKeys()).filter((key) => key.startsWith(`~b/${blobSetOfUpload(uploadId)}/`));
}

const ENDS: readonly [string, (bucket: GrantedBucket, uploadId: string) => Promise<void>][] = [
  ["is aborted", (bucket, uploadId) => uploads.abort({ bucket, key: "k", uploadId }).catch(() => {})],
  ["gets one of its parts anew", (bucket, uploadId) => putPart(bucket, uploadId)],
  [
    "gets one of its parts anew and is aborted",
    async (bucket, uploadId) => {
      await putPart(bucket, uploadId);
      await uploads.abort({ bucket, key: "k", uploadId }).catch(() => {});
    },
  ],
  [
    "is completed with another part",
    async (bucket, uploadId) => {
      const part = await uploads
        .putPart({ bucket, key: "k", uploadId }, { partNumber: 1 }, bodyOf("another"))
        .catch(() => undefined);
      const parts = [{ partNumber: 1, etag: part?.etag ?? "", checksums: [] }];
      await complete(bucket, "k", uploadId, { parts }).catch(() => {});
    },
  ],
];

async function putPart(bucket: GrantedBucket, uploadId: string): Promise<void> {
  await uploads.putPart({ bucket, key: "k", uploadId }, { partNumber: 1 }, bodyOf("another")).catch(() => {});
}

describe("an object whose completion took effect and was not recorded", () => {
  it.each(USES)(
    "stays readable, given %s, whatever becomes of its upload, and through the sweeps",
    async (_use, make) => {
      const places = await Promise.all(
        ENDS.map(async ([name, end]) => {
          const bucket = testBucket();
          const { uploadId, request } = await begin(bucket, "k");
          expect(await completeCut({ uploadId, request }, LANDED)).toMatchObject({ ok: false });
          const key = await make(bucket);
          expect(await textOf(bucket, key), name).toBe(CONTENT);
          await end(bucket, uploadId);
          expect(await textOf(bucket, key), name).toBe(CONTENT);
          return { bucket, key, name };
        }),
      );
      await sweepFully();
      for (const { bucket, key, name } of places) expect(await textOf(bucket, key), name).toBe(CONTENT);
    },
  );

  it.each(USES)("is the answer to the repeated completion, given %s", async (_use, make) => {
    const bucket = testBucket();
    const { uploadId, request } = await begin(bucket, "k");
    await completeCut({ uploadId, request }, LANDED);
    await make(bucket);
    const before = await textOf(bucket, "k");
    const { etag, sizeBytes } = await complete(bucket, "k", uploadId, request, { kind: "if-none-match-any" });
    expect([etag, sizeBytes]).toEqual([expect.stringMatching(/^[0-9a-f]{32}-1$/), 10]);
    expect(await textOf(bucket, "k")).toBe(before);
  });

  it("is not put over a later object when its completion is repeated", async () => {
    const bucket = testBucket();
    const { uploadId, request } = await begin(bucket, "k");
    await completeCut({ uploadId, request }, LANDED);
    await objects.put(bucket, "k", bodyOf("newer"), attributes());
    expect(await complete(bucket, "k", uploadId, request)).toMatchObject({ sizeBytes: 10 });
    expect(await textOf(bucket, "k")).toBe("newer");
  });

  it("is not put again after it replaced another one and was deleted", async () => {
    const bucket = testBucket();
    await objects.put(bucket, "k", bodyOf("older"), attributes());
    const { uploadId, request } = await begin(bucket, "k");
    await completeCut({ uploadId, request }, LANDED);
    await objects.delete(bucket, ["k"]);
    expect(await complete(bucket, "k", uploadId, request)).toMatchObject({ sizeBytes: 10 });
    expect(await textOf(bucket, "k")).toBeUndefined();
  });

  it("leaves its blobs to the sweep once no entry names them, whichever call is first", async () => {
    const bucket = testBucket();
    const { uploadId, request } = await begin(bucket, "k");
    await completeCut({ uploadId, request }, LANDED);
    await objects.delete(bucket, ["k"]);
    await uploads.abort({ bucket, key: "k", uploadId });
    expect(await blobsOf(uploadId)).toHaveLength(1);
    await sweep(2 * GRACE_MS);
    expect(await blobsOf(uploadId)).toHaveLength(1);
    await sweepFully();
    expect(await blobsOf(uploadId)).toEqual([]);
  });

  it("is settled by the sweep if no client repeats the completion", async () => {
    const bucket = testBucket();
    const { uploadId, request } = await begin(bucket, "k");
    await completeCut({ uploadId, request }, LANDED);
    await sweep(2 * GRACE_MS);
    await objects.put(bucket, "k", bodyOf("newer"), attributes());
    await sweepFully();
    expect(await blobsOf(uploadId)).toEqual([]);
    await expect(uploads.abort({ bucket, key: "k", uploadId })).rejects.toMatchObject({ code: "NoSuchUpload" });
  });
});

describe("an interrupted completion", { timeout: 180_000 }, () => {
  /** Ends completions at their calls in turn, of those to the object's own storage at every third. */
  async function forEachCut(work: (place: { bucket: GrantedBucket; key: string; cut: Cut }) => Promise<void>) {
    const bucket = testBucket();
    // A failure after one call of the object's storage is the same as one before the next call.
    for (const [of, when] of [
      ["r2", "before"],
      ["r2", "after"],
      ["sql", "before"],
    ] as const) {
      const whole = await begin(bucket, "whole");
      const counted = { of, when, at: Number.MAX_SAFE_INTEGER, calls: 0 };
      await completeCut(whole, counted);
      expect(counted.calls).toBeGreaterThan(1);
      for (let at = 1; at <= counted.calls; at++)
        await work({ bucket, key: `${of}-${when}-${at}`, cut: { of, at, when } });
    }
    await sweepFully();
    return bucket;
  }

  it("is finished when the client repeats it", async () => {
    const keys: string[] = [];
    const bucket = await forEachCut(async ({ bucket: place, key, cut }) => {
      const uploadId = await createUpload(place, key);
      const request = await uploadParts(place, key, uploadId, [10, 20]);
      const named = { parts: request.parts.slice(0, 1) };
      await completeCut({ uploadId, request: named }, cut);
      const { etag } = await complete(place, key, uploadId, named);
      expect(await objects.head(place, { key }), key).toMatchObject({ etag, sizeBytes: 10 });
      keys.push(key);
    });
    expect(keys.length).toBeGreaterThan(10);
    for (const key of keys) expect(await textOf(bucket, key), key).toBe(CONTENT);
  });

  it("that is aborted leaves the whole object or none", async () => {
    const expected = new Map<string, string | undefined>();
    const bucket = await forEachCut(async ({ bucket: place, key, cut }) => {
      const { uploadId, request } = await begin(place, key);
      await completeCut({ uploadId, request }, cut);
      const content = await textOf(place, key);
      expect([undefined, CONTENT], key).toContain(content);
      expected.set(key, content);
      if (content !== undefined) await objects.setTags(place, key, TAGS);
      await uploads.abort({ bucket: place, key, uploadId }).catch(() => {});
    });
    for (const [key, content] of expected) expect(await textOf(bucket, key), key).toBe(content);
    expect(new Set(expected.values())).toEqual(new Set([undefined, CONTENT]));
  });

  it("never undoes a later write of the key", async () => {
    await forEachCut(async ({ bucket, key, cut }) => {
      await objects.put(bucket, key, bodyOf("older"), attributes());
      const { uploadId, request } = await begin(bucket, key);
      await completeCut({ uploadId, request }, cut);
      const hadLanded = (await textOf(bucket, key)) === CONTENT;
      await objects.put(bucket, key, bodyOf("newer"), attributes());
      await complete(bucket, key, uploadId, request);
      expect(hadLanded ? ["newer"] : ["newer", CONTENT], key).toContain(await textOf(bucket, key));
    });
  });

  it("with a condition does not count as done if another write may have prevented it", async () => {
    const bucket = testBucket();
    const { uploadId, request } = await begin(bucket, "k");
    const condition = { kind: "if-none-match-any" } as const;
    await completeCut({ uploadId, request, condition }, { of: "r2", at: PUT, when: "before" });
    await objects.put(bucket, "k", bodyOf("the winner"), attributes(), condition);
    await expect(complete(bucket, "k", uploadId, request, condition)).rejects.toMatchObject({
      code: "PreconditionFailed",
    });
    expect(await textOf(bucket, "k")).toBe("the winner");
  });

  it("does not count as done if a conditional delete has removed the object before", async () => {
    const bucket = testBucket();
    const { etag } = await objects.put(bucket, "k", bodyOf("older"), attributes());
    const { uploadId, request } = await begin(bucket, "k");
    await completeCut({ uploadId, request }, { of: "r2", at: PUT, when: "before" });
    await objects.deleteIf(bucket, "k", etag);
    await complete(bucket, "k", uploadId, request);
    expect(await textOf(bucket, "k")).toBe(CONTENT);
  });

  it("does not count as done if another client has created the object with If-None-Match", async () => {
    const bucket = testBucket();
    const { uploadId, request } = await begin(bucket, "k");
    await completeCut({ uploadId, request }, { of: "r2", at: PUT, when: "before" });
    await objects.put(bucket, "k", bodyOf("created"), attributes(), { kind: "if-none-match-any" });
    await objects.setTags(bucket, "k", TAGS);
    await complete(bucket, "k", uploadId, request);
    expect(await textOf(bucket, "k")).toBe(CONTENT);
  });

  it("answers SlowDown if other writes of the key keep coming first, and can be repeated", async () => {
    const bucket = testBucket();
    const { uploadId, request } = await begin(bucket, "k");
    let writes = 0;
    const busy = new Proxy(env.STORE, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== "function") return value;
        return async (...parameters: unknown[]) => {
          if (name === "put") await target.put(`${bucket.id}/k`, `rival ${++writes}`);
          return Reflect.apply(value, target, parameters) as unknown;
        };
      },
    });
    const answer = await runInDurableObject(blobSets.of(blobSetOfUpload(uploadId)), (_instance, state) =>
      new BlobSet(state.storage, new Map([["us-east-1", busy]])).complete({ request, ticket: newTicket() }),
    );
    expect(answer).toMatchObject({ ok: false, code: "SlowDown" });
    expect(await textOf(bucket, "k")).toBe(`rival ${writes}`);
    await complete(bucket, "k", uploadId, request);
    expect(await textOf(bucket, "k")).toBe(CONTENT);
  });
});
