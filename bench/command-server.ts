/** Our Worker as users start it: `npm start` or `npm run dev`, of this checkout or another one, with temporary storage. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findFreePort } from "../scripts/ports.ts";
import { randomSecret } from "../scripts/secrets.ts";
import { exitCode, stopTree } from "../scripts/wrangler.ts";

export interface CommandServer {
  readonly port: number;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  stop(): Promise<void>;
}

/**
 * @param root the checkout whose code is served
 * @param settings replace variables of wrangler.toml
 */
export async function startCommand(
  command: "start" | "dev",
  root: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<CommandServer> {
  const folder = mkdtempSync(join(tmpdir(), "workers-s3-bench-"));
  const port = await findFreePort();
  const secrets = {
    ROOT_ACCESS_KEY_ID: randomSecret("ROOT_ACCESS_KEY_ID"),
    ROOT_SECRET_ACCESS_KEY: randomSecret("ROOT_SECRET_ACCESS_KEY"),
    SEAL_KEY: randomSecret("SEAL_KEY"),
  };
  const flags = Object.entries(settings).flatMap(([name, value]) => ["--var", `${name}:${value}`]);
  const child = spawn(
    process.execPath,
    [
      ...["-r", "./scripts/require-node.cjs", `scripts/${command}.ts`],
      ...["--port", String(port), "--persist-to", folder, ...flags],
    ],
    { cwd: root, env: { ...process.env, ...secrets }, stdio: ["ignore", "pipe", "inherit"] },
  );
  const stop = async () => {
    await stopTree(child);
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  };
  const greeted = new Promise<void>((resolve) => {
    // The greeting names the keys. What follows it is read and discarded.
    let printed = "";
    child.stdout.on("data", (chunk: Buffer) => {
      if (printed.includes(secrets.ROOT_SECRET_ACCESS_KEY)) return;
      printed += chunk.toString();
      if (printed.includes(secrets.ROOT_SECRET_ACCESS_KEY)) resolve();
    });
  });
  const ended = exitCode(child).then((code) => {
    throw new Error(`npm run ${command} in ${root} ended with ${code}.`);
  });
  try {
    await Promise.race([greeted, ended]);
  } catch (error) {
    await stop();
    throw error;
  }
  ended.catch(() => undefined);
  return {
    port,
    accessKeyId: secrets.ROOT_ACCESS_KEY_ID,
    secretAccessKey: secrets.ROOT_SECRET_ACCESS_KEY,
    stop,
  };
}
