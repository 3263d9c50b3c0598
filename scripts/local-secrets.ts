/** The secrets a local server starts with. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parseEnv } from "node:util";
import { ensureDevVars, overlaySecrets, readDevVars } from "./dev-vars.ts";
import { judgeSealKey, type SealedValue } from "./seal-check.ts";
import { missingSecrets } from "./secrets.ts";
import { projectRoot } from "./wrangler.ts";

export const devVarsPath: string = join(projectRoot, ".dev.vars");

/** The variables of `.dev.vars`; a secret that the environment sets replaces that of the file. */
export function readLocalVariables(path = devVarsPath, given: Given = {}): Record<string, string> {
  return { ...overlaySecrets(readDevVars(path), process.env), ...given };
}

/** What the command line sets: it replaces what the file and the environment set. */
type Given = Readonly<Record<string, string>>;

/** The variables of `--env-file` and `--var`, of which a later one replaces an earlier one. @throws Error with a sentence */
export function readGivenVariables(envFiles: readonly string[], given: Given): Record<string, string> {
  return Object.assign({}, ...envFiles.map(readEnvFile), given);
}

function readEnvFile(path: string): NodeJS.Dict<string> {
  try {
    return parseEnv(readFileSync(path, "utf8"));
  } catch (cause) {
    throw new Error(`Cannot read ${path}, which --env-file names.`, { cause });
  }
}

/**
 * As `readLocalVariables`; secrets that are missing from both get random values, which are written to `.dev.vars`. A SEAL_KEY
 * is created only if nothing is sealed yet.
 * @throws Error with a sentence for the person who starts the server
 */
export async function prepareLocalVariables(
  sealed: readonly SealedValue[],
  path = devVarsPath,
  given: Given = {},
): Promise<Record<string, string>> {
  const present = readLocalVariables(path, given);
  const missing = missingSecrets(present);
  if (missing.includes("SEAL_KEY") && sealed.length > 0) {
    throw new Error(
      `SEAL_KEY is in neither .dev.vars nor the environment, but access keys are sealed with it: ${REMEDY}`,
    );
  }
  if (missing.length > 0) complete(path);
  const variables = readLocalVariables(path, given);
  const sealKey = variables.SEAL_KEY ?? "";
  // For a malformed key, the Worker's own message says what is expected.
  if (/^[0-9a-f]{64}$/i.test(sealKey) && (await judgeSealKey(sealed, sealKey)) === "wrong") {
    throw new Error(`SEAL_KEY is not the one that access keys are sealed with: ${REMEDY}`);
  }
  return variables;
}

const REMEDY = "restore it, or use another folder with --persist-to.";

function complete(path: string): void {
  try {
    ensureDevVars(path);
  } catch (cause) {
    throw new Error(
      `Cannot write ${path}; set ROOT_ACCESS_KEY_ID, ROOT_SECRET_ACCESS_KEY and SEAL_KEY in the environment instead.`,
      { cause },
    );
  }
}
