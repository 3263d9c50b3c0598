/** One local server: migrated, started, and known to answer. */
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DevArgs } from "./dev-args.ts";
import { formatEnvFile, type Variables } from "./dev-vars.ts";
import { exitCode, runWrangler, spawnWrangler, stopTree } from "./wrangler.ts";

export interface DevServer {
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

export interface DevServerOptions {
  readonly args: DevArgs;
  /** Given to the Worker instead of `.dev.vars`. */
  readonly variables?: Variables;
  /** "inherit" shows wrangler's output; "pipe" keeps it for the message of a failed start. */
  readonly output: "inherit" | "pipe";
  readonly signal?: AbortSignal;
  readonly timeoutMilliseconds?: number;
}

const MINUTE_MILLISECONDS = 60_000;
/** The triggers of wrangler.toml. */
const EVERY_MINUTE = "* * * * *";
const EVERY_TEN_MINUTES = "*/10 * * * *";

// Non-interactive, so that migrations ask nothing and no hotkey line covers our output; and no look at the internet.
const environment = { CI: "1", CLOUDFLARE_CF_FETCH_ENABLED: "false", WRANGLER_HIDE_BANNER: "true" };

/** Resolves once `/-/health` answers 200; rejects, with nothing left running, if it never does. */
export async function startDevServer({ args, variables, output, ...options }: DevServerOptions): Promise<DevServer> {
  await requireFreePort(args.port, args.ip);
  await runWrangler(["d1", "migrations", "apply", "DB", "--local", ...args.migrationArgs], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  options.signal?.throwIfAborted();

  const envFile = variables === undefined ? undefined : writeEnvFile(variables);
  const envArgs = envFile === undefined ? [] : ["--env-file", envFile.path];
  const child = spawnWrangler(["dev", ...args.devArgs, ...envArgs], {
    stdio: ["ignore", output, output],
    env: environment,
  });
  const tail = keepTail(child);
  child.once("exit", () => envFile?.remove());
  const clock = setInterval(() => runScheduled(args.endpoint), MINUTE_MILLISECONDS);
  child.once("exit", () => clearInterval(clock));
  const stop = () => stopTree(child);
  try {
    await waitUntilHealthy(args.endpoint, child, options.timeoutMilliseconds ?? 60_000, options.signal);
  } catch (error) {
    await stop();
    throw new Error([error instanceof Error ? error.message : String(error), ...tail].join("\n"), { cause: error });
  }
  return { child, stop };
}

/** `wrangler dev` has no clock of its own for cron triggers. Whatever comes of a run, the next one follows. */
function runScheduled(endpoint: string): void {
  for (const cron of [EVERY_MINUTE, EVERY_TEN_MINUTES]) {
    if (cron === EVERY_TEN_MINUTES && new Date().getMinutes() % 10 !== 0) continue;
    probe(`${endpoint}/cdn-cgi/handler/scheduled?cron=${encodeURIComponent(cron)}`).catch(() => undefined);
  }
}

/** A port nobody listens on right now. */
export async function findFreePort(): Promise<number> {
  const server = await listen(0, "127.0.0.1");
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("No free port.");
  return address.port;
}

async function requireFreePort(port: number, ip: string): Promise<void> {
  const server = await listen(port, ip === "*" ? "0.0.0.0" : ip).catch((cause: unknown) => {
    throw new Error(`Cannot listen on ${ip}:${port}; choose another with \`npm run dev -- --port N\`.`, { cause });
  });
  await new Promise((resolve) => server.close(resolve));
}

function listen(port: number, host: string): Promise<ReturnType<typeof createServer>> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(port, host, () => resolve(server));
  });
}

async function waitUntilHealthy(
  endpoint: string,
  child: ChildProcess,
  timeoutMilliseconds: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  let ended = false;
  exitCode(child).then(
    () => {
      ended = true;
    },
    () => {
      ended = true;
    },
  );
  const deadline = Date.now() + timeoutMilliseconds;
  let last = "no answer";
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    if (ended) throw new Error("wrangler dev ended before the server answered.");
    const answer = await probe(`${endpoint}/-/health`).catch(() => undefined);
    if (answer?.status === 200) return;
    if (answer !== undefined) last = `${answer.status} ${answer.body.trim().slice(0, 500)}`;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  throw new Error(`${endpoint}/-/health did not answer 200 within ${timeoutMilliseconds / 1_000} s: ${last}`);
}

function probe(url: string): Promise<{ status: number; body: string }> {
  const request = url.startsWith("https:") ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    // The development certificate is self-signed, and this request carries nothing worth protecting.
    const sent = request(url, { rejectUnauthorized: false, agent: false, timeout: 5_000 }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, body }));
      response.on("error", reject);
    });
    sent.on("timeout", () => sent.destroy(new Error("timeout")));
    sent.on("error", reject);
    sent.end();
  });
}

function keepTail(child: ChildProcess): string[] {
  const tail: string[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding("utf8");
    stream?.on("data", (chunk: string) => {
      tail.push(...chunk.split("\n").filter((line) => line !== ""));
      tail.splice(0, Math.max(0, tail.length - 60));
    });
  }
  return tail;
}

function writeEnvFile(variables: Variables): { path: string; remove: () => void } {
  const directory = mkdtempSync(join(tmpdir(), "workers-s3-"));
  const path = join(directory, "env");
  writeFileSync(path, formatEnvFile(variables), { mode: 0o600 });
  return { path, remove: () => rmSync(directory, { recursive: true, force: true }) };
}
