/** What a step begins, and where it stops. */
import { describe, expect, it } from "vitest";
import { MAX_BYTES, MAX_CALLS, StepBudget } from "../../../src/scrub/step-budget.ts";
import type { ScrubReads } from "../../../src/storage/scrub/scrub-reads.ts";

function budgetOf(readsBytes = false) {
  const counts = { calls: 0, bytesRead: 0 };
  return { counts, budget: new StepBudget({ counts } as unknown as ScrubReads, readsBytes) };
}

/** Begins items that make so many calls each. */
async function begun(items: readonly number[], made: number, readsBytes = false) {
  const { budget, counts } = budgetOf(readsBytes);
  const seen: number[] = [];
  let active = 0;
  let most = 0;
  const done = await budget.inOrder(
    items,
    (calls) => calls,
    async (_calls, index) => {
      seen.push(index);
      most = Math.max(most, ++active);
      await Promise.resolve();
      counts.calls += made;
      active--;
      return true;
    },
  );
  return { done, seen: seen.length, calls: counts.calls, most };
}

describe("the budget of a step", () => {
  it("begins no item for which there are not enough calls", async () => {
    expect(
      await begun(
        Array.from({ length: 20 }, () => 10),
        10,
      ),
    ).toMatchObject({ done: 4, seen: 4, calls: 40 });
    expect(
      await begun(
        Array.from({ length: 20 }, () => 10),
        2,
      ),
    ).toMatchObject({ done: 18, calls: 36 });
  });

  it("works on one item, whatever it takes", async () => {
    expect(await begun([MAX_CALLS + 10, 1], MAX_CALLS + 10)).toMatchObject({ done: 1, seen: 1 });
  });

  it("works on several items at a time, and on one where bytes are read", async () => {
    const items = Array.from({ length: 10 }, () => 2);
    expect((await begun(items, 1)).most).toBe(5);
    expect((await begun(items, 1, true)).most).toBe(1);
  });

  it("stops at an item that is not finished", async () => {
    const { budget } = budgetOf(true);
    const seen: number[] = [];
    const work = async (item: number) => {
      seen.push(item);
      return item !== 2;
    };
    expect(await budget.inOrder([1, 2, 3], () => 1, work)).toBe(1);
    expect(seen).toEqual([1, 2]);
  });

  it("passes on what an item fails with", async () => {
    const { budget } = budgetOf();
    const work = async (item: number) => {
      if (item === 3) throw new Error("R2 is not available");
      return true;
    };
    await expect(budget.inOrder([1, 2, 3, 4], () => 1, work)).rejects.toThrow("R2 is not available");
  });

  it("lets one R2 object of any size be read, and others up to the limit", () => {
    const { budget, counts } = budgetOf(true);
    expect(budget.mayRead(5 * 1024 ** 3)).toBe(true);
    counts.bytesRead = MAX_BYTES - 10;
    expect([budget.mayRead(10), budget.mayRead(11)]).toEqual([true, false]);
  });
});
