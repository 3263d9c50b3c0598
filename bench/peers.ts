/** Other servers for development that speak S3, measured where they are installed. */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exitCode } from "../scripts/wrangler.ts";
import type { Credentials } from "./http-client.ts";
import { type Server, startServer } from "./servers.ts";

export interface Peer extends Server, Credentials {
  readonly version: string;
}

const S3RVER = "3.7.1";

/** Python's moto, of the PATH. @returns undefined where it is not installed */
export async function startMoto(): Promise<Peer | undefined> {
  const python = "import moto, sys; print(moto.__version__, 'Python ' + sys.version.split()[0])";
  const asked = spawnSync("python3", ["-c", python], { encoding: "utf8" });
  if (spawnSync("moto_server", ["--help"]).status !== 0) return undefined;
  const server = await startServer({
    name: "moto_server",
    program: "moto_server",
    argsOf: (port) => ["-H", "127.0.0.1", "-p", String(port)],
    readyPath: "/",
  });
  const [version = "", ...runtime] = (asked.stdout ?? "").trim().split(" ");
  const name = version === "" ? "of unknown version" : `${version}, ${runtime.join(" ")}`;
  return { ...server, version: name, accessKeyId: "AKIAMOTOMOTOMOTOMOTO", secretAccessKey: "any" };
}

/** An npm package that writes plain files. It is installed in a temporary folder. @returns undefined without a registry */
export async function startS3rver(): Promise<Peer | undefined> {
  const folder = mkdtempSync(join(tmpdir(), "workers-s3-bench-s3rver-"));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  try {
    if (!(await install(folder))) {
      remove();
      return undefined;
    }
    const server = await startServer({
      name: "s3rver",
      program: process.execPath,
      argsOf: (port, storage) => [
        join(folder, "node_modules/s3rver/bin/s3rver.js"),
        ...["-d", storage, "-a", "127.0.0.1", "-p", String(port), "--silent", "--no-vhost-buckets"],
      ],
      readyPath: "/",
    });
    return {
      ...server,
      version: `${S3RVER}, Node ${process.versions.node}`,
      accessKeyId: "S3RVER",
      secretAccessKey: "S3RVER",
      stop: async () => {
        await server.stop();
        remove();
      },
    };
  } catch (error) {
    remove();
    throw error;
  }
}

async function install(folder: string): Promise<boolean> {
  const args = ["install", "--prefix", folder, "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"];
  // In the folder: npm would otherwise act on the package that contains the working directory.
  const child = spawn("npm", [...args, "--fetch-retries", "0", `s3rver@${S3RVER}`], { cwd: folder, stdio: "ignore" });
  return (await exitCode(child).catch(() => 1)) === 0;
}
