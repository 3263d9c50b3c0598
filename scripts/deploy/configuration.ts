/** The deployment that wrangler.toml describes: the Worker's name, and the resources that hold its data. */

import { writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { type ConsoleSettings, readConsoleSettings } from "../../src/console/settings.ts";
import { isAdoptBinding } from "../../src/model/adopted.ts";
import { projectRoot } from "../wrangler.ts";
import { DeployError } from "./error.ts";
import { readRawConfig, readWranglerConfig, type WranglerConfig } from "./wrangler-config.ts";

export interface Configuration {
  readonly path: string;
  readonly environment: string | undefined;
  readonly workerName: string;
  readonly accountId: string | undefined;
  /** Name of the default region. */
  readonly region: string;
  /** R2 buckets by binding. */
  readonly buckets: ReadonlyMap<string, string>;
  /** Name of the database bound as DB. */
  readonly database: string;
  /** Its id, if the configuration has it, as Cloudflare's button writes it. */
  readonly databaseId: string | undefined;
  readonly migrationsFolder: string;
  readonly queues: readonly string[];
  /** Queues that only the deployment uses; those bound as `QUEUE_…` are the operator's. */
  readonly ownQueues: readonly string[];
  /** Undefined if the configuration does not set it. */
  readonly isOnWorkersDev: boolean | undefined;
  readonly hasPreviewUrls: boolean | undefined;
  readonly hasRoute: boolean;
  /** Undefined: no console. */
  readonly console: ConsoleSettings | undefined;
  /** Whether wrangler builds the console itself: older configurations do not say so. */
  readonly hasBuild: boolean;
}

interface Source {
  readonly config: string | undefined;
  readonly environment: string | undefined;
  readonly name: string | undefined;
}

/** @throws DeployError if the configuration does not exist or binds no database */
export function readConfiguration({ config, environment, name }: Source): Configuration {
  const path = resolve(projectRoot, config ?? "wrangler.toml");
  const read = readWranglerConfig(path, environment);
  // Workers Builds deploys to the Worker that it is connected to, as wrangler does.
  const workerName = name ?? process.env.WRANGLER_CI_OVERRIDE_NAME ?? read.name;
  if (workerName === undefined) throw new DeployError(`${path} names no Worker.`);
  const {
    database_name: database,
    database_id: databaseId,
    migrations_dir: migrations = "migrations",
  } = read.d1_databases.find(({ binding }) => binding === "DB") ?? {};
  if (database === undefined) throw new DeployError(`${path} must bind a D1 database with a database_name as DB.`);
  const producers = read.queues.producers ?? [];
  const consumers = read.queues.consumers ?? [];
  requireConsumers(path, read.queues);
  // The name that wrangler gives a bucket without a name.
  const buckets = new Map(
    read.r2_buckets.map((each) => [each.binding, each.bucket_name ?? defaultName(workerName, each.binding)]),
  );
  requireSeparate(path, buckets);
  return {
    path,
    environment,
    workerName,
    accountId: read.account_id,
    region: String(read.vars.REGION ?? "us-east-1"),
    buckets,
    database,
    databaseId,
    migrationsFolder: resolve(dirname(path), migrations),
    queues: [...new Set([...producers, ...consumers].map(({ queue }) => queue).filter((each) => each !== undefined))],
    ownQueues: [
      ...new Set(producers.filter(({ binding = "" }) => OWN_QUEUES.includes(binding)).map(({ queue }) => queue)),
    ].filter((each) => each !== undefined),
    isOnWorkersDev: read.workers_dev,
    hasPreviewUrls: read.preview_urls,
    hasRoute: (read.routes ?? []).length > 0 || read.route !== undefined,
    console: readConsole(read.vars),
    hasBuild: read.build?.command !== undefined,
  };
}

/**
 * The store of a region holds the objects of all buckets, and none of it may be served under its own keys.
 * @throws DeployError
 */
function requireSeparate(path: string, buckets: ReadonlyMap<string, string>): void {
  for (const [binding, name] of buckets) {
    const other = [...buckets].find(([each, of]) => each !== binding && of === name)?.[0];
    if (!isAdoptBinding(binding) || other === undefined) continue;
    throw new DeployError(
      `${path} binds the R2 bucket ${name} as ${binding} and as ${other}. An adopted bucket must be no other binding's. Nothing was created.`,
    );
  }
}

const OWN_QUEUES = ["EVENTS", "DELIVERIES", "RETRIES", "REPLICATION", "ACCESS_LOGS", "DEAD_LETTERS"];

/**
 * A queue that was renamed in one place only would never be read, or its failures would be lost. The Worker knows the queue of
 * dead letters by the end of its name.
 * @throws DeployError
 */
function requireConsumers(path: string, { producers = [], consumers = [] }: WranglerConfig["queues"]): void {
  const named = new Map(producers.map(({ binding, queue }) => [binding, queue]));
  const deadLetters = named.get("DEAD_LETTERS");
  const problems: string[] = [];
  if (deadLetters !== undefined && !deadLetters.endsWith("dead-letters")) {
    problems.push(`the name of the queue DEAD_LETTERS, ${deadLetters}, must end in dead-letters`);
  }
  for (const binding of OWN_QUEUES) {
    const queue = named.get(binding);
    const consumer = consumers.find((each) => each.queue === queue);
    if (queue === undefined) continue;
    if (consumer === undefined) problems.push(`the queue ${queue} of ${binding} needs a consumer`);
    else if (binding !== "DEAD_LETTERS" && consumer.dead_letter_queue !== deadLetters) {
      problems.push(`the consumer of ${queue} must have dead_letter_queue = "${deadLetters}"`);
    }
  }
  if (problems.length === 0) return;
  throw new DeployError(
    [`Correct the queues in ${path}. Nothing was created.`, ...problems.map((each) => `  ${each}`)].join("\n"),
  );
}

/** @throws DeployError for settings with which the Worker would answer 503 */
function readConsole(vars: WranglerConfig["vars"]): ConsoleSettings | undefined {
  const text = (name: string, absent = "") => String(vars[name] ?? absent);
  const list = (value: string) =>
    value
      .split(",")
      .map((each) => each.trim().toLowerCase())
      .filter((each) => each !== "");
  const outcome = readConsoleSettings({
    domain: text("CONSOLE_DOMAIN"),
    localEndpoint: "",
    publicOrigin: text("PUBLIC_ORIGIN") || undefined,
    s3Domains: list(text("S3_DOMAINS")),
    websiteDomains: list(text("WEBSITE_DOMAINS", "website.localhost")),
  });
  if ("problem" in outcome) throw new DeployError(`${outcome.problem} Nothing was created.`);
  return outcome.settings;
}

function defaultName(workerName: string, binding: string): string {
  return `${workerName}-${binding.toLowerCase().replaceAll("_", "-")}`;
}

/**
 * Two Workers that share a database or a bucket undo each other's writes and consume each other's queue messages, so a Worker
 * with another name must have its own resources.
 * @throws DeployError that names what is shared
 */
export function requireOwnResources(wanted: Configuration, others: readonly Configuration[]): void {
  for (const other of others) {
    if (other.workerName === wanted.workerName) continue;
    const shared = resourcesOf(wanted).filter((resource) => resourcesOf(other).includes(resource));
    if (shared.length === 0) continue;
    throw new DeployError(
      [
        `The Worker ${wanted.workerName} would share these resources with ${other.workerName}: ${shared.join(", ")}.`,
        "A second deployment needs a configuration of its own that names its own bucket, database and queues:",
        "copy wrangler.toml, rename them all, and run `npm run deploy -- --config <the copy>`.",
      ].join("\n"),
    );
  }
}

function resourcesOf({ buckets, database, queues }: Configuration): string[] {
  return [
    ...[...buckets.values()].map((name) => `R2 bucket ${name}`),
    `D1 database ${database}`,
    ...queues.map((name) => `queue ${name}`),
  ];
}

/** Flags that name configuration, environment and Worker. @param instead the configuration to use in place of it */
export function workerFlags({ path, environment, workerName }: Configuration, instead: string = path): string[] {
  return ["--config", instead, ...(environment === undefined ? [] : ["--env", environment]), "--name", workerName];
}

/** Whether wrangler would serve the Worker on workers.dev. Without a setting it does so if there is no route and no domain. */
export function wantsWorkersDev(configuration: Configuration, args: { readonly hasRoute: boolean }): boolean {
  return configuration.isOnWorkersDev ?? !(configuration.hasRoute || args.hasRoute);
}

export interface Exposure {
  readonly isOnWorkersDev: boolean;
  readonly hasPreviewUrls: boolean;
}

/**
 * Writes a copy of the configuration with the given exposure next to the original, so that relative paths remain valid.
 * wrangler has no flags for these settings, and switches both on where the configuration does not set them.
 * @returns the path of the copy
 */
export function writeWithExposure({ path, environment }: Configuration, exposure: Exposure): string {
  const settings = { workers_dev: exposure.isOnWorkersDev, preview_urls: exposure.hasPreviewUrls };
  const raw = readRawConfig(path) as Record<string, unknown> & { env?: Record<string, object> };
  const copy =
    environment === undefined || raw.env?.[environment] === undefined
      ? { ...raw, ...settings }
      : { ...raw, env: { ...raw.env, [environment]: { ...raw.env[environment], ...settings } } };
  const target = join(dirname(path), `.wrangler-deploy-${process.pid}.json`);
  writeFileSync(target, JSON.stringify(copy, undefined, 2));
  return target;
}
