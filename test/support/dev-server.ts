/**
 * A real server for tests with real clients, started as `npm start` does.
 *
 * The projects `clients` and `e2e` start one each for all their files: `const { endpoint } = inject("devServer")`.
 * A test that needs other settings starts its own with `startTestServer`.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { findFreePort } from "../../scripts/ports.ts";
import { exitCode, projectRoot, stopTree } from "../../scripts/wrangler.ts";

/** How to reach the server as root. */
export interface DevServerAccess {
  readonly endpoint: string;
  readonly port: number;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

export interface TestServer extends DevServerAccess {
  /** The folder of its storage. */
  readonly storage: string;
  /** Kills the server, at once unless it may take `graceMs` to end by itself; its storage is kept. */
  kill(graceMs?: number): Promise<void>;
  /** Starts it again after `kill`, on the same port and with the same storage. */
  start(): Promise<void>;
  /** Runs the scheduled work of that time. */
  runScheduled(cron: string, time: number): Promise<void>;
  /** Stops the server and deletes its storage. */
  stop(): Promise<void>;
}

declare module "vitest" {
  interface ProvidedContext {
    devServer: DevServerAccess;
  }
}

const secrets = {
  ROOT_ACCESS_KEY_ID: "AKIAROOTROOTROOTROOT",
  ROOT_SECRET_ACCESS_KEY: "root/secret/for/tests+0123456789abcdefgh",
  SEAL_KEY: "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f",
};

/** Starts a server on a free port with empty storage. `variables` replace those of wrangler.toml. */
export async function startTestServer(variables: Readonly<Record<string, string>> = {}): Promise<TestServer> {
  const storage = mkdtempSync(join(tmpdir(), "workers-s3-test-"));
  const removeStorage = () => rmSync(storage, { recursive: true, force: true, maxRetries: 5 });
  const port = await findFreePort();
  const settings = Object.entries(variables).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const start = () => startScript("start", ["--port", String(port), "--persist-to", storage, ...settings]);
  try {
    let child = await start();
    return {
      endpoint: `http://127.0.0.1:${port}`,
      port,
      storage,
      region: "us-east-1",
      accessKeyId: secrets.ROOT_ACCESS_KEY_ID,
      secretAccessKey: secrets.ROOT_SECRET_ACCESS_KEY,
      kill: async (graceMs = 0) => {
        await stopTree(child, graceMs);
        await untilClosed(port);
      },
      start: async () => {
        child = await start();
      },
      runScheduled: (cron, time) =>
        new Promise((resolve, reject) => {
          child.once("message", (answer: { error?: string }) => {
            if (answer.error === undefined) resolve();
            else reject(new Error(answer.error));
          });
          child.send({ cron, time });
        }),
      stop: async () => {
        await stopTree(child);
        removeStorage();
      },
    };
  } catch (error) {
    removeStorage();
    throw error;
  }
}

/**
 * Runs `npm start` or `npm run dev`, and waits until it is ready.
 * @throws Error with its output if it ends instead
 */
export async function startScript(name: "start" | "dev", args: readonly string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [join(projectRoot, "scripts", `${name}.ts`), ...args], {
    cwd: projectRoot,
    stdio: ["ignore", "pipe", "pipe", "ipc"],
    env: { ...process.env, ...secrets },
  });
  let said = "";
  const ready = new Promise<true>((resolve) => {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8");
      stream?.on("data", (chunk: string) => {
        said = (said + chunk).slice(-20_000);
        if (said.includes("Stop with Ctrl-C.")) resolve(true);
      });
    }
  });
  const timeout = new Promise<false>((resolve) => setTimeout(() => resolve(false), 200_000).unref());
  const isReady = await Promise.race([ready, timeout, exitCode(child).then(() => false)]);
  if (isReady) return child;
  await stopTree(child);
  throw new Error(`npm run ${name} did not start:\n${said}`);
}

/** The process that listens is not the one that was waited for. */
async function untilClosed(port: number): Promise<void> {
  for (let isOpen = true; isOpen; ) {
    isOpen = await new Promise((resolve) => {
      const socket = connect(port, "127.0.0.1");
      socket.once("connect", () => {
        socket.destroy();
        resolve(true);
      });
      socket.once("error", () => resolve(false));
    });
    if (isOpen) await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Vitest's global setup of the projects `clients` and `e2e`. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { stop, endpoint, port, region, accessKeyId, secretAccessKey } = await startTestServer({
    CONFIG_TTL_SECONDS: "1",
  });
  project.provide("devServer", { endpoint, port, region, accessKeyId, secretAccessKey });
  return stop;
}
