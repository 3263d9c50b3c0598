import { describe, expect, it } from "vitest";
import { TtlCache } from "../../../src/storage/ttl-cache.ts";

describe("TtlCache", () => {
  it("remembers for its lifetime and not a millisecond longer", () => {
    const cache = new TtlCache<string>({ ttlMs: 100, maxEntries: 10 });
    cache.set("k", "v", 1000);
    expect(cache.get("k", 1000)).toMatchObject({ value: "v" });
    expect(cache.get("k", 1099)).toMatchObject({ value: "v" });
    expect(cache.get("k", 1100)).toBeUndefined();
    expect(cache.get("k", 1000)).toBeUndefined();
  });

  it("tells a remembered absence from nothing remembered", () => {
    const cache = new TtlCache<string | undefined>({ ttlMs: 100, maxEntries: 10 });
    cache.set("absent", undefined, 0);
    expect(cache.get("absent", 0)).toMatchObject({ value: undefined });
    expect(cache.get("unknown", 0)).toBeUndefined();
  });

  it("forgets at once what is deleted or cleared", () => {
    const cache = new TtlCache<number>({ ttlMs: 100, maxEntries: 10 });
    cache.set("a", 1, 0);
    cache.set("b", 2, 0);
    cache.delete("a");
    expect([cache.get("a", 0), cache.get("b", 0)?.value]).toEqual([undefined, 2]);
    cache.clear();
    expect(cache.get("b", 0)).toBeUndefined();
  });

  it("drops the entry set longest ago when it is full", () => {
    const cache = new TtlCache<number>({ ttlMs: 100, maxEntries: 2 });
    cache.set("a", 1, 0);
    cache.set("b", 2, 0);
    cache.set("a", 3, 0);
    cache.set("c", 4, 0);
    expect(["a", "b", "c"].map((key) => cache.get(key, 0)?.value)).toEqual([3, undefined, 4]);
  });

  it("remembers nothing with a lifetime of 0", () => {
    const cache = new TtlCache<number>({ ttlMs: 0, maxEntries: 2 });
    cache.set("a", 1, 5);
    expect(cache.get("a", 5)).toBeUndefined();
  });
});
