/** `npm run dev`: a local S3 endpoint, offline, with its own keys. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { type DevArgs, parseDevArgs } from "./dev-args.ts";
import { formatGreeting } from "./dev-greeting.ts";
import { startDevServer } from "./dev-server.ts";
import { ensureDevVars, overlaySecrets } from "./dev-vars.ts";
import { secretNames } from "./secrets.ts";
import { exitCode, isAlive, projectRoot } from "./wrangler.ts";

const abort = new AbortController();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, () => abort.abort());
stopWithNpm();

try {
  process.exitCode = await serve(parseDevArgs(process.argv.slice(2)));
} catch (error) {
  if (abort.signal.aborted) process.exitCode = 0;
  else {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
process.exit();

async function serve(args: DevArgs): Promise<number> {
  const file = ensureDevVars(join(projectRoot, ".dev.vars"));
  const variables = overlaySecrets(file, process.env);
  const isOverridden = secretNames.some((name) => variables[name] !== file[name]);
  const server = await startDevServer({
    args,
    ...(isOverridden && { variables }),
    output: "inherit",
    signal: abort.signal,
  });
  process.stdout.write(
    formatGreeting({
      endpoint: args.endpoint,
      region: variables.REGION ?? "us-east-1",
      accessKeyId: variables.ROOT_ACCESS_KEY_ID ?? "",
      secretAccessKey: variables.ROOT_SECRET_ACCESS_KEY ?? "",
    }),
  );
  const aborted = new Promise<void>((resolve) => {
    if (abort.signal.aborted) resolve();
    abort.signal.addEventListener("abort", () => resolve());
  });
  const ended = await Promise.race([exitCode(server.child), aborted]);
  await server.stop();
  return abort.signal.aborted ? 0 : (ended ?? 0);
}

/** An npm that is killed outright cannot pass the signal on, so its end is noticed here. */
function stopWithNpm(): void {
  if (process.env.npm_lifecycle_event === undefined || process.platform === "win32") return;
  const npm = findNpm();
  setInterval(() => {
    if (!isAlive(npm)) abort.abort();
  }, 1_000).unref();
}

/** npm runs a script in a shell, which some shells leave standing between npm and the script. */
function findNpm(): number {
  const [parent = "", name = ""] = execFileSync("ps", ["-o", "ppid=,comm=", "-p", String(process.ppid)], {
    encoding: "utf8",
  })
    .trim()
    .split(/\s+/);
  return /sh$/.test(name) ? Number(parent) : process.ppid;
}
