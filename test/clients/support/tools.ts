/** Command line tools under test: found on PATH, and run with their own environment, never the user's. */
import { spawn, spawnSync } from "node:child_process";
import { accessSync, constants, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterAll, describe } from "vitest";

export interface Run {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly env: Readonly<Record<string, string>>;
  readonly cwd: string;
  readonly input?: string;
  /** Exit codes that count as success. Default: only 0. */
  readonly codes?: readonly number[];
}

/** Runs a program to its end; rejects with its output if it exits with an unexpected code. */
export async function run(command: string, args: readonly string[], options: RunOptions): Promise<Run> {
  const child = spawn(command, args, { cwd: options.cwd, env: options.env, stdio: ["pipe", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
    stdout += chunk;
  });
  child.stderr.setEncoding("utf8").on("data", (chunk: string) => {
    stderr += chunk;
  });
  child.stdin.on("error", () => {}); // A program that ends without reading its input reports that by its exit code.
  child.stdin.end(options.input ?? "");
  const code = await new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (exitCode) => resolve(exitCode ?? -1));
  });
  if (!(options.codes ?? [0]).includes(code)) {
    throw new Error(`${command} ${args.join(" ")}\nexit code ${code}\n${stdout}\n${stderr}`.trim());
  }
  return { code, stdout, stderr };
}

/**
 * Tests of a tool that may not be installed. Without the tool they are skipped, and the report says which and why:
 * a suite that passes without its clients must not look like one that ran.
 */
export function describeTool(tool: string, probe: readonly string[], body: () => void): void {
  const absence = findAbsence(tool, probe);
  if (absence === undefined) {
    describe(tool, body);
    return;
  }
  console.warn(`SKIPPED: every test of ${tool}: ${absence}`);
  describe.skip(`${tool} (${absence})`, body);
}

function findAbsence(tool: string, probe: readonly string[]): string | undefined {
  if (findOnPath(tool) === undefined) return `${tool} is not on PATH`;
  const { status, stderr } = spawnSync(tool, probe, { encoding: "utf8" });
  return status === 0 ? undefined : `${[tool, ...probe].join(" ")} failed: ${stderr.trim().split("\n").at(-1) ?? ""}`;
}

export function findOnPath(tool: string): string | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter);
  return folders.map((folder) => join(folder, tool)).find(isExecutable);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The variables of our environment that a tool may see, with an empty home folder. */
export function bareEnvironment(home: string): Record<string, string> {
  return {
    PATH: process.env.PATH ?? "",
    HOME: home,
    XDG_CONFIG_HOME: join(home, ".config"),
    TMPDIR: home,
    LANG: "C.UTF-8",
    LC_ALL: "C.UTF-8",
    NO_PROXY: "*",
  };
}

/** A folder for the tests of this file, removed after them. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "workers-s3-clients-"));
  afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

let names = 0;

/** A bucket name no other test uses. */
export function newBucketName(client: string): string {
  names += 1;
  return `${client}-${Date.now().toString(36)}-${process.pid.toString(36)}-${names}`;
}
