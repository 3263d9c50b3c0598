/** The loop of `npm run admin -- scrub`: what it asks, what it prints where, and its exit code. */
import { describe, expect, it } from "vitest";
import { runScrub, type ScrubRun } from "../../../cli/scrub.ts";

interface Answer {
  readonly findings?: readonly object[];
  readonly counts?: Record<string, number>;
  readonly at?: string;
  readonly cursor: string | null;
}

/** A run over answers; an error is thrown. */
function runOf(answers: readonly (Answer | Error)[], options: Partial<ScrubRun> = {}) {
  const left = [...answers];
  const seen = { bodies: [] as unknown[], stdout: "", stderr: "", pauses: [] as number[] };
  const run: ScrubRun = {
    call: async (body) => {
      seen.bodies.push(body);
      const next = left.shift();
      if (next === undefined || next instanceof Error) throw next ?? new Error("one call too many");
      return { findings: [], counts: {}, ...next };
    },
    isJson: false,
    signal: new AbortController().signal,
    print: (text) => {
      seen.stdout += text;
    },
    note: (text) => {
      seen.stderr += text;
    },
    isTerminal: false,
    now: () => 0,
    pause: async (ms) => {
      seen.pauses.push(ms);
    },
    ...options,
  };
  return { run, seen };
}

const FINDING = { kind: "blob-missing", bucket: "b", key: "a\u001b[2J", detail: "of 7 bytes" };

describe("scrub", () => {
  it("repeats the step with each cursor, adds the counts, and exits with 0 without findings", async () => {
    const { run, seen } = runOf([
      { counts: { objects: 2, blobs: 1 }, cursor: "one" },
      { counts: { objects: 3 }, cursor: null },
    ]);
    expect(await runScrub(run)).toBe(0);
    expect(seen).toEqual({
      bodies: [undefined, { cursor: "one" }],
      stdout: "findings  0\nobjects   5\nblobs     1\n",
      stderr: "",
      pauses: [],
    });
  });

  it("prints a line for each finding, without its control characters, and exits with 1", async () => {
    const { run, seen } = runOf([{ findings: [FINDING], counts: { objects: 1 }, cursor: null }]);
    expect(await runScrub(run)).toBe(1);
    expect(seen.stdout).toBe("blob-missing  b  a?[2J  of 7 bytes\nfindings  1\nobjects   1\n");
  });

  it("prints JSON lines, the summary last", async () => {
    const { run, seen } = runOf([{ findings: [FINDING], counts: { objects: 1 }, cursor: null }], { isJson: true });
    expect(await runScrub(run)).toBe(1);
    const lines = seen.stdout.trim().split("\n");
    expect(lines.map((line) => JSON.parse(line))).toEqual([FINDING, { summary: { findings: 1, objects: 1 } }]);
  });

  it("shows its progress from time to time on standard error", async () => {
    let now = 0;
    const answer = { at: "entries of b", counts: { objects: 500 }, findings: [FINDING], cursor: "next" };
    const { run, seen } = runOf([answer, answer, answer, { cursor: null }], { now: () => (now += 4000) });
    await runScrub(run);
    expect(seen.stderr).toBe("entries of b: 1500 objects, 0 noncurrent versions, 3 findings\n");
  });

  it("says how to continue when it is interrupted, and exits with 2", async () => {
    const interruption = new AbortController();
    interruption.abort();
    const { run, seen } = runOf([{ cursor: "one" }], { signal: interruption.signal });
    expect(await runScrub(run)).toBe(2);
    expect(seen.stderr).toBe("Continue with: npm run admin -- scrub --cursor one\n");
    expect(seen.stdout).toBe("");
  });

  it("repeats a step that the platform did not answer, and gives up in the end with the cursor", async () => {
    const failure = new Error("SlowDown: Please reduce your request rate.");
    const failures = Array.from({ length: 5 }, () => failure);
    const { run, seen } = runOf([{ cursor: "one" }, ...failures.slice(1), { cursor: "two" }, ...failures]);
    expect(await runScrub(run)).toBe(2);
    expect(seen.pauses).toEqual([1000, 2000, 3000, 4000, 1000, 2000, 3000, 4000]);
    expect(seen.bodies.at(-1)).toEqual({ cursor: "two" });
    expect(seen.stderr).toBe(`${failure.message}\nContinue with: npm run admin -- scrub --cursor two\n`);
  });

  it("does not repeat a refusal", async () => {
    const { run, seen } = runOf([new Error("NoSuchBucket: The specified bucket does not exist")]);
    expect(await runScrub(run)).toBe(2);
    expect([seen.bodies, seen.stderr]).toEqual([[undefined], "NoSuchBucket: The specified bucket does not exist\n"]);
  });
});
