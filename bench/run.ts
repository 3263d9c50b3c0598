/**
 * `npm run bench`: our Worker against the floor and other servers, on this machine, in one run.
 *
 *   npm run bench -- [--only TEXT] [--rounds N] [--seconds S] [--quick] [--against NAME,…] [--write]
 *
 * Only the ratios are meaningful: local R2 is a simulator, so its times differ from Cloudflare's.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { projectRoot } from "../scripts/wrangler.ts";
import { BUCKET } from "./cases.ts";
import { formatScale } from "./cost/page.ts";
import { DEEP_LISTING_SECTION } from "./deep-listing.ts";
import { EVENTS_SECTION } from "./events.ts";
import { LARGE_SECTIONS } from "./large.ts";
import { describeMachine } from "./machine.ts";
import { MEMORY_SECTION } from "./memory.ts";
import { residentBytesOf } from "./processes.ts";
import { formatPerformance, formatRequest, formatSection } from "./report.ts";
import { casesNamed, measureCase } from "./requests.ts";
import { mergeResults, type RequestResult, type Results, type SectionResult, type SideName } from "./results.ts";
import type { Section } from "./section.ts";
import { stopAllServers } from "./servers.ts";
import { type Side, send, startSide } from "./sides.ts";
import { STARTUP_SECTION } from "./startup.ts";

const USAGE = `Usage: npm run bench -- [options]

  --only TEXT      only the requests and sections whose name contains the text
  --rounds N       how often each is measured (default: 5)
  --seconds S      how long each request is sent to each server in a round (default: 1)
  --quick          2 rounds of half a second, and smaller objects
  --against NAMES  other servers, separated by commas: dev, moto, s3rver (default: all that can be started)
  --write          put the results into bench/results.json, and write docs/performance.md and docs/scale.md from it.
                   A run without --only, --quick and --against always does that, and replaces all earlier results`;

const SECTIONS: readonly Section[] = [
  ...LARGE_SECTIONS,
  DEEP_LISTING_SECTION,
  MEMORY_SECTION,
  EVENTS_SECTION,
  STARTUP_SECTION,
];

const recordPath = join(import.meta.dirname, "results.json");

const { values: options } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    rounds: { type: "string" },
    seconds: { type: "string" },
    quick: { type: "boolean", default: false },
    against: { type: "string" },
    write: { type: "boolean", default: false },
    help: { type: "boolean", short: "h" },
  },
});

const running = new Set<Side>();
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(signal, () => void stopAllServers().finally(() => process.exit(1)));
}
if (options.help) {
  console.log(USAGE);
} else {
  try {
    await run();
  } finally {
    await stop([...running]);
  }
}

async function run(): Promise<void> {
  const rounds = positive("--rounds", options.rounds ?? (options.quick ? "2" : "5"));
  const seconds = positive("--seconds", options.seconds ?? (options.quick ? "0.5" : "1"));
  const cases = casesNamed(options.only);
  const chosen = SECTIONS.filter(({ name }) => name.includes(options.only));
  if (cases.length + chosen.length === 0) throw new RangeError(`No name contains ${JSON.stringify(options.only)}.`);
  const machine = describeMachine();
  const [ours, floor] = [await start("start"), await start("floor")];
  if (ours === undefined || floor === undefined) throw new Error("Our own servers did not start.");
  const others = cases.length === 0 ? [] : await startOthers(options.against?.split(",") ?? ["dev", "moto", "s3rver"]);
  const sides = [ours, floor, ...others];
  for (const side of sides) if (side !== floor) await send(side, { method: "PUT", path: `/${BUCKET}` });

  const requests: RequestResult[] = [];
  for (const each of cases) {
    const result = await attempt(each.name, () => measureCase(each, sides, { rounds, seconds }));
    if (result === undefined) continue;
    requests.push(result);
    console.log(formatRequest(result));
  }
  const measuredSides = sides.map(({ name, version, server }) => {
    const residentBytes = residentBytesOf(server.pid);
    return { name, version, ...(residentBytes !== undefined && { residentBytes }) };
  });
  await stop(others);
  const sections: SectionResult[] = [];
  for (const { name, run: measure } of chosen) {
    const figures = await attempt(name, () => measure({ ours, floor, rounds, isQuick: options.quick }));
    if (figures === undefined) continue;
    sections.push({ name, figures });
    console.log(formatSection({ name, figures }));
  }
  const date = new Date().toISOString().slice(0, 10);
  const results = { date, machine, rounds, seconds, sides: measuredSides, requests, sections };
  const isWhole = options.only === "" && !options.quick && options.against === undefined;
  if (isWhole) write(results);
  else if (options.write) write(mergeResults(JSON.parse(readFileSync(recordPath, "utf8")) as Results, results));
}

/** What fails is reported and left out, and the rest of the run goes on. */
async function attempt<T>(name: string, measure: () => Promise<T>): Promise<T | undefined> {
  try {
    return await measure();
  } catch (error) {
    console.error(`${name} failed:`, error);
    process.exitCode = 1;
    return undefined;
  }
}

async function startOthers(names: readonly string[]): Promise<Side[]> {
  const started: Side[] = [];
  for (const name of names) {
    if (!isOther(name)) throw new RangeError(`--against takes dev, moto and s3rver, not ${JSON.stringify(name)}.`);
    const side = await start(name);
    if (side === undefined) console.log(`${name} is skipped: it is not installed and cannot be installed.`);
    else started.push(side);
  }
  return started;
}

function isOther(name: string): name is SideName {
  return name === "dev" || name === "moto" || name === "s3rver";
}

async function start(name: SideName): Promise<Side | undefined> {
  const side = await startSide(name);
  if (side !== undefined) running.add(side);
  return side;
}

async function stop(sides: readonly Side[]): Promise<void> {
  await Promise.all(
    sides.map(async (side) => {
      running.delete(side);
      side.http.close();
      await side.server.stop();
    }),
  );
}

function write(results: Results): void {
  writeFileSync(recordPath, `${JSON.stringify(results, undefined, 2)}\n`);
  writeFileSync(join(projectRoot, "docs/performance.md"), formatPerformance(results));
  writeFileSync(join(projectRoot, "docs/scale.md"), formatScale(results));
  console.log("Written: bench/results.json, docs/performance.md, docs/scale.md");
}

function positive(flag: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new RangeError(`${flag} takes a number above 0.`);
  return value;
}
