/**
 * `npm run bench`: our Worker against one that only passes requests on to R2, on this machine, in one run.
 *
 *   npm run bench -- [--json FILE] [--only TEXT]
 *
 * Only the ratios are meaningful: local R2 is a simulator, so its times differ from Cloudflare's.
 */
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { HttpClient, makeSigner } from "./http-client.ts";
import { measure, type Pair, type Timing } from "./measure.ts";
import { type Bench, NotOffered, prepareStorage, type Row, rows } from "./rows.ts";
import { type OurServer, type Server, startBare, startOurs } from "./servers.ts";

interface Result {
  readonly name: string;
  /** Undefined if our Worker does not offer the operation. */
  readonly timing: Pair<Timing> | undefined;
}

const { values: options } = parseArgs({ options: { json: { type: "string" }, only: { type: "string" } } });
const chosen = rows.filter(({ name }) => name.includes(options.only ?? ""));
if (chosen.length === 0) throw new RangeError(`No row's name contains ${JSON.stringify(options.only)}.`);

const running: Server[] = [];
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => void stopAll().finally(() => process.exit(1)));
}
try {
  const ours = await startOurs();
  running.push(ours);
  const bare = await startBare();
  running.push(bare);
  const results = await runAll(ours, bare);
  const memory = { ours: ours.memoryBytes(), bare: bare.memoryBytes() };
  console.log(`\nworkerd afterwards: ours ${formatMiB(memory.ours)}, bare ${formatMiB(memory.bare)} resident`);
  if (options.json !== undefined) writeFileSync(options.json, formatJson(results, memory));
} finally {
  await stopAll();
}

async function stopAll(): Promise<void> {
  await Promise.all(running.splice(0).map((server) => server.stop()));
}

async function runAll(ours: OurServer, bare: Server): Promise<Result[]> {
  const bench: Bench = {
    ours: new HttpClient(ours.port),
    bare: new HttpClient(bare.port),
    sign: makeSigner(ours.port, ours),
  };
  await prepareStorage(bench);
  console.log(formatLine(["", "ours ms", "bare ms", "ratio", "ours /s", "bare /s", "ratio"]));
  const results: Result[] = [];
  for (const row of chosen) {
    const result = { name: row.name, timing: await runRow(row, bench) };
    results.push(result);
    console.log(formatResult(result));
  }
  bench.ours.close();
  bench.bare.close();
  return results;
}

async function runRow(row: Row, bench: Bench): Promise<Pair<Timing> | undefined> {
  try {
    return await measure(await row.prepare(bench), row.effort);
  } catch (error) {
    if (error instanceof NotOffered) return undefined;
    throw new Error(`${row.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** Latency: lower is better, so above 1 is our cost. Throughput: higher is better, so below 1 is our cost. */
function formatResult({ name, timing }: Result): string {
  if (timing === undefined) return formatLine([name, "not offered"]);
  const { ours, bare } = timing;
  return formatLine([
    ...[name, ours.medianMs.toFixed(2), bare.medianMs.toFixed(2), `${(ours.medianMs / bare.medianMs).toFixed(2)}×`],
    ...(ours.perSecond === undefined || bare.perSecond === undefined
      ? ["–", "–", "–"]
      : [ours.perSecond.toFixed(1), bare.perSecond.toFixed(1), `${(ours.perSecond / bare.perSecond).toFixed(2)}×`]),
  ]);
}

function formatLine([name = "", ...columns]: readonly string[]): string {
  return name.padEnd(32) + columns.map((column) => column.padStart(9)).join(" ");
}

function formatMiB(bytes: number | undefined): string {
  return bytes === undefined ? "?" : `${Math.round(bytes / 1024 / 1024)} MiB`;
}

function formatJson(results: readonly Result[], memoryBytes: unknown): string {
  const machine = { node: process.version, platform: process.platform, cores: cpus().length };
  return `${JSON.stringify({ date: new Date().toISOString(), machine, memoryBytes, results }, undefined, 2)}\n`;
}
