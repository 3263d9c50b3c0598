/** The parts of `wrangler.toml` that the local servers use. Bindings, settings and the schedule are defined only there. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { parse } from "smol-toml";

export interface WorkerConfig {
  readonly name: string;
  readonly compatibilityDate: string;
  readonly compatibilityFlags: readonly string[];
  readonly vars: Readonly<Record<string, string>>;
  readonly buckets: readonly BucketBinding[];
  readonly database: { readonly binding: string; readonly id: string; readonly migrationsFolder: string };
  /** Class names of the Durable Objects by binding. */
  readonly objects: Readonly<Record<string, string>>;
  /** Queue names by binding. */
  readonly producers: Readonly<Record<string, string>>;
  readonly consumers: readonly Consumer[];
  readonly crons: readonly string[];
  /** Whether wrangler builds the console itself: older configurations do not say so. */
  readonly hasBuild: boolean;
}

export interface BucketBinding {
  readonly binding: string;
  /** The bucket's name on the account, if it has one. */
  readonly bucketName: string | undefined;
}

export interface Consumer {
  readonly queue: string;
  readonly maxBatchSize: number | undefined;
  readonly maxBatchTimeout: number | undefined;
  readonly maxRetries: number | undefined;
  readonly retryDelay: number | undefined;
  readonly deadLetterQueue: string | undefined;
}

type Table = Readonly<Record<string, unknown>>;

/**
 * @param environment the section `[env.<environment>]`. As in wrangler, it inherits no bindings and no settings
 * @throws Error that names what the file lacks
 */
export function readWorkerConfig(path: string, environment?: string): WorkerConfig {
  return parseWorkerConfig(readFileSync(path, "utf8"), dirname(path), environment);
}

export function parseWorkerConfig(toml: string, folder: string, environment?: string): WorkerConfig {
  const top: Table = parse(toml);
  const chosen = environment === undefined ? top : table(table(top.env)[environment]);
  const database = tables(chosen.d1_databases)[0];
  if (database === undefined) throw new Error("wrangler.toml binds no D1 database.");
  const queues = table(chosen.queues);
  return {
    name: text(chosen.name) ?? `${text(top.name) ?? "workers-s3"}${environment === undefined ? "" : `-${environment}`}`,
    compatibilityDate: text(chosen.compatibility_date ?? top.compatibility_date) ?? "",
    compatibilityFlags: texts(chosen.compatibility_flags ?? top.compatibility_flags),
    vars: Object.fromEntries(Object.entries(table(chosen.vars)).map(([name, value]) => [name, String(value)])),
    buckets: tables(chosen.r2_buckets).map((bucket) => ({
      binding: required(bucket, "binding"),
      bucketName: text(bucket.bucket_name),
    })),
    database: {
      binding: required(database, "binding"),
      id: text(database.preview_database_id ?? database.database_id) ?? required(database, "binding"),
      migrationsFolder: join(folder, text(database.migrations_dir) ?? "migrations"),
    },
    objects: Object.fromEntries(
      tables(table(chosen.durable_objects).bindings).map((each) => [
        required(each, "name"),
        required(each, "class_name"),
      ]),
    ),
    producers: Object.fromEntries(
      tables(queues.producers).map((each) => [required(each, "binding"), required(each, "queue")]),
    ),
    consumers: tables(queues.consumers).map((each) => ({
      queue: required(each, "queue"),
      maxBatchSize: whole(each.max_batch_size),
      maxBatchTimeout: whole(each.max_batch_timeout),
      maxRetries: whole(each.max_retries),
      retryDelay: whole(each.retry_delay),
      deadLetterQueue: text(each.dead_letter_queue),
    })),
    crons: texts(table(chosen.triggers ?? top.triggers).crons),
    hasBuild: table(chosen.build ?? top.build).command !== undefined,
  };
}

function table(value: unknown): Table {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Table) : {};
}

function tables(value: unknown): Table[] {
  return Array.isArray(value) ? value.map(table) : [];
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function texts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function whole(value: unknown): number | undefined {
  return typeof value === "number" ? value : undefined;
}

function required(from: Table, name: string): string {
  const value = text(from[name]);
  if (value === undefined) throw new Error(`wrangler.toml: a binding lacks "${name}".`);
  return value;
}
