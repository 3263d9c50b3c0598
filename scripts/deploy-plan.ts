/** What `npm run deploy` does, as data: the commands in order, and the secrets to set. */
import { pickFlags } from "./flags.ts";
import { missingSecrets, randomSecret, type Secrets } from "./secrets.ts";

export interface DeployPlan {
  readonly isDryRun: boolean;
  /** Uploads the Worker and creates the R2 bucket, the database and whatever else is missing. */
  readonly deploy: readonly string[];
  /** Comes second: the database exists only after the first deploy. */
  readonly migrate: readonly string[];
  readonly listSecrets: readonly string[];
  /** Takes the secrets as JSON on its standard input, so that they appear in no process list. */
  readonly setSecrets: readonly string[];
}

/** `argv` is handed to `wrangler deploy`; the flags that name the Worker and its environment go to every step. */
export function planDeploy(argv: readonly string[]): DeployPlan {
  const isDryRun = argv.includes("--dry-run");
  const environment = pickFlags(argv, ["--config", "-c", "--env", "-e"]);
  const worker = [...environment, ...pickFlags(argv, ["--name"])];
  return {
    isDryRun,
    deploy: ["deploy", ...argv],
    migrate: ["d1", "migrations", "apply", "DB", "--remote", ...environment],
    listSecrets: ["secret", "list", "--format", "json", ...worker],
    setSecrets: ["secret", "bulk", ...worker],
  };
}

/** The names in the answer of `wrangler secret list --format json`. */
export function parseSecretList(output: string): string[] {
  // wrangler may print notices around the document.
  const list: unknown = JSON.parse(output.slice(output.indexOf("["), output.lastIndexOf("]") + 1));
  if (!Array.isArray(list)) throw new Error("wrangler secret list answered no list.");
  return list.map((entry: unknown) => {
    if (typeof entry === "object" && entry !== null && "name" in entry && typeof entry.name === "string") {
      return entry.name;
    }
    throw new Error("wrangler secret list answered an entry without a name.");
  });
}

/** A value for each secret the account lacks: the environment's, else a random one. Those already set stay. */
export function chooseSecrets(
  present: readonly string[],
  environment: Readonly<Record<string, string | undefined>>,
): Partial<Secrets> {
  const chosen: Partial<Secrets> = {};
  for (const name of missingSecrets(Object.fromEntries(present.map((each) => [each, "set"])))) {
    chosen[name] = environment[name] || randomSecret(name);
  }
  return chosen;
}

/** The lines for a dry run. */
export function formatPlan(plan: DeployPlan): string {
  return [
    "Steps of a deploy:",
    `  1. wrangler ${plan.deploy.filter((argument) => argument !== "--dry-run").join(" ")}`,
    `  2. wrangler ${plan.migrate.join(" ")}`,
    `  3. wrangler ${plan.listSecrets.join(" ")}`,
    `  4. wrangler ${plan.setSecrets.join(" ")}  (only secrets that are missing; they are printed once)`,
    "",
  ].join("\n");
}
