/**
 * `npm run bench:startup`: the size of the bundle that a deploy uploads, and the CPU time of its evaluation, each time in a
 * new Node process. Cloudflare allows one second of CPU time for the start of a Worker.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { cpus, loadavg, tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { gzipSync } from "node:zlib";
import { runWrangler } from "../scripts/wrangler.ts";

const RUNS = 21;

/** The runtime's modules that the bundle imports, in a form that Node loads. */
const RUNTIME_MODULE =
  "export class DurableObject {}; export class WorkerEntrypoint {}; export const env = {}; export const waitUntil = () => {};";

const folder = mkdtempSync(join(tmpdir(), "workers-s3-startup-"));
try {
  await runWrangler(["deploy", "--dry-run", "--outdir", folder], { stdio: "pipe" });
  const bundle = join(folder, "index.mjs");
  renameSync(join(folder, "index.js"), bundle);
  const code = readFileSync(bundle);
  const times = Array.from({ length: RUNS }, () => evaluate(bundle)).sort((a, b) => a - b);
  console.log(`${cpus()[0]?.model ?? "unknown processor"}, Node ${process.versions.node}, load ${loadavg()[0]?.toFixed(1)}

| bundle, bytes | with gzip, bytes | CPU of its evaluation, ms, median of ${RUNS} | least |
|-|-|-|-|
| ${code.byteLength} | ${gzipSync(code, { level: 9 }).byteLength} | ${times[RUNS >> 1]?.toFixed(0)} | ${times[0]?.toFixed(0)} |`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Milliseconds of user and system time. */
function evaluate(bundle: string): number {
  const hooks = `export async function resolve(specifier, context, next) {
    if (!specifier.startsWith("cloudflare:")) return next(specifier, context);
    return { url: ${JSON.stringify(`data:text/javascript,${RUNTIME_MODULE}`)}, shortCircuit: true };
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
