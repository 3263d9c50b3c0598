/** Uploads the Worker with the secrets it lacks. wrangler creates its bucket, queues, schedules and consumers. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chooseSecrets, givenSecrets, type Secrets, secretNames } from "../secrets.ts";
import { wantsWorkersDev, workerFlags, writeWithExposure } from "./configuration.ts";
import { DeployError } from "./error.ts";
import { type Inspection, readSecretNames } from "./inspection.ts";
import { errorsIn } from "./log.ts";
import { formatSecrets } from "./report.ts";
import type { Run } from "./run.ts";

export interface Uploaded {
  /** Addresses of the Worker, `https://…`. */
  readonly endpoints: readonly string[];
  /** Secrets that this run, or an interrupted earlier one, has set and that have not been shown yet. */
  readonly secrets: Partial<Secrets>;
  readonly setup: SetupState;
}

/**
 * "open": the Worker has a SETUP_CODE in place of its secrets. "missing": it has neither, and Workers Builds, whose log others may
 * read, must not make secrets.
 */
export type SetupState = "open" | "missing" | "none";

/** @throws DeployError that says what took effect and what did not */
export async function uploadWorker(run: Run, inspection: Inspection): Promise<Uploaded> {
  const { configuration, pending, log, report, args } = run;
  const present = inspection.worker?.secrets ?? [];
  const earlier = pending.read();
  const { chosen, setupCode, setup } = choose(present, earlier);
  // An earlier run set these and ended before it showed them.
  const unseen = Object.fromEntries(
    Object.entries(earlier).filter(([name]) => present.includes(name)),
  ) as Partial<Secrets>;
  // Others may read the log of Workers Builds.
  const secrets = process.env.WORKERS_CI ? {} : { ...unseen, ...chosen };
  if (Object.keys(secrets).length > 0) pending.write(secrets);

  const folder = mkdtempSync(join(tmpdir(), "workers-s3-deploy-"));
  const configPath = keepExposure(run, inspection);
  try {
    const secretsPath = join(folder, "secrets.json");
    const uploaded = { ...chosen, ...(setupCode !== undefined && { SETUP_CODE: setupCode }) };
    writeFileSync(secretsPath, JSON.stringify(uploaded), { mode: 0o600 });
    const outputPath = join(folder, "output.ndjson");
    const secretFlags = Object.keys(uploaded).length > 0 ? ["--secrets-file", secretsPath] : [];
    const { code, output } = await log.run(
      ["deploy", ...workerFlags(configuration, configPath), ...secretFlags, ...args.passedOn],
      { ...run.environment, WRANGLER_OUTPUT_FILE_PATH: outputPath },
    );
    if (code !== 0) throw await failure(run, output, secrets);
    report.step(
      inspection.worker === undefined ? "Worker created, with its bucket, queues and schedules" : "Worker updated",
    );
    if (Object.keys(uploaded).length > 0) report.step(`Secrets set: ${Object.keys(uploaded).join(", ")}`);
    pending.remove();
    return { endpoints: readTargets(outputPath), secrets, setup };
  } finally {
    rmSync(folder, { recursive: true, force: true });
    if (configPath !== configuration.path) rmSync(configPath, { force: true });
  }
}

interface Choice {
  readonly chosen: Partial<Secrets>;
  /** The SETUP_CODE to set. */
  readonly setupCode: string | undefined;
  readonly setup: SetupState;
}

/** Random secrets are made only for a terminal that shows them, and not for a Worker that makes its own. */
function choose(present: readonly string[], earlier: Partial<Secrets>): Choice {
  const { SETUP_CODE: code, WORKERS_CI } = process.env;
  const hasCode = present.includes("SETUP_CODE");
  const given = givenSecrets(present, process.env);
  const hasKeys = Object.keys(given).length > 0 || secretNames.some((name) => present.includes(name));
  if (hasKeys && (hasCode || WORKERS_CI)) return { chosen: given, setupCode: undefined, setup: "none" };
  if (hasKeys || !(hasCode || code || WORKERS_CI)) {
    return { chosen: chooseSecrets(present, process.env, earlier), setupCode: undefined, setup: "none" };
  }
  const setupCode = hasCode || !code ? undefined : code;
  return { chosen: {}, setupCode, setup: hasCode || code ? "open" : "missing" };
}

/**
 * workers.dev and preview URLs stay off if the operator has switched them off. A configuration that does not set them would
 * switch them on with every deploy.
 * @returns the path of the configuration to deploy
 */
function keepExposure({ configuration, args }: Run, { worker }: Inspection): string {
  const { path, isOnWorkersDev, hasPreviewUrls } = configuration;
  const exposure = worker?.exposure;
  if (exposure === undefined) return path;
  const wouldBe = wantsWorkersDev(configuration, args);
  const kept = {
    isOnWorkersDev: isOnWorkersDev ?? (wouldBe && exposure.isOnWorkersDev),
    hasPreviewUrls: hasPreviewUrls ?? exposure.hasPreviewUrls,
  };
  const isSame = kept.isOnWorkersDev === wouldBe && kept.hasPreviewUrls === (hasPreviewUrls ?? wouldBe);
  return isSame ? path : writeWithExposure(configuration, kept);
}

/** Asks Cloudflare what a failed deploy has changed. */
async function failure(run: Run, output: string, secrets: Partial<Secrets>): Promise<DeployError> {
  const { report, log, configuration, pending } = run;
  const errors = errorsIn(output) || "wrangler deploy failed.";
  const names = Object.keys(secrets);
  const isLive = await readSecretNames(run).then(
    (present) => present?.includes("SETUP_CODE") || secretNames.every((name) => present?.includes(name)),
    () => false,
  );
  const end = `Nothing stored is lost: correct this, then run the same command again. wrangler's output is in ${log.path}`;
  if (isLive) {
    report.failed(`Worker ${configuration.workerName}: uploaded with its secrets, but wrangler did not finish`);
    const keys = names.length > 0 ? ["", ...formatSecrets(secrets)] : [];
    return new DeployError(
      [
        errors,
        "Schema, Worker and secrets are in place; what the error names (schedules, queue consumers, addresses) is not.",
        end,
        ...keys,
      ].join("\n"),
    );
  }
  report.failed(`Worker ${configuration.workerName}`);
  const kept = names.length > 0 ? [`Its new keys are kept in ${pending.path} and used by the next run.`] : [];
  return new DeployError(
    [errors, "The schema is in place; the Worker has not been changed, or has no secrets.", ...kept, end].join("\n"),
  );
}

/** Addresses from wrangler's machine-readable output: JSON lines, of which the one of type `deploy` lists them. */
function readTargets(path: string): string[] {
  if (!existsSync(path)) return [];
  const lines = readFileSync(path, "utf8")
    .split("\n")
    .filter((line) => line !== "");
  const entries = lines.map(
    (line) => JSON.parse(line) as { readonly type?: string; readonly targets?: readonly string[] },
  );
  const targets = entries.findLast(({ type }) => type === "deploy")?.targets ?? [];
  return targets
    .filter((target) => /^(https?:\/\/)?[\w.-]+\.[a-z]+(\/?| \(custom domain.*)$/i.test(target))
    .map((target) => target.replace(/ \(custom domain.*$/, "").replace(/\/$/, ""))
    .map((target) => (/^https?:/.test(target) ? target : `https://${target}`));
}
