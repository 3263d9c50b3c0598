/** What a deploy prints: one line for each step, then the endpoint and its keys. */
import type { Secrets } from "../secrets.ts";
import type { SetupState } from "./upload.ts";

export class Report {
  readonly #print: (text: string) => void;
  readonly done: string[] = [];

  constructor(print: (text: string) => void) {
    this.#print = print;
  }

  title(text: string): void {
    this.#print(`\n${text}\n\n`);
  }

  step(text: string): void {
    this.done.push(text);
    this.#print(`  ✓ ${text}\n`);
  }

  failed(text: string): void {
    this.#print(`  ✗ ${text}\n`);
  }
}

export interface Outcome {
  /** Addresses of the Worker, and of the console if it has one of its own. */
  readonly endpoints: readonly string[];
  readonly consoleOrigin: string | undefined;
  readonly region: string;
  /** The secrets that this run has set. */
  readonly secrets: Partial<Secrets>;
  readonly logPath: string;
  readonly setup: SetupState;
}

export function formatOutcome({
  endpoints: addresses,
  consoleOrigin,
  region,
  secrets,
  setup,
  logPath,
}: Outcome): string {
  const endpoints = addresses.filter((each) => each !== consoleOrigin);
  const [endpoint] = endpoints;
  const lines = endpoints.map((each) => `  Endpoint           ${each}`);
  if (endpoint === undefined) lines.push("  Endpoint           none: workers.dev is off and no route or domain is set");
  if (consoleOrigin !== undefined) lines.push(`  Console            ${consoleOrigin}`);
  lines.push(`  Region             ${region}`);
  lines.push(...(setup === "none" ? formatSecrets(secrets) : formatSetup(setup, endpoint ?? "<the endpoint>")));
  if (endpoint !== undefined) {
    lines.push("", `Ready when this answers {"status":"ok"}:  curl ${endpoint}/-/health`);
    lines.push(`Check it from outside:                    npm run admin -- doctor --endpoint ${endpoint}`);
  }
  lines.push("", `wrangler's output is in ${logPath}`);
  return `\n${lines.join("\n")}\n`;
}

function formatSetup(setup: Exclude<SetupState, "none">, endpoint: string): string[] {
  const page = `${endpoint}/-/setup`;
  if (setup === "open") return [`  Keys               made at ${page} with the SETUP_CODE, unless that is done`];
  return [
    "  Keys               none yet",
    "",
    "Set the secret SETUP_CODE, at least 16 characters (dashboard: the Worker, Settings, Variables and Secrets),",
    `and enter it at ${page}`,
  ];
}

/** Lines for keys that are shown once. */
export function formatSecrets(secrets: Partial<Secrets>): string[] {
  const { ROOT_ACCESS_KEY_ID: id, ROOT_SECRET_ACCESS_KEY: secret, SEAL_KEY: sealKey } = secrets;
  const lines: string[] = [];
  if (id !== undefined) lines.push(`  Access key id      ${id}`);
  if (secret !== undefined) lines.push(`  Secret access key  ${secret}`);
  if (sealKey !== undefined) lines.push(`  Seal key           ${sealKey}`);
  if (lines.length === 0) return ["  Keys               as set before"];
  return [
    ...lines,
    "",
    "Keep these keys: Cloudflare shows no secret again, and without the seal key the access keys of",
    "users and accounts are lost.",
  ];
}
