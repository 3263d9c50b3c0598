/** Runs our Worker and the bare one: the same wrangler, the same workerd, temporary storage. */
import type { ChildProcess } from "node:child_process";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseDevArgs } from "../scripts/dev-args.ts";
import { startDevServer } from "../scripts/dev-server.ts";
import { openLocalStorage } from "../scripts/local-storage.ts";
import { findFreePort } from "../scripts/ports.ts";
import { randomSecret } from "../scripts/secrets.ts";
import { readWorkerConfig } from "../scripts/worker-config.ts";
import { exitCode, projectRoot, spawnWrangler, stopTree } from "../scripts/wrangler.ts";

export interface Server {
  readonly port: number;
  /** Resident memory of its workerd processes. */
  memoryBytes(): number | undefined;
  stop(): Promise<void>;
}

export interface OurServer extends Server {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** @param settings replace variables of wrangler.toml */
export async function startOurs(settings: Readonly<Record<string, string>> = {}): Promise<OurServer> {
  const storage = temporaryStorage();
  const port = await findFreePort();
  const secrets = {
    ROOT_ACCESS_KEY_ID: randomSecret("ROOT_ACCESS_KEY_ID"),
    ROOT_SECRET_ACCESS_KEY: randomSecret("ROOT_SECRET_ACCESS_KEY"),
    SEAL_KEY: randomSecret("SEAL_KEY"),
  };
  const args = parseDevArgs(["--port", String(port), "--persist-to", storage.path]);
  const config = readWorkerConfig(join(projectRoot, "wrangler.toml"));
  await (await openLocalStorage(config, storage.path)).miniflare.dispose();
  const variables = { ...settings, ...secrets };
  const { child, stop } = await startDevServer({ args, crons: config.crons, variables, output: "pipe" });
  return {
    port,
    accessKeyId: secrets.ROOT_ACCESS_KEY_ID,
    secretAccessKey: secrets.ROOT_SECRET_ACCESS_KEY,
    memoryBytes: () => memoryOf(child),
    stop: async () => {
      await stop();
      storage.remove();
    },
  };
}

export async function startBare(): Promise<Server> {
  const storage = temporaryStorage();
  const port = await findFreePort();
  const child = spawnWrangler(
    [
      ...["dev", "--config", join(import.meta.dirname, "bare.wrangler.toml"), "--persist-to", storage.path],
      ...["--ip", "127.0.0.1", "--port", String(port), "--inspector-port", "0", "--live-reload=false"],
    ],
    { stdio: ["ignore", "ignore", "ignore"], env: { CI: "1", CLOUDFLARE_CF_FETCH_ENABLED: "false" } },
  );
  const stop = async () => {
    await stopTree(child);
    storage.remove();
  };
  try {
    await waitUntilAnswering(port, child);
  } catch (error) {
    await stop();
    throw error;
  }
  return { port, memoryBytes: () => memoryOf(child), stop };
}

async function waitUntilAnswering(port: number, child: ChildProcess): Promise<void> {
  let ended = false;
  void exitCode(child).finally(() => {
    ended = true;
  });
  for (const deadline = Date.now() + 60_000; Date.now() < deadline && !ended; ) {
    const response = await fetch(`http://127.0.0.1:${port}/`).catch(() => undefined);
    await response?.arrayBuffer();
    if (response?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  throw new Error("The bare Worker does not answer.");
}

function temporaryStorage(): { path: string; remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), "workers-s3-bench-"));
  return { path, remove: () => rmSync(path, { recursive: true, force: true, maxRetries: 5 }) };
}

function memoryOf(root: ChildProcess): number | undefined {
  if (process.platform === "win32") return undefined;
  const family = new Set([root.pid]);
  let kibibytes = 0;
  // One pass suffices: wrangler starts workerd directly.
  for (const line of execFileSync("ps", ["-A", "-o", "pid=,ppid=,rss=,comm="], { encoding: "utf8" }).split("\n")) {
    const [pid, parent, resident, name = ""] = line.trim().split(/\s+/);
    if (!family.has(Number(parent))) continue;
    family.add(Number(pid));
    if (name.includes("workerd")) kibibytes += Number(resident);
  }
  return kibibytes * 1_024;
}
