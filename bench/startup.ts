/**
 * The size of the bundle that a deploy uploads, the CPU time of its evaluation, each time in a new Node process (Cloudflare
 * allows one second), and the time until `npm start` answers.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { runWrangler } from "../scripts/wrangler.ts";
import type { Figure } from "./results.ts";
import type { Bench, Section } from "./section.ts";
import { startOurs, storageRoot } from "./servers.ts";
import { round, spreadOf } from "./statistics.ts";

const EVALUATIONS = 21;

/** The runtime's modules that the bundle imports, in a form that Node loads. */
const RUNTIME_MODULE =
  "export class DurableObject {}; export class WorkerEntrypoint {}; export const env = {}; export const waitUntil = () => {};";

/** The console's files, which are data and not evaluated. */
const DATA_MODULE = "export default new ArrayBuffer(0);";

export const STARTUP_SECTION: Section = {
  name: "Start",
  run: async (bench) => [...(await measureBundle()), await measureReadiness(bench)],
};

async function measureBundle(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), "workers-s3-startup-"));
  try {
    await runWrangler(["deploy", "--dry-run", "--outdir", folder], { stdio: "pipe" });
    const bundle = join(folder, "index.mjs");
    renameSync(join(folder, "index.js"), bundle);
    const code = readFileSync(bundle);
    const times = Array.from({ length: EVALUATIONS }, () => evaluate(bundle));
    const { middle, least, most } = spreadOf(times);
    return [
      {
        what: "bundle",
        value: code.byteLength,
        unit: "bytes",
        note: `${gzipSync(code, { level: 9 }).byteLength} bytes with gzip`,
      },
      {
        what: `CPU of the bundle's evaluation, of ${EVALUATIONS} new processes`,
        ...{ value: round(middle, 1), least: round(least, 1), most: round(most, 1) },
        unit: "ms",
        target: { atMost: 15 },
      },
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Milliseconds of user and system time. */
function evaluate(bundle: string): number {
  const hooks = `export async function resolve(specifier, context, next) {
    const isRuntime = specifier.startsWith("cloudflare:");
    if (!isRuntime && !specifier.endsWith(".bin")) return next(specifier, context);
    const url = isRuntime ? ${JSON.stringify(`data:text/javascript,${RUNTIME_MODULE}`)} : ${JSON.stringify(`data:text/javascript,${DATA_MODULE}`)};
    return { url, shortCircuit: true };
  }`;
  const program = `
    import { register } from "node:module";
    register(${JSON.stringify(`data:text/javascript,${encodeURIComponent(hooks)}`)});
    await import("data:text/javascript,0");
    const start = process.cpuUsage();
    await import(${JSON.stringify(pathToFileURL(bundle).href)});
    const { user, system } = process.cpuUsage(start);
    console.log((user + system) / 1_000);`;
  const child = spawnSync(process.execPath, ["--input-type=module", "-e", program], { encoding: "utf8" });
  if (child.status !== 0) throw new Error(child.stderr.slice(-2_000));
  return Number(child.stdout);
}

/** Of a start on storage that exists, until `/-/health` answers. */
async function measureReadiness({ rounds }: Bench): Promise<Figure> {
  const folder = mkdtempSync(join(storageRoot(), "workers-s3-startup-"));
  try {
    // Nothing is sealed in this storage, so that each start may have its own secrets.
    await startOurs({}, { folder }).then(({ stop }) => stop());
    const seconds: number[] = [];
    for (let index = 0; index < rounds; index++) {
      const start = performance.now();
      const server = await startOurs({}, { folder });
      seconds.push((performance.now() - start) / 1_000);
      await server.stop();
    }
    const { middle, least, most } = spreadOf(seconds);
    const spread = { value: round(middle, 2), least: round(least, 2), most: round(most, 2) };
    return { what: "the program of `npm start` answers after", ...spread, unit: "s", target: { atMost: 2 } };
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
