/** Starts the Worker behind `wrangler dev` and waits until it answers. */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DevArgs } from "./dev-args.ts";
import { formatEnvFile, type Variables } from "./dev-vars.ts";
import { loopbackAddress } from "./local-server.ts";
import { startClock, startLifecycleClock } from "./schedule.ts";
import { exitCode, spawnWrangler, stopTree } from "./wrangler.ts";

export interface DevServer {
  readonly child: ChildProcess;
  stop(): Promise<void>;
}

export interface DevServerOptions {
  readonly args: DevArgs;
  readonly crons: readonly string[];
  /** Of wrangler.toml. */
  readonly settings: Readonly<Record<string, string>>;
  /** Given to the Worker instead of `.dev.vars`. */
  readonly variables: Variables;
  /** "inherit" shows wrangler's output; "pipe" keeps it for the message of a failed start. */
  readonly output: "inherit" | "pipe";
  readonly signal?: AbortSignal;
  readonly timeoutMs?: number;
}

// Without hotkeys, which cover our output; without requests to the internet; and without the explorer page, on which
// anyone who opens it can read and change what is stored.
const environment = {
  CI: "1",
  CLOUDFLARE_CF_FETCH_ENABLED: "false",
  WRANGLER_HIDE_BANNER: "true",
  X_LOCAL_EXPLORER: "false",
};

/** Resolves once `/-/health` answers 200; rejects, with nothing left running, if it does not. */
export async function startDevServer({ args, variables, output, ...options }: DevServerOptions): Promise<DevServer> {
  const clockSecret = randomBytes(16).toString("hex");
  const envFile = writeEnvFile({
    ...variables,
    LOCAL_CLIENT_ADDRESS: loopbackAddress(args.ip) ?? "",
    LOCAL_CLOCK_SECRET: clockSecret,
    LOCAL_PROXY: "true",
  });
  const child = spawnWrangler(["dev", "src/local-entry.ts", ...args.devArgs, "--env-file", envFile.path], {
    stdio: ["ignore", output, output],
    env: environment,
  });
  const tail = keepTail(child);
  // `wrangler dev` has no clock of its own for cron triggers.
  const runScheduled = async (cron: string, time: Date) => {
    const query = new URLSearchParams({ cron: `${clockSecret} ${cron}`, time: String(time.getTime()) });
    await probe(`${args.endpoint}/cdn-cgi/handler/scheduled?${query}`);
  };
  const stopClock = startClock(options.crons, runScheduled);
  const stopLifecycle = startLifecycleClock({ ...options.settings, ...variables }, runScheduled);
  child.once("exit", () => {
    envFile.remove();
    stopClock();
    stopLifecycle();
  });
  const stop = () => stopTree(child);
  try {
    const { timeoutMs = 60_000, signal } = options;
    await waitUntilHealthy({ endpoint: args.endpoint, child, timeoutMs, signal });
  } catch (error) {
    await stop();
    if (error instanceof Unhealthy) throw error;
    throw new Error([error instanceof Error ? error.message : String(error), ...tail].join("\n"), { cause: error });
  }
  return { child, stop };
}

/** The Worker runs and reports what it lacks; waiting does not help. */
class Unhealthy extends Error {}

interface Waiting {
  readonly endpoint: string;
  readonly child: ChildProcess;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

async function waitUntilHealthy({ endpoint, child, timeoutMs, signal }: Waiting): Promise<void> {
  let ended = false;
  exitCode(child).then(
    () => {
      ended = true;
    },
    () => {
      ended = true;
    },
  );
  const deadline = Date.now() + timeoutMs;
  let last = "no answer";
  while (Date.now() < deadline) {
    signal?.throwIfAborted();
    if (ended) throw new Error("wrangler dev ended before the server answered.");
    const answer = await probe(`${endpoint}/-/health`).catch(() => undefined);
    if (answer?.status === 200) return;
    const message = answer?.status === 503 ? healthMessage(answer.body) : undefined;
    if (message !== undefined) throw new Unhealthy(message);
    if (answer !== undefined) last = `${answer.status} ${answer.body.trim().slice(0, 500)}`;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  throw new Error(`${endpoint}/-/health did not answer 200 within ${timeoutMs / 1_000} s: ${last}`);
}

function healthMessage(body: string): string | undefined {
  try {
    const { message } = JSON.parse(body) as { message?: unknown };
    return typeof message === "string" ? message : undefined;
  } catch {
    // wrangler's own page, while the Worker starts.
    return undefined;
  }
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
