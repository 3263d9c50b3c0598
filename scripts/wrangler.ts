/** Runs wrangler as a child process, and ends it with every process it started. */
import { type ChildProcess, type StdioOptions, spawn } from "node:child_process";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { descendants, isAlive, signal } from "./processes.ts";

/** The folder that holds package.json and wrangler.toml. */
export const projectRoot: string = dirname(import.meta.dirname);

const wranglerBin = join(
  dirname(createRequire(import.meta.url).resolve("wrangler/package.json")),
  "bin",
  "wrangler.js",
);

export interface WranglerOptions {
  readonly stdio?: StdioOptions;
  readonly env?: Readonly<Record<string, string>>;
}

export function spawnWrangler(args: readonly string[], options: WranglerOptions = {}): ChildProcess {
  return spawn(process.execPath, [wranglerBin, ...args], {
    cwd: projectRoot,
    stdio: options.stdio ?? "inherit",
    env: { ...process.env, WRANGLER_SEND_METRICS: "false", ...options.env },
  });
}

/** Runs wrangler to its end. Rejects with the exit code in the message unless it is 0. */
export async function runWrangler(
  args: readonly string[],
  options: WranglerOptions & { readonly input?: string } = {},
): Promise<string> {
  const child = spawnWrangler(args, options);
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding("utf8");
  child.stdout?.on("data", (chunk: string) => {
    output += chunk;
  });
  let complaints = "";
  child.stderr?.on("data", (chunk: string) => {
    complaints += chunk;
  });
  if (options.input !== undefined) child.stdin?.end(options.input);
  const code = await exitCode(child);
  if (code !== 0) {
    const said = `${output}\n${complaints}`.trim();
    throw new Error(`wrangler ${args.slice(0, 3).join(" ")} failed (exit code ${code}).${said ? `\n${said}` : ""}`);
  }
  return output;
}

export function exitCode(child: ChildProcess): Promise<number> {
  if (child.exitCode !== null) return Promise.resolve(child.exitCode);
  if (child.signalCode !== null) return Promise.resolve(1);
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", (code) => resolve(code ?? 1));
  });
}

/** Ends a wrangler and its workerd with SIGTERM, and after `graceMs` with SIGKILL. */
export async function stopTree(child: ChildProcess, graceMs = 5_000): Promise<void> {
  if (child.pid === undefined) return;
  const family = [child.pid, ...descendants(child.pid)];
  child.kill("SIGTERM");
  const grace = new Promise((resolve) => setTimeout(resolve, graceMs).unref());
  await Promise.race([exitCode(child), grace]);
  for (const pid of family.filter(isAlive)) signal(pid, "SIGKILL");
  await exitCode(child);
}
