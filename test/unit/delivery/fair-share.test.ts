import { describe, expect, it } from "vitest";
import { type AfterJob, runGroups, TimeBudget } from "../../../src/delivery/fair-share.ts";

interface Job {
  readonly group: string;
  readonly number: number;
}

const jobsOf = (group: string, count: number): Job[] =>
  Array.from({ length: count }, (_, number) => ({ group, number }));

/** Runs jobs that the test ends, and reports which are running. Each group is another account's unless `accountOf` says so. */
function hold(groups: readonly (readonly Job[])[], accountOf = (group: string) => group) {
  const open = new Map<string, (after: AfterJob) => void>();
  const skipped: string[] = [];
  const nameOf = ({ group, number }: Job) => `${group}${number}`;
  const whole = runGroups(
    groups.map((jobs) => ({ accountId: accountOf(jobs[0]?.group ?? ""), jobs })),
    (job) => new Promise<AfterJob>((resolve) => open.set(nameOf(job), resolve)),
    (job) => skipped.push(nameOf(job)),
  );
  const end = async (name: string, after: AfterJob = "continue") => {
    open.get(name)?.(after);
    open.delete(name);
    await new Promise((resolve) => setTimeout(resolve));
  };
  return { whole, skipped, end, running: () => [...open.keys()].sort() };
}

describe("runGroups", () => {
  it("gives a single host all connections once it has answered", async () => {
    const { end, running } = hold([jobsOf("a", 9)]);
    expect(running()).toEqual(["a0"]);
    await end("a0");
    expect(running()).toEqual(["a1", "a2", "a3", "a4", "a5"]);
  });

  it("runs one job for each host, then two at a time", async () => {
    const { end, running } = hold([jobsOf("a", 4), jobsOf("b", 1)]);
    expect(running()).toEqual(["a0", "b0"]);
    await end("a0");
    expect(running()).toEqual(["a1", "a2", "b0"]);
    await end("a2");
    expect(running()).toEqual(["a1", "a3", "b0"]);
  });

  it("skips the remaining jobs of a group that stops, and no others", async () => {
    const { whole, end, running, skipped } = hold([jobsOf("a", 3), jobsOf("b", 2)]);
    await end("a0", "stop");
    expect(skipped).toEqual(["a1", "a2"]);
    await end("b0");
    expect(running()).toEqual(["b1"]);
    await end("b1");
    await whole;
    expect(skipped).toEqual(["a1", "a2"]);
  });

  it("lets running jobs of a group end when another one stops it", async () => {
    const { whole, end, running, skipped } = hold([jobsOf("a", 5), jobsOf("b", 1)]);
    await end("b0");
    await end("a0");
    await end("a1", "stop");
    expect([running(), skipped]).toEqual([["a2"], []]);
    await end("a2");
    await whole;
    expect(skipped).toEqual(["a3", "a4"]);
  });

  it("runs at most five jobs at a time", async () => {
    const { end, running } = hold(["a", "b", "c", "d", "e", "f", "g"].map((group) => jobsOf(group, 2)));
    expect(running()).toEqual(["a0", "b0", "c0", "d0", "e0"]);
    await end("c0");
    expect(running()).toHaveLength(5);
    expect(running()).toContain("f0");
  });

  it("leaves two connections to other accounts, in whatever order their jobs are listed", async () => {
    const names = ["a", "b", "c", "d", "e", "f", "z"];
    const groups = names.map((group) => jobsOf(group, 2));
    const { end, running } = hold(groups, (group) => (group === "z" ? "other" : "greedy"));
    expect(running()).toEqual(["a0", "b0", "c0", "z0"]);
    await end("z0");
    expect(running()).toEqual(["a0", "b0", "c0", "z1"]);
    await end("a0");
    expect(running()).toHaveLength(4);
  });

  it("gives the only account all connections", async () => {
    const { running } = hold(
      ["a", "b", "c", "d", "e", "f"].map((group) => jobsOf(group, 1)),
      () => "alone",
    );
    expect(running()).toEqual(["a0", "b0", "c0", "d0", "e0"]);
  });

  it("returns at once without jobs", async () => {
    await expect(hold([]).whole).resolves.toBeUndefined();
  });
});

const at = (host: string, accountId = "a") => ({ accountId, host });
const first = { isRetry: false };
const retry = { isRetry: true };

describe("TimeBudget", () => {
  it("is spent for first attempts at a host after one slow or unanswered attempt", () => {
    const budget = new TimeBudget();
    budget.spend(at("one"), 0);
    expect(budget.isSpent(at("one"), first)).toBe(true);
    expect(budget.isSpent(at("one"), retry)).toBe(false);
    expect(budget.isSpent(at("other"), first)).toBe(false);
    expect(budget.isSpent(at("one", "b"), first)).toBe(false);
  });

  it("is spent for retries to a host after 10 s", () => {
    const budget = new TimeBudget();
    budget.spend(at("one"), 9_999);
    expect(budget.isSpent(at("one"), retry)).toBe(false);
    budget.spend(at("one"), 1);
    expect(budget.isSpent(at("one"), retry)).toBe(true);
    expect(budget.isSpent(at("other"), retry)).toBe(false);
  });

  it("is spent for an account after 10 s of first attempts and 30 s of retries, and not for others", () => {
    const budget = new TimeBudget();
    budget.spend(at("one"), 5_000);
    budget.spend(at("two"), 5_000);
    expect(budget.isSpent(at("three"), first)).toBe(true);
    expect(budget.isSpent(at("three"), retry)).toBe(false);
    for (const host of ["four", "five", "six", "seven"]) budget.spend(at(host), 5_000);
    expect(budget.isSpent(at("three"), retry)).toBe(true);
    expect(budget.isSpent(at("one", "b"), retry)).toBe(false);
  });
});
