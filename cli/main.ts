/** `npm run admin`: administers a running or deployed Worker. */
import { join } from "node:path";
import { overlaySecrets, readDevVars } from "../scripts/dev-vars.ts";
import { type AdminRequest, type Invocation, parseInvocation, usage } from "./arguments.ts";
import { callAdmin } from "./client.ts";
import { type DoctorOptions, UsageError } from "./commands.ts";
import { exportConfig, restoreConfig, type Send } from "./config-file.ts";
import { exportTo, importFrom } from "./key-file.ts";
import { findWarning, formatAnswer, hasFailedStep } from "./output.ts";
import { isIncomplete, type RebuildOptions, rebuild } from "./rebuild.ts";
import { runScrub } from "./scrub.ts";
import { formatHistory, formatUsage, readUsage, type ShownUsage } from "./usage.ts";

// The program that reads the output may have closed the pipe.
process.stdout.on("error", () => process.exit());

try {
  const invocation = parseInvocation(process.argv.slice(2), {
    accessKeyId: process.env.REMOTE_ACCESS_KEY_ID,
    secretAccessKey: process.env.REMOTE_SECRET_ACCESS_KEY,
  });
  if (invocation === "help") console.log(usage);
  else await run(invocation);
} catch (error) {
  const message = error instanceof Error ? error.message : String(error);
  console.error(error instanceof UsageError ? `${message} (\`npm run admin -- --help\` lists the commands.)` : message);
  process.exitCode = error instanceof UsageError ? 2 : 1;
}

async function run(invocation: Invocation): Promise<void> {
  const { request, endpoint, isJson, file, isScrub, isRebuild, isUsage, isDoctor } = invocation;
  const variables = overlaySecrets(readDevVars(join(import.meta.dirname, "..", ".dev.vars")), process.env);
  const { ROOT_ACCESS_KEY_ID: accessKeyId, ROOT_SECRET_ACCESS_KEY: secretAccessKey } = variables;
  if (!accessKeyId || !secretAccessKey) {
    throw new Error("No root keys: set ROOT_ACCESS_KEY_ID and ROOT_SECRET_ACCESS_KEY, or start `npm start` once.");
  }
  const target = {
    endpoint: endpoint ?? (process.env.WORKERS_S3_ENDPOINT || "http://127.0.0.1:8787"),
    region: process.env.REGION || "us-east-1",
    accessKeyId,
    secretAccessKey,
  };
  if (isDoctor) {
    // Half of the command's files, which nothing else needs.
    const { doctor } = await import("./doctor/command.ts");
    process.exitCode = await doctor(target, request.body as DoctorOptions, isJson);
    return;
  }
  const send = (each: AdminRequest) => callAdmin(target, each);
  if (isScrub) {
    process.exitCode = await scrub((body) => send(body === undefined ? request : { ...request, body }), isJson);
    return;
  }
  if (isRebuild) {
    const rebuilt = await rebuild((request.body ?? {}) as RebuildOptions, send);
    if (isIncomplete(rebuilt)) process.exitCode = 1;
    process.stdout.write(isJson ? `${JSON.stringify(rebuilt)}\n` : formatAnswer(rebuilt));
    return;
  }
  if (isUsage) {
    process.stdout.write(await showUsage(request, send, isJson));
    return;
  }
  const answer = file === undefined ? await send(request) : await useFile(file, request, send);
  const warning = findWarning(answer);
  if (warning !== undefined) console.error(warning);
  if (hasFailedStep(answer)) process.exitCode = 1;
  // The answer to a deletion is empty; --json prints a document nevertheless.
  process.stdout.write(isJson ? `${JSON.stringify(answer ?? {})}\n` : formatAnswer(answer));
}

async function showUsage(request: AdminRequest, send: Send, isJson: boolean): Promise<string> {
  const isHistory = request.path.includes("/history?");
  const answer = isHistory ? await send(request) : await readUsage(request, send);
  if (isJson) return `${JSON.stringify(answer)}\n`;
  return isHistory ? formatHistory(answer) : formatUsage(answer as ShownUsage, new Date());
}

async function scrub(call: (body: unknown) => Promise<unknown>, isJson: boolean): Promise<number> {
  const interruption = new AbortController();
  process.once("SIGINT", () => interruption.abort());
  process.once("SIGTERM", () => interruption.abort());
  return runScrub({
    call,
    isJson,
    signal: interruption.signal,
    print: (text) => process.stdout.write(text),
    note: (text) => process.stderr.write(text),
    isTerminal: process.stderr.isTTY,
    now: Date.now,
  });
}

function useFile(
  { action, path }: NonNullable<Invocation["file"]>,
  request: AdminRequest,
  send: Send,
): Promise<unknown> {
  const { KMS_PASSPHRASE = "", CONFIG_PASSPHRASE = "" } = process.env;
  const ofConfig = { name: "CONFIG_PASSPHRASE", text: CONFIG_PASSPHRASE } as const;
  const call = (body: unknown) => send({ ...request, body });
  switch (action) {
    case "kms-export":
      return exportTo(path, KMS_PASSPHRASE, call);
    case "kms-import":
      return importFrom(path, KMS_PASSPHRASE, call);
    case "config-export":
      return exportConfig(path, ofConfig, send);
    case "config-restore":
      return restoreConfig(path, ofConfig, send);
    default:
      return action satisfies never;
  }
}
