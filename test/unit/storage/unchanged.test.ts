/** The R2 condition that holds only for the write that was read, and the outcome of a declined put. */
import { describe, expect, it } from "vitest";
import { S3Error } from "../../../src/errors.ts";
import { encodeManifest } from "../../../src/storage/r2/blobs.ts";
import { commitIf } from "../../../src/storage/r2/commit.ts";
import type { EntryPlace } from "../../../src/storage/r2/entry-place.ts";
import { repeatIfBeaten, unchangedSince } from "../../../src/storage/r2/unchanged.ts";

const HOUR_MS = 3_600_000;

interface Seen {
  readonly version?: string;
  readonly record?: object;
  readonly uploaded?: number;
}

function entry({ version = "v1", record = {}, uploaded = Date.now() }: Seen = {}): R2Object {
  const customMetadata = { s3: JSON.stringify({ w: "write", ...record }) };
  return {
    key: "k",
    version,
    etag: `md5-${version}`,
    size: 1,
    uploaded: new Date(uploaded),
    customMetadata,
  } as unknown as R2Object;
}

/** R2 with one entry; it counts the reads. */
function showing(now: R2Object | null) {
  let looks = 0;
  const head = async () => {
    looks++;
    return now;
  };
  return { store: { head } as unknown as R2Bucket, looks: () => looks };
}

const windowOf = (time: number) => ({ uploadedAfter: new Date(time - 1), uploadedBefore: new Date(time + 1) });

describe("unchangedSince", () => {
  it.each([
    ["a manifest", { f: { n: 1, e: "e", b: "b" } }],
    ["a tombstone", { t: 1 }],
  ])("identifies %s by its ETag, which belongs to one write, without a read", async (_name, record) => {
    const { store, looks } = showing(null);
    expect(await unchangedSince(store, entry({ record }))).toEqual({ etagMatches: "md5-v1" });
    expect(looks()).toBe(0);
  });

  it("identifies an inline object of some age by its millisecond, without a read", async () => {
    const uploaded = Date.now() - HOUR_MS;
    const { store, looks } = showing(null);
    expect(await unchangedSince(store, entry({ uploaded }))).toEqual(windowOf(uploaded));
    expect(looks()).toBe(0);
  });

  it.each([
    ["of this moment", 0],
    ["of a clock that is behind", -1_000],
    ["of a clock that is ahead", HOUR_MS],
  ])("reads an inline object %s once more", async (_name, offset) => {
    const seen = entry({ uploaded: Date.now() + offset });
    const { store, looks } = showing(seen);
    expect(await unchangedSince(store, seen)).toEqual(windowOf(seen.uploaded.getTime()));
    expect(looks()).toBe(1);
  });

  it("detects a write in the same millisecond, and a removal", async () => {
    const seen = entry();
    const rival = entry({ version: "v2", uploaded: seen.uploaded.getTime() });
    expect(await unchangedSince(showing(rival).store, seen)).toBeUndefined();
    expect(await unchangedSince(showing(null).store, seen)).toBeUndefined();
  });
});

describe("the body of a manifest", () => {
  it("differs with every write of the same manifest", () => {
    const manifest = { v: 1, b: "set", p: [["1", 5]] } as const;
    const bodies = ["one", "two"].map((writeId) => new TextDecoder().decode(encodeManifest(manifest, writeId)));
    expect(bodies).toEqual(['{"v":1,"w":"one","b":"set","p":[["1",5]]}', '{"v":1,"w":"two","b":"set","p":[["1",5]]}']);
  });
});

describe("commitIf", () => {
  const guarded = (now: R2Object | null) => {
    const { store } = showing(now);
    const place: EntryPlace = { store, r2Key: "k", key: "key", bucketId: "b", bucketOwnerId: "" };
    const madeOf = entry({ record: { t: 1 } });
    return (writeId: string) => commitIf(place, { writeId, madeOf }, async () => null);
  };

  it("accepts an entry with its own write id, which R2 has put and then declined as a repetition", async () => {
    const landed = entry({ version: "v2", record: { w: "mine" } });
    expect((await guarded(landed)("mine")).object).toBe(landed);
  });

  it.each([
    ["another's write", entry({ version: "v2" })],
    ["a removal", null],
  ])("answers ConditionalRequestConflict after %s", async (_name, now) => {
    const failure = await guarded(now)("mine").catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: "ConditionalRequestConflict", details: { Key: "key" } });
  });

  it("puts only at an empty key if the key was empty", async () => {
    const conditions: unknown[] = [];
    const place: EntryPlace = { store: showing(null).store, r2Key: "k", key: "key", bucketId: "b", bucketOwnerId: "" };
    await commitIf(place, { writeId: "mine", madeOf: null }, async ({ onlyIf }) => {
      conditions.push(onlyIf);
      return entry();
    });
    expect(conditions).toEqual([{ etagDoesNotMatch: "*" }]);
  });
});

describe("repeatIfBeaten", () => {
  const failing = (failures: number, code: "ConditionalRequestConflict" | "SlowDown") => {
    let made = 0;
    const attempt = async () => {
      made++;
      if (made <= failures) throw new S3Error(code);
      return made;
    };
    return { attempt, made: () => made };
  };

  it("repeats a change until it succeeds", async () => {
    expect(await repeatIfBeaten(failing(3, "ConditionalRequestConflict").attempt)).toBe(4);
  });

  it("gives up after twelve attempts", async () => {
    const { attempt, made } = failing(100, "ConditionalRequestConflict");
    await expect(repeatIfBeaten(attempt)).rejects.toMatchObject({ code: "ConditionalRequestConflict" });
    expect(made()).toBe(12);
  });

  it("does not repeat a change that failed for another reason", async () => {
    const { attempt, made } = failing(1, "SlowDown");
    await expect(repeatIfBeaten(attempt)).rejects.toMatchObject({ code: "SlowDown" });
    expect(made()).toBe(1);
  });
});
