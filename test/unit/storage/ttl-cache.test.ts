import { describe, expect, it } from "vitest";
import { TtlCache } from "../../../src/storage/ttl-cache.ts";

describe("TtlCache", () => {
  it("keeps an entry for its lifetime and not a millisecond longer", () => {
    const cache = new TtlCache<string>({ ttlMs: 100, maxEntries: 10 });
    cache.set("k", { value: "v" }, 1000);
    expect(cache.get("k", 1000)).toMatchObject({ value: "v" });
    expect(cache.get("k", 1099)).toMatchObject({ value: "v" });
    expect(cache.get("k", 1100)).toBeUndefined();
    expect(cache.get("k", 1000)).toBeUndefined();
  });

  it("distinguishes a cached absence from a missing entry", () => {
    const cache = new TtlCache<string | undefined>({ ttlMs: 100, maxEntries: 10 });
    cache.set("absent", { value: undefined }, 0);
    expect(cache.get("absent", 0)).toMatchObject({ value: undefined });
    expect(cache.get("unknown", 0)).toBeUndefined();
  });

  it("drops deleted and cleared entries at once", () => {
    const cache = new TtlCache<number>({ ttlMs: 100, maxEntries: 10 });
    cache.set("a", { value: 1 }, 0);
    cache.set("b", { value: 2 }, 0);
    cache.delete("a");
    expect([cache.get("a", 0), cache.get("b", 0)?.value]).toEqual([undefined, 2]);
    cache.clear();
    expect(cache.get("b", 0)).toBeUndefined();
  });

  it("drops the entry set longest ago when it is full", () => {
    const cache = new TtlCache<number>({ ttlMs: 100, maxEntries: 2 });
    cache.set("a", { value: 1 }, 0);
    cache.set("b", { value: 2 }, 0);
    cache.set("a", { value: 3 }, 0);
    cache.set("c", { value: 4 }, 0);
    expect(["a", "b", "c"].map((key) => cache.get(key, 0)?.value)).toEqual([3, undefined, 4]);
  });

  it("drops the entries set longest ago when the total weight is too large", () => {
    const cache = new TtlCache<number>({ ttlMs: 100, maxEntries: 10, maxWeight: 10 });
    const known = (now = 0) => ["a", "b", "c"].filter((key) => cache.get(key, now) !== undefined);
    cache.set("a", { value: 1, weight: 4 }, 0);
    cache.set("b", { value: 2, weight: 6 }, 0);
    expect(known()).toEqual(["a", "b"]);
    cache.set("c", { value: 3, weight: 5 }, 0);
    expect(known()).toEqual(["c"]);
    // Entries that are replaced, deleted, cleared or expired have no weight any more.
    cache.set("c", { value: 3, weight: 4 }, 0);
    cache.set("a", { value: 1, weight: 6 }, 0);
    expect(known()).toEqual(["a", "c"]);
    cache.delete("a");
    cache.set("b", { value: 2, weight: 6 }, 50);
    expect(known(99)).toEqual(["b", "c"]);
    expect(known(100)).toEqual(["b"]);
    cache.set("a", { value: 1, weight: 4 }, 100);
    expect(known(100)).toEqual(["a", "b"]);
    cache.clear();
    cache.set("a", { value: 1, weight: 10 }, 100);
    expect(known(100)).toEqual(["a"]);
    cache.set("b", { value: 1, weight: 11 }, 100);
    expect(known(100)).toEqual([]);
  });

  it("says from when on an entry is to be renewed, to one caller, and keeps it no longer for that", () => {
    const cache = new TtlCache<number>({ ttlMs: 100, maxEntries: 2, renewMs: 80 });
    cache.set("a", { value: 1 }, 0);
    expect(cache.get("a", 79)?.renewAt).toBe(80);
    cache.beginRenewal("a");
    expect(cache.get("a", 99)?.renewAt).toBe(Number.POSITIVE_INFINITY);
    expect(cache.get("a", 100)).toBeUndefined();
    cache.set("a", { value: 2 }, 90);
    expect(cache.get("a", 189)).toMatchObject({ value: 2, renewAt: 170 });
    cache.beginRenewal("unknown");
    expect(new TtlCache({ ttlMs: 100, maxEntries: 2 }).get("unknown", 0)).toBeUndefined();
  });

  it("keeps nothing with a lifetime of 0", () => {
    const cache = new TtlCache<number>({ ttlMs: 0, maxEntries: 2 });
    cache.set("a", { value: 1 }, 5);
    expect(cache.get("a", 5)).toBeUndefined();
  });
});
