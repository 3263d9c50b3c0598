/** Listings of versions over a store that counts its calls, and which rows of a key are versions. */
import { describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import type { VersionMarker, VersionQuery } from "../../../src/model/listed-version.ts";
import { newVersionToken, type VersionToken } from "../../../src/model/version.ts";
import { entryKey } from "../../../src/storage/r2/entry-place.ts";
import type { EntryRecord } from "../../../src/storage/r2/entry-record.ts";
import { listEntries } from "../../../src/storage/r2/listing.ts";
import { isEmptyBucket } from "../../../src/storage/versions/emptiness.ts";
import { listVersions } from "../../../src/storage/versions/list-versions.ts";
import { recordKey } from "../../../src/storage/versions/record-key.ts";
import { type ListedR2, listedR2 } from "../../support/listed-r2.ts";

const MAX_CALLS = 60;
const BUCKET = {
  id: "abcdefghijkl",
  ownerId: "o",
  documents: { versioning: "Enabled" },
} as unknown as GrantedBucket;
const EVERYTHING: VersionQuery = { prefix: "", delimiter: "", after: { key: "" }, maxKeys: 1000 };

/** The token of a version written at this time; a later one is greater. */
function token(time: number, kind: { isNull?: boolean; isMarker?: boolean } = {}): VersionToken {
  const { isNull = false, isMarker = false } = kind;
  return newVersionToken({ isNull, isMarker }, { now: new Date(time), replaced: undefined, random: "r".repeat(22) });
}

function entry(world: ListedR2, key: string, V: VersionToken, more: Partial<EntryRecord> = {}): void {
  const isHashed = !entryKey(BUCKET.id, key).endsWith(key);
  world.put(entryKey(BUCKET.id, key), { w: "w", V, l: 0, ...(isHashed && { k: key }), ...more });
}

function record(world: ListedR2, key: string, V: VersionToken, more: Partial<EntryRecord> = {}): void {
  world.put(recordKey(BUCKET.id, key, V), { w: "w", V, k: key, l: 0, S: 0, ...more });
}

const stub = (world: ListedR2, key: string, V: VersionToken, more: Partial<EntryRecord> = {}) =>
  record(world, key, V, { t: 1, ...more });

const numbered = (count: number, prefix = "k") =>
  Array.from({ length: count }, (_, index) => prefix + String(index).padStart(6, "0"));

async function listAll(world: ListedR2, query: Partial<VersionQuery> = {}) {
  const names: string[] = [];
  const calls: number[] = [];
  let after: VersionMarker | undefined = query.after ?? EVERYTHING.after;
  while (after !== undefined) {
    const page = await listVersions(world.store, BUCKET, { ...EVERYTHING, ...query, after });
    calls.push(world.takeCalls());
    names.push(...page.versions.map(({ key, token: shown }) => `${key} ${shown}`), ...page.commonPrefixes);
    expect(page.next).not.toEqual(after);
    expect(calls.length).toBeLessThan(1000);
    after = page.next;
  }
  return { names, calls };
}

async function listObjects(world: ListedR2, query: { delimiter?: string; maxKeys?: number } = {}) {
  const names: string[] = [];
  const calls: number[] = [];
  for (let after = ""; ; ) {
    const page = await listEntries(world.store, BUCKET, { prefix: "", delimiter: "", maxKeys: 1000, ...query, after });
    calls.push(world.takeCalls());
    names.push(...page.objects.map(({ key }) => key), ...page.commonPrefixes);
    if (!page.isTruncated) return { names, calls };
    expect(page.last).not.toBe(after);
    after = page.last;
  }
}

describe("calls of a listing of versions", () => {
  it.each([
    [1000, 1],
    [100, 10],
    [10, 100],
    [1, 1000],
  ])("are two for a page of 1,000 versions: %i keys with %i versions", async (keys, versions) => {
    const world = listedR2();
    for (const key of numbered(2 * keys)) {
      for (let time = 1; time < versions; time++) record(world, key, token(time));
      entry(world, key, token(versions));
    }
    const { names, calls } = await listAll(world);
    expect([names.length, new Set(names).size]).toEqual([2 * keys * versions, 2 * keys * versions]);
    // A page that begins among the versions of a key reads its entry.
    expect(Math.max(...calls)).toBeLessThanOrEqual(versions === 1 ? 2 : 3);
    expect(calls[0]).toBe(2);
  });

  it("are those that metadata forces, where R2 returns fewer rows with it", async () => {
    const single = listedR2({ withMetadata: 100 });
    for (const key of numbered(1000)) entry(single, key, token(1));
    // Ten pages of entries, and records before the second and after the last.
    expect((await listAll(single)).calls).toEqual([12]);
    const many = listedR2({ withMetadata: 100 });
    for (const key of numbered(100)) {
      for (let time = 1; time < 10; time++) record(many, key, token(time));
      entry(many, key, token(10));
    }
    expect((await listAll(many)).calls).toEqual([10]);
  });

  it("are bounded however many deleted versions there are, and every page goes on", async () => {
    const world = listedR2({ withMetadata: 100 });
    for (const key of numbered(4)) {
      for (let time = 1; time < 2000; time++) stub(world, key, token(time));
      entry(world, key, token(2000));
    }
    record(world, "k000003", token(0));
    const { names, calls } = await listAll(world);
    expect(names).toHaveLength(5);
    expect(calls.length).toBeGreaterThan(1);
    for (const made of calls) expect(made).toBeLessThanOrEqual(MAX_CALLS);
  });

  it("are bounded for any number of common prefixes", async () => {
    const world = listedR2({ withMetadata: 100, plain: 100 });
    for (const prefix of numbered(150, "p")) {
      for (const name of numbered(prefix.endsWith("0") ? 3 : 120, "n")) {
        entry(world, `${prefix}/${name}`, token(1));
      }
    }
    const versions = await listAll(world, { delimiter: "/" });
    expect(versions.names).toEqual(numbered(150, "p").map((prefix) => `${prefix}/`));
    for (const made of versions.calls) expect(made).toBeLessThanOrEqual(MAX_CALLS);
    const objects = await listObjects(world, { delimiter: "/" });
    expect(objects.names).toEqual(versions.names);
    for (const made of objects.calls) expect(made).toBeLessThanOrEqual(MAX_CALLS);
    expect(objects.calls.length).toBeGreaterThan(1);
  });
});

describe("calls of ListObjects in a versioned bucket", () => {
  it("for 1,000 keys with 10 versions each are those for the same objects without versions", async () => {
    for (const more of [{}, { f: { n: 5, e: "e", b: "b" } }]) {
      const worlds = [listedR2({ withMetadata: 100 }), listedR2({ withMetadata: 100 })] as const;
      const [versioned, plain] = worlds;
      for (const key of numbered(1000)) {
        for (let time = 1; time < 10; time++) record(versioned, key, token(time), more);
        for (const world of worlds) entry(world, key, token(10), more);
      }
      const { calls } = await listObjects(versioned);
      const unversioned = { ...BUCKET, documents: {} } as GrantedBucket;
      await listEntries(plain.store, unversioned, { prefix: "", delimiter: "", after: "", maxKeys: 1000 });
      expect(calls).toEqual([plain.takeCalls()]);
    }
  });

  it("are two for 1,000 small common prefixes, of which those without objects are not listed", async () => {
    const world = listedR2();
    for (const [index, prefix] of numbered(900, "p").entries()) {
      const isMarker = index % 3 === 0;
      entry(world, `${prefix}/k`, token(1, { isMarker }), isMarker ? { D: 1 } : {});
    }
    const { names, calls } = await listObjects(world, { delimiter: "/" });
    expect(names).toEqual(
      numbered(900, "p")
        .filter((_, index) => index % 3 !== 0)
        .map((prefix) => `${prefix}/`),
    );
    expect(calls).toEqual([2]);
    // As versions, delete markers count.
    expect((await listAll(world, { delimiter: "/" })).names).toHaveLength(900);
  });

  it("pass over a common prefix of any number of delete markers in several pages", async () => {
    const world = listedR2({ plain: 100 });
    for (const name of numbered(8_000, "n")) entry(world, `deleted/${name}`, token(1, { isMarker: true }), { D: 1 });
    entry(world, "left/k", token(1));
    const { names, calls } = await listObjects(world, { delimiter: "/" });
    expect(names).toEqual(["left/"]);
    for (const made of calls) expect(made).toBeLessThanOrEqual(MAX_CALLS);
    expect(calls.length).toBeGreaterThan(1);
    const versions = listedR2({ withMetadata: 100 });
    for (const name of numbered(8_000, "n")) entry(versions, `deleted/${name}`, token(1), { t: 1 });
    entry(versions, "left/k", token(1));
    expect((await listAll(versions, { delimiter: "/" })).names).toEqual(["left/"]);
  });

  it("show versions that became current again, if they have not been deleted since", async () => {
    const world = listedR2();
    for (const [index, key] of numbered(300).entries()) {
      entry(world, key, token(2), { U: 1, P: token(1) });
      (index % 3 === 0 ? stub : record)(world, key, token(2));
      if (index % 6 === 0) record(world, key, token(1));
    }
    const { names, calls } = await listObjects(world);
    // Of those deleted since, half have an older version.
    expect(names).toEqual(numbered(300).filter((_, index) => index % 3 !== 0 || index % 6 === 0));
    for (const made of calls) expect(made).toBeLessThanOrEqual(MAX_CALLS);
    expect((await listAll(world)).names).toHaveLength(250);
  });
});

describe("a page of versions that begins among those of a key", () => {
  it("begins with the entry if the later versions have been deleted meanwhile", async () => {
    for (const more of [{}, { U: 1 as const }]) {
      const world = listedR2();
      entry(world, "k", token(2), more);
      for (const time of [3, 4]) stub(world, "k", token(time));
      for (const time of [1, 2]) record(world, "k", token(time));
      const after = { key: "k", token: token(3) };
      const { versions } = await listVersions(world.store, BUCKET, { ...EVERYTHING, after });
      expect(versions.map(({ token: shown, isLatest }) => [shown, isLatest])).toEqual([
        [token(2), true],
        [token(1), false],
      ]);
    }
  });
});

describe("the versions of a key", () => {
  async function shown(build: (world: ListedR2) => void, query: Partial<VersionQuery> = {}) {
    const world = listedR2();
    build(world);
    const { versions } = await listVersions(world.store, BUCKET, { ...EVERYTHING, ...query });
    return versions.map((version) => [version.token, version.isLatest, version.noncurrentSince?.getTime()]);
  }

  it("are noncurrent since the next newer one was written", async () => {
    const times = { l: 100 };
    expect(
      await shown((world) => {
        entry(world, "k", token(300), { l: 300 });
        stub(world, "k", token(200));
        record(world, "k", token(100), times);
        record(world, "k", token(50), { l: 50 });
      }),
    ).toEqual([
      [token(300), true, undefined],
      [token(100), false, 300],
      [token(50), false, 100],
    ]);
  });

  it("are the entry and older ones, not one that was written after the entry was read", async () => {
    expect(
      await shown((world) => {
        entry(world, "k", token(2));
        record(world, "k", token(3));
        record(world, "k", token(2));
        record(world, "k", token(1));
        record(world, "new", token(3), { S: Date.now() });
      }),
    ).toEqual([
      [token(2), true, undefined],
      [token(1), false, 0],
    ]);
  });

  it("are shown if the entry is missing and they are old", async () => {
    expect(await shown((world) => record(world, "k", token(1)))).toEqual([[token(1), true, undefined]]);
  });

  it("include one null version: the one at the entry or named by it", async () => {
    const nulls = [3, 2, 1].map((time) => token(time, { isNull: true }));
    const [newest = "", middle = "", oldest = ""] = nulls;
    const records = (world: ListedR2) => {
      record(world, "k", middle);
      record(world, "k", oldest);
    };
    expect(
      await shown((world) => {
        entry(world, "k", newest);
        records(world);
      }),
    ).toEqual([[newest, true, undefined]]);
    const withVersion = (N: VersionToken) => (world: ListedR2) => {
      entry(world, "k", token(4), { N });
      records(world);
    };
    expect((await shown(withVersion(middle))).map(([shownToken]) => shownToken)).toEqual([token(4), middle]);
    expect((await shown(withVersion(oldest))).map(([shownToken]) => shownToken)).toEqual([token(4), oldest]);
    expect((await shown(withVersion(newest))).map(([shownToken]) => shownToken)).toEqual([token(4)]);
    // The marker `null` is the position of that version.
    const after = { key: "k", token: "null" };
    expect(await shown(withVersion(middle), { after })).toEqual([]);
    expect(
      await shown(
        (world) => {
          withVersion(middle)(world);
          record(world, "k", token(1));
        },
        { after },
      ),
    ).toEqual([[token(1), false, 2]]);
  });

  it("are restored ones with their latest tags, unless a stub covers them", async () => {
    const restored = (R: number) => (world: ListedR2) => {
      entry(world, "k", token(2), { U: 1, R });
      stub(world, "k", token(2), { R: 1 });
      record(world, "k", token(1));
    };
    expect((await shown(restored(1))).map(([shownToken, isLatest]) => [shownToken, isLatest])).toEqual([
      [token(1), true],
    ]);
    expect((await shown(restored(2))).map(([shownToken, isLatest]) => [shownToken, isLatest])).toEqual([
      [token(2), true],
      [token(1), false],
    ]);
    const world = listedR2();
    entry(world, "k", token(2), { U: 1, R: 1 });
    record(world, "k", token(2), { R: 2, g: [["a", "b"]] });
    const { versions } = await listVersions(world.store, BUCKET, EVERYTHING);
    expect(versions).toMatchObject([{ revision: 2, tags: [{ key: "a", value: "b" }] }]);
  });
});

describe("a bucket of which all versions were deleted", () => {
  function emptied(count: number): ListedR2 {
    const world = listedR2({ withMetadata: 100 });
    for (const key of numbered(count)) {
      entry(world, key, token(2), { t: 1 });
      for (const time of [1, 2]) stub(world, key, token(time));
    }
    return world;
  }

  it("is found empty among any number of tombstones and stubs, and not empty with a version or delete marker after them", async () => {
    const world = emptied(4_000);
    expect(await isEmptyBucket(world.store, BUCKET)).toBe(true);
    expect(world.takeCalls()).toBeGreaterThan(MAX_CALLS);
    entry(world, "z", token(1, { isMarker: true }), { D: 1 });
    expect(await isEmptyBucket(world.store, BUCKET)).toBe(false);
    // For a Worker that does not know yet that the bucket is versioned, a marker looks like a tombstone.
    const stale = { ...BUCKET, documents: {} } as GrantedBucket;
    expect(await isEmptyBucket(world.store, stale)).toBe(false);
  });

  it("is refused with InvalidBucketState if finding out takes too many calls", async () => {
    const world = listedR2({ withMetadata: 10 });
    for (const key of numbered(6_000)) entry(world, key, token(2), { t: 1 });
    await expect(isEmptyBucket(world.store, BUCKET)).rejects.toMatchObject({ code: "InvalidBucketState" });
    expect(world.takeCalls()).toBeLessThanOrEqual(1000);
  });
});

describe("versions of keys too long for a record's name", () => {
  const HEAD = "h".repeat(920);

  it("are listed in order within the bound, however many versions they have", async () => {
    const world = listedR2({ withMetadata: 100 });
    const keys = numbered(10, HEAD);
    for (const key of keys) {
      for (let time = 1; time < 150; time++) record(world, key, token(time));
      entry(world, key, token(150));
    }
    entry(world, "a", token(1));
    entry(world, "z", token(1));
    const { names, calls } = await listAll(world);
    const expected = keys.flatMap((key) => Array.from({ length: 150 }, (_, index) => `${key} ${token(150 - index)}`));
    expect(names).toEqual([`a ${token(1)}`, ...expected, `z ${token(1)}`]);
    for (const made of calls) expect(made).toBeLessThanOrEqual(MAX_CALLS);
  });

  it("are refused with InvalidRequest if too many share their beginning", async () => {
    const world = listedR2({ withMetadata: 1 });
    for (const key of numbered(310, HEAD)) {
      entry(world, key, token(2));
      record(world, key, token(1));
    }
    await expect(listVersions(world.store, BUCKET, EVERYTHING)).rejects.toMatchObject({ code: "InvalidRequest" });
  });
});
