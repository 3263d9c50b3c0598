import { describe, expect, it } from "vitest";
import { ConcurrencyLimit } from "../../../src/model/concurrency-limit.ts";

/** Runs work with these places and notes which of it runs at the same time. */
async function statesOf(limit: ConcurrencyLimit, places: readonly number[]): Promise<string[]> {
  const running = new Set<number>();
  const states: string[] = [];
  const work = (name: number) => async () => {
    running.add(name);
    states.push([...running].join());
    await new Promise((resolve) => setTimeout(resolve, 1));
    running.delete(name);
  };
  await Promise.all(places.map((count, name) => limit.run(work(name), count)));
  return states;
}

describe("ConcurrencyLimit", () => {
  it("runs so much at a time, in order of arrival", async () => {
    expect(await statesOf(new ConcurrencyLimit(2), [1, 1, 1])).toEqual(["0", "0,1", "1,2"]);
  });

  it("counts places, and lets nothing pass what waits for many of them", async () => {
    expect(await statesOf(new ConcurrencyLimit(4), [1, 4, 1])).toEqual(["0", "1", "2"]);
  });

  it("never holds work back that takes no place", async () => {
    expect((await statesOf(new ConcurrencyLimit(1), [1, 1, 0])).slice(0, 2)).toEqual(["0", "0,2"]);
  });

  it("frees the places of work that fails", async () => {
    const limit = new ConcurrencyLimit(1);
    await expect(limit.run(() => Promise.reject(new Error("failed")))).rejects.toThrow("failed");
    expect(await limit.run(async () => "next")).toBe("next");
  });
});
