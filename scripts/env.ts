/** `npm run env`: the local server's endpoint and keys as lines for a shell, `eval "$(npm -s run env)"`. */
import { resolve } from "node:path";
import { shellWord } from "./dev-greeting.ts";
import { devVarsPath, readGivenVariables, readLocalVariables } from "./local-secrets.ts";
import { parseStartArgs, type StartArgs } from "./start-args.ts";
import { readWorkerConfig } from "./worker-config.ts";
import { projectRoot } from "./wrangler.ts";

const usage = "Usage: npm -s run env -- [--port N] [--ip ADDRESS] …   as the server was started";

// The program that reads the output may have closed the pipe.
process.stdout.on("error", () => process.exit());

try {
  const args = parseStartArgs(process.argv.slice(2));
  if (args === "help") console.log(usage);
  else process.stdout.write(formatExports(args));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = error instanceof RangeError ? 2 : 1;
}

function formatExports({ endpoint, configPath, environment, envFiles, variables: set }: StartArgs): string {
  const { vars } = readWorkerConfig(resolve(projectRoot, configPath), environment);
  const given = readGivenVariables(envFiles, set);
  const variables: Record<string, string> = { ...vars, ...readLocalVariables(devVarsPath, given) };
  const { ROOT_ACCESS_KEY_ID: id, ROOT_SECRET_ACCESS_KEY: secret } = variables;
  if (!id || !secret) throw new Error("There are no keys yet: `npm start` creates them.");
  const exported = {
    ENDPOINT: endpoint,
    AWS_ENDPOINT_URL: endpoint,
    AWS_DEFAULT_REGION: variables.REGION || "us-east-1",
    AWS_ACCESS_KEY_ID: id,
    AWS_SECRET_ACCESS_KEY: secret,
    WORKERS_S3_ENDPOINT: endpoint,
  };
  const lines = Object.entries(exported).map(([name, value]) => `export ${name}=${shellWord(value)}\n`);
  // Other credentials may be set in the same shell.
  return `unset AWS_SESSION_TOKEN AWS_PROFILE\n${lines.join("")}`;
}
