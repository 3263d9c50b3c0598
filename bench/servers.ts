/** The servers that are measured. Each is a process of its own on a free port, with storage that is deleted afterwards. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../scripts/ports.ts";
import { randomSecret } from "../scripts/secrets.ts";
import { exitCode, projectRoot, stopTree } from "../scripts/wrangler.ts";
import type { Credentials } from "./http-client.ts";

export interface Server {
  readonly port: number;
  /** The process that started all others of the server. */
  readonly pid: number;
  stop(): Promise<void>;
}

export interface OurServer extends Server, Credentials {}

export interface OurOptions {
  /** `npm start` or `npm run dev`. */
  readonly command?: "start" | "dev";
  /** The checkout whose code is served. */
  readonly root?: string;
  /** Kept afterwards. Temporary without it. */
  readonly folder?: string;
}

/** Our Worker as users start it. @param settings replace variables of wrangler.toml */
export async function startOurs(
  settings: Readonly<Record<string, string>> = {},
  { command = "start", root = projectRoot, folder }: OurOptions = {},
): Promise<OurServer> {
  const secrets = {
    ROOT_ACCESS_KEY_ID: randomSecret("ROOT_ACCESS_KEY_ID"),
    ROOT_SECRET_ACCESS_KEY: randomSecret("ROOT_SECRET_ACCESS_KEY"),
    SEAL_KEY: randomSecret("SEAL_KEY"),
  };
  const variables = Object.entries(settings).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const server = await startServer({
    name: `npm ${command === "start" ? "start" : "run dev"}`,
    program: process.execPath,
    argsOf: (port, storage) => [
      ...["-r", "./scripts/require-node.cjs", `scripts/${command}.ts`],
      ...["--port", String(port), "--persist-to", storage, ...variables],
    ],
    cwd: root,
    env: secrets,
    readyPath: "/-/health",
    ...(folder !== undefined && { folder }),
  });
  return {
    ...server,
    accessKeyId: secrets.ROOT_ACCESS_KEY_ID,
    secretAccessKey: secrets.ROOT_SECRET_ACCESS_KEY,
  };
}

/** The R2 bucket of the floor. */
export const FLOOR_BUCKET = "bare";

/**
 * The same workerd and R2 simulator, and a Worker that does nothing else: what no Worker can be faster than.
 * @param folder kept afterwards; temporary without it
 */
export function startFloor(folder?: string): Promise<Server> {
  return startServer({
    ...(folder !== undefined && { folder }),
    name: "the floor",
    program: process.execPath,
    argsOf: (port, storage) => [join(import.meta.dirname, "floor.ts"), String(port), storage, FLOOR_BUCKET],
    readyPath: "/?prefix=none",
  });
}

export interface Program {
  readonly name: string;
  readonly program: string;
  argsOf(port: number, storage: string): readonly string[];
  /** A path that is answered with 200 once the server is ready. */
  readonly readyPath: string;
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly folder?: string;
}

const running = new Set<() => Promise<void>>();

/** For the end of the program: also those whose owner is interrupted. */
export async function stopAllServers(): Promise<void> {
  await Promise.all([...running].map((stop) => stop()));
}

/** @throws Error with the end of its output if the server ends, or does not answer within a minute */
export async function startServer({ name, program, argsOf, readyPath, ...options }: Program): Promise<Server> {
  const storage = options.folder ?? mkdtempSync(join(storageRoot(), "workers-s3-bench-"));
  const port = await findFreePort();
  const child = spawn(program, argsOf(port, storage), {
    cwd: options.cwd ?? projectRoot,
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    // Ctrl-C reaches only this program, which then stops all: a server that ends by itself could write after its folder is deleted.
    detached: true,
  });
  const output = keepEnd(child);
  const stop = async () => {
    running.delete(stop);
    await stopTree(child);
    if (options.folder === undefined) rmSync(storage, { recursive: true, force: true, maxRetries: 5 });
  };
  running.add(stop);
  try {
    await untilAnswering(`http://127.0.0.1:${port}${readyPath}`, child);
    return { port, pid: child.pid ?? 0, stop };
  } catch (cause) {
    await stop().catch(() => undefined);
    throw new Error(`${name} did not start: ${output()}`, { cause });
  }
}

/** In memory where there is room, so that no disk is measured. */
export function storageRoot(): string {
  try {
    const { bavail, bsize } = statfsSync("/dev/shm");
    if (bavail * bsize >= 12 * 1024 ** 3) return "/dev/shm";
  } catch {
    // There is no such folder on other systems than Linux.
  }
  return tmpdir();
}

async function untilAnswering(url: string, child: ChildProcess): Promise<void> {
  const ended = exitCode(child).then((code) => `It ended with code ${code}.`);
  let reason: string | undefined;
  ended.then(
    (text) => {
      reason = text;
    },
    (error: unknown) => {
      reason = String(error);
    },
  );
  for (const deadline = Date.now() + 60_000; Date.now() < deadline; ) {
    if (reason !== undefined) throw new Error(reason);
    const answer = await fetch(url, { headers: { connection: "close" } }).catch(() => undefined);
    await answer?.arrayBuffer().catch(() => undefined);
    if (answer?.status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("It does not answer.");
}

/** Reads all output, and returns a function with the end of it. */
function keepEnd(child: ChildProcess): () => string {
  let end = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on("data", (chunk: Buffer) => {
      end = (end + chunk.toString()).slice(-2_000);
    });
  }
  return () => end;
}
