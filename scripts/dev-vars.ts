/** `.dev.vars`: the secrets of local development. */
import { chmodSync, existsSync, linkSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parseEnv } from "node:util";
import { missingSecrets, randomSecret, type SecretName, secretNames } from "./secrets.ts";

export type Variables = Readonly<Record<string, string | undefined>>;

const header = "# Secrets of local development. Made by `npm start`; never commit this file.\n";

/** `text` with a random value appended for every secret it lacks; unchanged if it lacks none. */
export function completeDevVars(text: string, makeSecret: (name: SecretName) => string = randomSecret): string {
  const missing = missingSecrets(parseEnv(text));
  if (missing.length === 0) return text;
  const start = text === "" ? header : text.endsWith("\n") ? text : `${text}\n`;
  return start + missing.map((name) => `${name}=${makeSecret(name)}\n`).join("");
}

/** Creates or completes the file at `path`, readable by its owner only, and returns its variables. */
export function ensureDevVars(path: string): Variables {
  if (!existsSync(path)) createWhole(path, completeDevVars(""));
  const text = readFileSync(path, "utf8");
  const completed = completeDevVars(text);
  if (completed !== text) {
    writeFileSync(path, completed);
    chmodSync(path, 0o600);
  }
  return parseEnv(completed);
}

/** The variables of the file; empty if the file does not exist. */
export function readDevVars(path: string): Variables {
  return existsSync(path) ? parseEnv(readFileSync(path, "utf8")) : {};
}

/** The variables of the file; a secret that the environment sets replaces that of the file. */
export function overlaySecrets(file: Variables, environment: Variables): Record<string, string> {
  const merged: Record<string, string> = {};
  for (const [name, value] of Object.entries(file)) if (value !== undefined) merged[name] = value;
  for (const name of secretNames) {
    const value = environment[name];
    if (value) merged[name] = value;
  }
  return merged;
}

/** Variables as a file for `wrangler dev --env-file`. */
export function formatEnvFile(variables: Variables): string {
  return Object.entries(variables)
    .map(([name, value]) => `${name}=${quoteEnvValue(value ?? "")}\n`)
    .join("");
}

// wrangler expands "$NAME" even inside quotes, unless the dollar is escaped.
function quoteEnvValue(value: string): string {
  const escaped = value.replaceAll("$", "\\$");
  const quote = ["'", '"', "`"].find((candidate) => !escaped.includes(candidate));
  if (quote === undefined) throw new Error("A secret must not contain all three kinds of quotation marks.");
  return quote + escaped + quote;
}

// A hard link makes two servers that start at the same moment agree on whose keys win.
function createWhole(path: string, text: string): void {
  const directory = mkdtempSync(join(dirname(path), ".wrangler-vars-"));
  try {
    const draft = join(directory, ".dev.vars");
    writeFileSync(draft, text, { mode: 0o600 });
    linkSync(draft, path);
  } catch (error) {
    if (!existsSync(path)) throw error;
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}
