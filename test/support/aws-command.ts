/**
 * Vitest's global setup of the project `e2e`, for the AWS CLI, whose calls take most of their CPU time to load Python modules: puts an
 * `aws` on their path that runs the installed one in copies of a process that has loaded them (aws-command/server.py).
 *
 * Needs a `python3` that has the CLI of the path as a package, as `pip install awscli` makes it. Without it the path stays as it is.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** The path with the installed `aws`. */
    plainPath: string;
  }
}

const SOURCE = join(import.meta.dirname, "aws-command");

export default async function setup(project: TestProject): Promise<(() => void) | undefined> {
  const plainPath = process.env.PATH ?? "";
  project.provide("plainPath", plainPath);
  const python = findPython();
  if (python === undefined) return undefined;
  const folder = mkdtempSync(join(tmpdir(), "workers-s3-aws-"));
  const server = spawn(python, ["-I", join(SOURCE, "server.py"), join(folder, "socket")], {
    env: { PATH: plainPath, HOME: folder, LANG: "C.UTF-8", LC_ALL: "C.UTF-8", AWS_EC2_METADATA_DISABLED: "true" },
    stdio: ["pipe", "pipe", "inherit"],
  });
  const stop = () => {
    process.env.PATH = plainPath;
    server.kill();
    rmSync(folder, { recursive: true, force: true });
  };
  const isReady = await new Promise((resolve) => {
    server.stdout.once("data", () => resolve(true));
    server.once("exit", () => resolve(false));
  });
  if (!isReady) {
    stop();
    return undefined;
  }
  const client = `#!${python} -IS\n${readFileSync(join(SOURCE, "client.py"), "utf8")}`;
  writeFileSync(join(folder, "aws"), client, { mode: 0o755 });
  process.env.PATH = `${folder}${delimiter}${plainPath}`;
  return stop;
}

/** The interpreter of the installed AWS CLI. */
function findPython(): string | undefined {
  const script = "import awscli, sys; print(awscli.__version__, sys.executable)";
  const [version, python] = outputOf("python3", "-c", script).trim().split(" ");
  const installed = outputOf("aws", "--version");
  return installed.startsWith(`aws-cli/${version} `) ? python : undefined;
}

/** Empty without the program. */
function outputOf(program: string, ...parameters: string[]): string {
  return spawnSync(program, parameters, { encoding: "utf8" }).stdout ?? "";
}
