/** `npm run dev`: the local endpoint behind `wrangler dev`, for people who change the code. */
import { resolve } from "node:path";
import { writeConsolePack } from "./console-pack.ts";
import { type DevArgs, parseDevArgs } from "./dev-args.ts";
import { formatGreeting } from "./dev-greeting.ts";
import { startDevServer } from "./dev-server.ts";
import { localConsole } from "./local-console.ts";
import { prepareLocalVariables } from "./local-secrets.ts";
import { openLocalStorage } from "./local-storage.ts";
import { requireFreePort } from "./ports.ts";
import { stopSignal } from "./stop-signal.ts";
import { readWorkerConfig } from "./worker-config.ts";
import { exitCode, projectRoot } from "./wrangler.ts";

const stop = stopSignal();

try {
  process.exitCode = await serve(parseDevArgs(process.argv.slice(2)));
} catch (error) {
  if (!stop.aborted) {
    console.error(error instanceof Error ? error.message : error);
    process.exitCode = 1;
  }
}
process.exit();

async function serve(args: DevArgs): Promise<number> {
  await requireFreePort(args.port, args.ip, "npm run dev -- --port N");
  const config = readWorkerConfig(resolve(projectRoot, args.configPath), args.environment);
  const { sealed } = openLocalStorage(config, resolve(projectRoot, args.stateFolder));
  const variables = await prepareLocalVariables(sealed);
  if (!config.hasBuild) await writeConsolePack();
  const { crons, vars: settings } = config;
  const { origin: consoleOrigin, variables: forConsole } = localConsole(args.endpoint, {
    toml: settings,
    given: { ...variables, ...args.variables },
  });
  const server = await startDevServer({
    args,
    crons,
    settings,
    variables: { ...forConsole, ...variables },
    output: "inherit",
    signal: stop,
  });
  process.stdout.write(
    formatGreeting({
      endpoint: args.endpoint,
      consoleOrigin,
      region: variables.REGION || config.vars.REGION || "us-east-1",
      accessKeyId: variables.ROOT_ACCESS_KEY_ID ?? "",
      secretAccessKey: variables.ROOT_SECRET_ACCESS_KEY ?? "",
    }),
  );
  console.log(
    'wrangler\'s proxy changes some requests and answers (docs/compatibility.md, "Differences of `npm run dev`");\n' +
      "`npm start` has no proxy.",
  );
  const stopped = new Promise<void>((resolve) => {
    if (stop.aborted) resolve();
    stop.addEventListener("abort", () => resolve());
  });
  const ended = await Promise.race([exitCode(server.child), stopped]);
  await server.stop();
  return stop.aborted ? 0 : (ended ?? 0);
}
