/** Listings over a store that counts its calls: one page takes a bounded number, however many entries it skips. */
import { describe, expect, it } from "vitest";
import type { GrantedBucket } from "../../../src/access/authorize.ts";
import { compareBytes } from "../../../src/model/byte-order.ts";
import type { ListQuery } from "../../../src/model/object.ts";
import { entryKey } from "../../../src/storage/r2/entry-place.ts";
import { listEntries } from "../../../src/storage/r2/listing.ts";

const MAX_CALLS = 60;
const BUCKET = { id: "abcdefghijkl", ownerId: "o", documents: {} } as unknown as GrantedBucket;
const EVERYTHING: ListQuery = { prefix: "", delimiter: "", after: "", maxKeys: 1000 };

type Kind = "plain" | "marked" | "tombstone" | "early tombstone";

const DIGESTS: Readonly<Record<Kind, object>> = {
  plain: {},
  marked: { sha512: new ArrayBuffer(64) },
  tombstone: { sha384: new ArrayBuffer(48) },
  "early tombstone": { sha512: new ArrayBuffer(64) },
};

/** Keys with their kinds, as R2 lists them: 1,000 a page, 100 with metadata. */
function storeOf(entries: readonly (readonly [key: string, kind: Kind])[]) {
  const rows = entries
    .map(([key, kind]) => ({ r2Key: entryKey(BUCKET.id, key), key, kind }))
    .sort((a, b) => compareBytes(a.r2Key, b.r2Key));
  let calls = 0;
  let running = 0;
  let mostAtOnce = 0;
  let reads = 0;
  const answer = async <T>(result: T): Promise<T> => {
    calls++;
    running++;
    mostAtOnce = Math.max(mostAtOnce, running);
    await Promise.resolve();
    running--;
    return result;
  };
  /** Where a page begins: behind a key, and not before what has the prefix. */
  const firstBehind = (startAfter: string, prefix: string) => {
    const isBefore = (key: string) => compareBytes(key, startAfter) <= 0 || compareBytes(key, prefix) < 0;
    let [low, high] = [0, rows.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (isBefore(rows[middle]?.r2Key ?? "")) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const toObject = ({ r2Key, key, kind }: (typeof rows)[number]) => {
    const isHashed = r2Key !== `${BUCKET.id}/${key}`;
    const isTombstone = kind.endsWith("tombstone");
    const record = { w: "x", ...(isTombstone && { t: 1 }), ...(isHashed && { k: key }) };
    const digests = isHashed && kind === "plain" ? DIGESTS.marked : DIGESTS[kind];
    return {
      key: r2Key,
      size: 27,
      etag: "e",
      uploaded: new Date(0),
      checksums: { toJSON: () => ({ md5: "md5", ...digests }) },
      customMetadata: { s3: JSON.stringify(record) },
    };
  };
  const store = {
    list(options: R2ListOptions) {
      const { prefix = "", delimiter = "", cursor, startAfter = cursor ?? "", include } = options;
      const limit = Math.min(options.limit ?? 1000, include === undefined ? 1000 : 100);
      const objects: object[] = [];
      const delimitedPrefixes: string[] = [];
      let last = "";
      let isTruncated = false;
      for (let index = firstBehind(startAfter, prefix); index < rows.length; index++) {
        const row = rows[index];
        if (row === undefined || !row.r2Key.startsWith(prefix)) break;
        const found = delimiter === "" ? -1 : row.r2Key.indexOf(delimiter, prefix.length);
        const name = found === -1 ? undefined : row.r2Key.slice(0, found + delimiter.length);
        const isKnown = name !== undefined && name === delimitedPrefixes.at(-1);
        if (!isKnown && objects.length + delimitedPrefixes.length === limit) {
          isTruncated = true;
          break;
        }
        if (name === undefined) objects.push(toObject(row));
        else if (!isKnown) delimitedPrefixes.push(name);
        last = row.r2Key;
      }
      return answer({ objects, delimitedPrefixes, truncated: isTruncated, ...(isTruncated && { cursor: last }) });
    },
    head(key: string) {
      reads++;
      const row = rows.find(({ r2Key }) => r2Key === key);
      return answer(row === undefined ? null : toObject(row));
    },
  } as unknown as R2Bucket;
  const takeCalls = () => {
    const made = calls;
    calls = 0;
    return made;
  };
  return { store, takeCalls, mostAtOnce: () => mostAtOnce, reads: () => reads };
}

/** Lists all pages; each must be within the bound and reach further than the one before. */
async function listAll({ store, takeCalls }: ReturnType<typeof storeOf>, query: Partial<ListQuery> = {}) {
  const names: string[] = [];
  let mostCalls = 0;
  let after = "";
  for (let pages = 1; pages < 5_000; pages++) {
    const page = await listEntries(store, BUCKET, { ...EVERYTHING, ...query, after });
    mostCalls = Math.max(mostCalls, takeCalls());
    names.push(...page.objects.map(({ key }) => key), ...page.commonPrefixes);
    if (!page.isTruncated) return { names, pages, mostCalls };
    expect(page.last).not.toBe(after);
    after = page.last;
  }
  throw new Error("the listing does not end");
}

const numbered = (count: number, kind: Kind, prefix = "k"): [string, Kind][] =>
  Array.from({ length: count }, (_, index) => [prefix + String(index).padStart(6, "0"), kind]);

// Long keys and many pages take some seconds on a busy machine.
describe("calls of one listing", { timeout: 60_000 }, () => {
  it("is one for every page of a large bucket, wherever the page is, by key and by delimiter", async () => {
    const keys = numbered(20_000, "plain", "").map(([key]) => `a/${key.slice(0, 3)}/${key}`);
    const world = storeOf(keys.map((key) => [key, "plain"]));
    expect(await listAll(world)).toEqual({ names: keys, pages: 20, mostCalls: 1 });
    const folders = [...new Set(keys.map((key) => key.slice(0, 6)))];
    const byDelimiter = { prefix: "a/", delimiter: "/", maxKeys: 2 };
    expect(await listAll(world, byDelimiter)).toEqual({ names: folders, pages: 10, mostCalls: 1 });
  });

  it("skips tombstones 1,000 at a time, without reading one of them", async () => {
    const world = storeOf([...numbered(20_000, "tombstone"), ["z", "plain"]]);
    expect(await listAll(world, { maxKeys: 1 })).toEqual({ names: ["z"], pages: 1, mostCalls: 21 });
  });

  it.each(["tombstone", "early tombstone"] as const)(
    "ends a page early that has too much to pass over: %s",
    async (kind) => {
      const world = storeOf([
        ["a", "plain"],
        ...numbered(kind === "tombstone" ? 100_000 : 20_000, kind),
        ["z", "marked"],
      ]);
      const { names, mostCalls, pages } = await listAll(world);
      expect(names).toEqual(["a", "z"]);
      expect(mostCalls).toBeLessThanOrEqual(MAX_CALLS);
      expect(pages).toBeGreaterThan(1);
    },
  );

  it("finds every object among tombstones of both forms, once and in order", async () => {
    const kinds = ["plain", "early tombstone", "tombstone", "marked", "early tombstone", "tombstone"] as const;
    const entries = numbered(3_000, "plain").map(([key], index) => [key, kinds[index % 6] ?? "plain"] as const);
    const expected = entries.filter(([, kind]) => !kind.endsWith("tombstone")).map(([key]) => key);
    for (const maxKeys of [90, 1000]) {
      const { names, mostCalls } = await listAll(storeOf(entries), { maxKeys });
      expect(names).toEqual(expected);
      expect(mostCalls).toBeLessThanOrEqual(MAX_CALLS);
    }
  });

  it("makes a whole page of 1,000 marked objects, at most six calls at once", async () => {
    const world = storeOf(numbered(1_000, "marked"));
    const { names, pages, mostCalls } = await listAll(world);
    expect([names.length, pages, mostCalls]).toEqual([1_000, 1, 11]);
    expect(world.mostAtOnce()).toBe(6);
  });

  it("lists again only the stretches of a page that contain marked objects", async () => {
    const groups = [0, 500, 980].map((begin) => Array.from({ length: 10 }, (_, index) => begin + index));
    const isMarked = (index: number) => groups.some((group) => group.includes(index));
    const entries = numbered(1_000, "plain").map(
      ([key], index) => [key, isMarked(index) ? "marked" : "plain"] as const,
    );
    const { names, mostCalls } = await listAll(storeOf(entries));
    expect([names.length, mostCalls]).toEqual([1_000, 4]);
  });

  it("reads a marked object far from others by itself", async () => {
    const entries = numbered(1_000, "plain").map(
      ([key], index) => [key, index % 100 === 50 ? "marked" : "plain"] as const,
    );
    const world = storeOf(entries);
    const { names, mostCalls } = await listAll(world);
    // The page, the stretch with the first of them, and nine reads.
    expect([names.length, mostCalls, world.reads()]).toEqual([1_000, 11, 9]);
  });

  it("reads the records of no more objects than the answer has room for", async () => {
    const { names, mostCalls } = await listAll(
      storeOf([["a", "tombstone"], ...numbered(8, "marked"), ...numbered(900, "plain", "l"), ["m", "marked"]]),
      { maxKeys: 5 },
    );
    expect(names.length).toBe(909);
    // A page of five rows with four to read, and one of 1,000 of which the next two are read.
    expect(mostCalls).toBe(8);
  });
});

describe("keys too long for R2", { timeout: 60_000 }, () => {
  const HEAD = "h".repeat(960);
  const longKeys = (count: number): [string, Kind][] => numbered(count, "plain", HEAD);

  it("with many different heads are listed in order, some a page", async () => {
    const entries = numbered(200, "plain", "").map(([key]) => [key.padEnd(970, "x"), "plain"] as const);
    const { names, mostCalls } = await listAll(storeOf(entries));
    expect(names).toEqual(entries.map(([key]) => key));
    expect(mostCalls).toBeLessThanOrEqual(MAX_CALLS);
  });

  it("with one head are listed in order up to 1,000 of them", async () => {
    const entries = longKeys(1_000);
    const { names, mostCalls } = await listAll(storeOf([["a", "plain"], ...entries, ["z", "plain"]]), { maxKeys: 300 });
    expect(names).toEqual(["a", ...entries.map(([key]) => key), "z"]);
    expect(mostCalls).toBeLessThanOrEqual(MAX_CALLS);
  });

  it.each([50, 300, 1000])("with one head are all listed once, however many there are, %i a page", async (maxKeys) => {
    const count = maxKeys === 50 ? 1_100 : 3_000;
    const entries = longKeys(count);
    const { names, mostCalls } = await listAll(storeOf([["a", "plain"], ...entries, ["z", "plain"]]), { maxKeys });
    expect(names[0]).toBe("a");
    expect(names.at(-1)).toBe("z");
    expect(names.slice(1, -1).sort()).toEqual(entries.map(([key]) => key));
    expect(mostCalls).toBeLessThanOrEqual(MAX_CALLS);
  });

  it("that are tombstones are skipped, however many there are", async () => {
    const entries = longKeys(5_000).map(([key]) => [key, "tombstone"] as const);
    const { names, mostCalls } = await listAll(storeOf([...entries, ["z", "plain"]]));
    expect(names).toEqual(["z"]);
    expect(mostCalls).toBeLessThanOrEqual(MAX_CALLS);
  });

  it("are grouped by prefixes that end after their head as well", async () => {
    const entries = ["a/1", "a/2", "b", "c/1"].map((tail) => [`${HEAD}${tail}`, "plain"] as const);
    for (const maxKeys of [1, 2, 1000]) {
      const { names } = await listAll(storeOf(entries), { delimiter: "/", maxKeys });
      expect(names.sort()).toEqual([`${HEAD}a/`, `${HEAD}b`, `${HEAD}c/`]);
    }
  });
});
