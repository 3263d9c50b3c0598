/**
 * `npm run test:time`: CPU time and memory of the worst documents of each kind, each in a new process, as in an isolate that
 * has just started. Only work that a request's bytes cause is measured; the target is 250 ms and 32 MB. It needs a quiet
 * machine, so it is not one of the tests, which count steps or compare n with 2 n.
 */
import { spawnSync } from "node:child_process";
import { cpus, loadavg } from "node:os";
import { CASES } from "./time-cases.ts";

const MAX_MS = 250;
const MAX_MB = 32;
const REPEATS = 5;

interface Measured {
  readonly first: number;
  readonly later: number;
  readonly megabytes: number;
}

const wanted = process.argv[2];
if (wanted === "--case") {
  console.log(JSON.stringify(await measure(process.argv[3] ?? "")));
} else {
  process.exitCode = report(Object.keys(CASES).filter((name) => wanted === undefined || name.includes(wanted)));
}

async function measure(name: string): Promise<Measured> {
  const run = CASES[name]?.();
  if (run === undefined) throw new Error(`There is no case "${name}".`);
  globalThis.gc?.();
  const before = process.memoryUsage().heapUsed;
  const first = await cpuOf(run);
  const megabytes = (process.memoryUsage().heapUsed - before) / 1e6;
  let later = first;
  for (let repeat = 0; repeat < REPEATS; repeat++) later = Math.min(later, await cpuOf(run));
  return { first, later, megabytes };
}

/** Milliseconds of user and system time. */
async function cpuOf(run: () => unknown): Promise<number> {
  const start = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1_000;
}

/** Prints a table. @returns 1 if a case is beyond the target, else 0 */
function report(names: readonly string[]): number {
  console.log(
    `${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}\n`,
  );
  console.log("| document | CPU first, ms | CPU later, ms | memory taken, MB | |\n|-|-|-|-|-|");
  let beyond = 0;
  for (const name of names) {
    // The new space is large enough that nothing is collected, so the heap grows by what was allocated.
    const flags = ["--no-warnings", "--expose-gc", "--max-semi-space-size=256", process.argv[1] ?? "", "--case", name];
    const child = spawnSync(process.execPath, flags, { encoding: "utf8" });
    if (child.status !== 0) throw new Error(`${name}: ${child.stderr}`);
    const { first, later, megabytes } = JSON.parse(child.stdout) as Measured;
    const isBeyond = first > MAX_MS || megabytes > MAX_MB;
    if (isBeyond) beyond++;
    console.log(
      `| ${name} | ${first.toFixed(0)} | ${later.toFixed(0)} | ${megabytes.toFixed(1)} | ${isBeyond ? "**beyond**" : ""} |`,
    );
  }
  console.log(`\nTarget: ${MAX_MS} ms and ${MAX_MB} MB. ${beyond} of ${names.length} beyond.`);
  return beyond === 0 ? 0 : 1;
}
