import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Bucket } from "../../../src/model/bucket.ts";
import { FreshReads } from "../../../src/replication/fresh-reads.ts";

beforeEach(() => {
  vi.useFakeTimers({ now: 1_000_000, toFake: ["Date"] });
});
afterEach(() => {
  vi.useRealTimers();
});

const later = (ms: number) => vi.setSystemTime(Date.now() + ms);
const task = (source: string, destination: { remote?: string; bucket: string }) =>
  ({ origin: { bucket: { name: source } }, destination }) as never;
const TASKS = [
  task("a", { bucket: "b" }),
  task("a", { remote: "far", bucket: "there" }),
  task("c", { remote: "far", bucket: "b" }),
];

/** D1 as it is, and what was read of it. */
function world(configTtlMs = 5_000) {
  const asked: string[] = [];
  const state = { isDown: false };
  const directory = {
    loadFresh: async (names: readonly string[]) => {
      asked.push(`buckets ${names.join()}`);
      if (state.isDown) throw new Error("D1 is down");
      return new Map(names.map((name) => [name, { name } as Bucket]));
    },
  };
  const remotes = {
    open: async (name: string) => {
      asked.push(`remote ${name}`);
      if (state.isDown) throw new Error("D1 is down");
      return name === "far" ? { remote: { name }, credentials: {} } : undefined;
    },
  };
  const services = { config: { configTtlMs }, directory, remotes } as never;
  return { asked, state, reads: new FreshReads(services, TASKS) };
}

describe("FreshReads", () => {
  it("reads the buckets of all tasks at once, and each remote once, also for attempts at the same time", async () => {
    const { asked, reads } = world();
    const [one, two] = await Promise.all([reads.buckets(), reads.buckets()]);
    expect(one).toBe(two);
    expect([...one.keys()]).toEqual(["a", "b", "c"]);
    const [far, again] = await Promise.all([reads.remote("far"), reads.remote("far")]);
    expect(far?.signingKeys).toBe(again?.signingKeys);
    expect(await reads.remote("gone")).toBeUndefined();
    expect(await reads.remote("gone")).toBeUndefined();
    expect(asked).toEqual(["buckets a,b,c", "remote far", "remote gone"]);
  });

  it.each([
    [60_000, 5_000],
    [3_000, 3_000],
    [0, 0],
  ])(
    "reads again for attempts that begin later, with CONFIG_TTL_SECONDS of %d ms after %d ms",
    async (ttlMs, ageMs) => {
      const { asked, reads } = world(ttlMs);
      const readBoth = () => Promise.all([reads.buckets(), reads.remote("far")]);
      await readBoth();
      later(Math.max(0, ageMs - 1));
      await readBoth();
      expect(asked).toHaveLength(ageMs === 0 ? 4 : 2);
      later(1);
      await readBoth();
      expect(asked).toHaveLength(ageMs === 0 ? 6 : 4);
    },
  );

  it("keeps no failed read", async () => {
    const { state, reads } = world();
    state.isDown = true;
    await expect(reads.buckets()).rejects.toThrow("D1 is down");
    await expect(reads.remote("far")).rejects.toThrow("D1 is down");
    state.isDown = false;
    expect((await reads.buckets()).size).toBe(3);
    expect(await reads.remote("far")).toBeDefined();
  });
});
