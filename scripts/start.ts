/** `npm start`: a local S3 endpoint, offline, with its own keys. */
import { resolve } from "node:path";
import { bundleWorker } from "./bundle-worker.ts";
import { formatGreeting, formatSetupGreeting } from "./dev-greeting.ts";
import { localConsole } from "./local-console.ts";
import { devVarsPath, prepareLocalVariables, readGivenVariables } from "./local-secrets.ts";
import { type LocalServer, loopbackAddress, serve } from "./local-server.ts";
import { openLocalStorage } from "./local-storage.ts";
import { requireFreePort } from "./ports.ts";
import { ServerLog } from "./server-log.ts";
import { parseStartArgs, type StartArgs, startUsage } from "./start-args.ts";
import { stopSignal } from "./stop-signal.ts";
import { readWorkerConfig } from "./worker-config.ts";
import { projectRoot } from "./wrangler.ts";

const stop = stopSignal();

try {
  const args = parseStartArgs(process.argv.slice(2));
  if (args === "help") console.log(startUsage);
  else await start(args);
} catch (error) {
  if (!stop.aborted) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = error instanceof RangeError ? 2 : 1;
  }
}
process.exit();

async function start(args: StartArgs): Promise<void> {
  const { ip, port, endpoint, inspectorPort } = args;
  await requireFreePort(port, ip, "npm start -- --port N");
  const config = readWorkerConfig(resolve(projectRoot, args.configPath), args.environment);
  const given = readGivenVariables(args.envFiles, args.variables);
  const log = new ServerLog(args.log);
  const modules = bundleWorker({ hasSourceMap: inspectorPort !== undefined });
  // A failure is reported where they are awaited.
  modules.catch(() => undefined);
  const storage = openLocalStorage(config, resolve(projectRoot, args.stateFolder));
  // The set-up makes the keys.
  const hasSetup = Boolean(given.SETUP_CODE);
  const secrets = hasSetup ? given : await prepareLocalVariables(storage.sealed, devVarsPath, given);
  // Notifications may go to receivers on this machine as long as only this machine can reach the server.
  const defaults: Record<string, string> = loopbackAddress(ip) === undefined ? {} : { ALLOW_PRIVATE_TARGETS: "true" };
  defaults.REQUEST_LOG = args.log === undefined ? "failures" : "all";
  const { origin: consoleOrigin, variables: forConsole } = localConsole(endpoint, {
    toml: config.vars,
    given: secrets,
  });
  const variables: Record<string, string> = { ...defaults, ...forConsole, ...secrets };
  const server = await serve(storage, { ip, port, variables, modules, log, inspectorPort });
  obeyParent(server);
  if (!stop.aborted) {
    const access = {
      endpoint,
      consoleOrigin,
      region: variables.REGION || config.vars.REGION || "us-east-1",
      accessKeyId: variables.ROOT_ACCESS_KEY_ID ?? "",
      secretAccessKey: variables.ROOT_SECRET_ACCESS_KEY ?? "",
    };
    process.stdout.write(hasSetup ? formatSetupGreeting(endpoint) : formatGreeting(access));
  }
  await new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve());
  });
  await server.stop();
}

/** The program that started this one over an IPC channel may run scheduled work at a time of its choice. */
function obeyParent(server: LocalServer): void {
  if (process.send === undefined) return;
  process.on("message", ({ cron, time }: { cron: string; time: number }) => {
    server.runScheduled(cron, new Date(time)).then(
      () => process.send?.({}),
      (error: unknown) => process.send?.({ error: String(error) }),
    );
  });
}
