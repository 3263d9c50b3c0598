/** How a pass of the lifecycle goes through a bucket that was never versioned. */
import { describe, expect, it } from "vitest";
import { entryKey } from "../../../src/storage/r2/entry-place.ts";
import type { EntryRecord } from "../../../src/storage/r2/entry-record.ts";
import { type ScannedEntry, type ScanQuery, scanEntries } from "../../../src/storage/r2/scanning.ts";
import { type ListedR2, listedR2 } from "../../support/listed-r2.ts";

const ID = "abcdefghijkl";
const LONG = "l".repeat(1000);
const numbered = (count: number) => Array.from({ length: count }, (_, index) => `k${String(index).padStart(6, "0")}`);

function put(world: ListedR2, key: string, record: Partial<EntryRecord> = {}): void {
  const isHashed = !entryKey(ID, key).endsWith(key);
  world.put(entryKey(ID, key), { w: "w", ...(isHashed && { k: key }), ...record });
}

/** Goes on as a pass does that is resumed after each page. */
async function scanAll(world: ListedR2, query: Partial<ScanQuery> = {}) {
  const entries: ScannedEntry[] = [];
  let calls = 0;
  for (let after: string | undefined = ""; after !== undefined; ) {
    const page = await scanEntries(world.store, ID, { prefix: "", needsTags: false, ...query, after });
    entries.push(...page.entries);
    calls += page.calls;
    after = page.next;
  }
  expect(world.takeCalls()).toBe(calls);
  return { entries, keys: entries.map(({ key }) => key), calls };
}

describe("a scan of entries", () => {
  it("reads 200,000 plain objects with 200 calls, each once", async () => {
    const world = listedR2();
    const keys = numbered(200_000);
    for (const key of keys) put(world, key);
    const scanned = await scanAll(world);
    expect(scanned.calls).toBe(200);
    expect(scanned.keys.join()).toBe(keys.join());
  });

  it("passes over tombstones without reading more, and reads records only of pages with other entries", async () => {
    const world = listedR2();
    const keys = numbered(3000);
    for (const [index, key] of keys.entries()) put(world, key, index % 2 === 0 ? { t: 1 } : {});
    put(world, keys[2500] ?? "", { s: "STANDARD_IA", f: { n: 5, e: "of the object", b: "b" } });
    const { entries, calls } = await scanAll(world);
    expect([entries.length, calls]).toEqual([1501, 4]);
    expect(entries.find(({ key }) => key === keys[2500])).toMatchObject({
      storageClass: "STANDARD_IA",
      sizeBytes: 5,
      etag: "of the object",
    });
  });

  it("reads tags only if they are asked for, with one call for what R2 lists with metadata", async () => {
    const world = listedR2({ withMetadata: 100 });
    for (const key of numbered(300)) put(world, key, { g: [["k", "v"]] });
    expect((await scanAll(world)).entries.every(({ tags }) => tags.length === 0)).toBe(true);
    const { entries, calls } = await scanAll(world, { needsTags: true });
    expect([calls, entries.every(({ tags }) => tags[0]?.value === "v")]).toEqual([3, true]);
  });

  it("finds keys that are too long for R2 below any prefix of theirs", async () => {
    const world = listedR2();
    for (const key of ["k", `${LONG}a`, `${LONG}b`]) put(world, key);
    for (const prefix of ["", "l", LONG, `${LONG}a`]) {
      expect((await scanAll(world, { prefix })).keys).toEqual(expect.arrayContaining([`${LONG}a`]));
    }
  });
});
