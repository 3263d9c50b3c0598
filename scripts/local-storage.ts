/** The storage of local servers, opened and migrated before anything is served. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { join } from "node:path";
import { convertV4MiniflareOptions, Miniflare, type V4MiniflareOptions } from "miniflare";
import { lockFolder } from "./folder-lock.ts";
import { adoptUnnamedBuckets } from "./local-buckets.ts";
import { applyMigrations, type Database } from "./migrate.ts";
import { readSealedValues, type SealedValue } from "./seal-check.ts";
import type { WorkerConfig } from "./worker-config.ts";

/** `wrangler dev` uses the same folders, named after the Worker and its bindings. */
export interface LocalStorage {
  readonly config: WorkerConfig;
  readonly miniflare: Miniflare;
  /** Values that the SEAL_KEY must open. */
  readonly sealed: readonly SealedValue[];
  /** Runs the Worker on this storage. */
  run(worker: WorkerOptions): Promise<void>;
  /** Prints the Worker's log lines from now on. */
  showLogs(): void;
  /** The listener is called each time workerd has been restarted after a crash. */
  onRestart(listener: () => void): void;
}

export type WorkerOptions = Extract<V4MiniflareOptions, { workers: unknown[] }>["workers"][number];

/** Miniflare sends its own port, on loopback, to the first worker. This one answers nothing. */
const GATE = "export default { fetch: () => new Response(null, { status: 404 }) };";

/** @throws Error with a sentence for the person who starts a server */
export async function openLocalStorage(config: WorkerConfig, stateFolder: string): Promise<LocalStorage> {
  const folder = join(stateFolder, "v3");
  requireWritable(stateFolder);
  requireWritable(folder);
  lockFolder(stateFolder);
  adoptUnnamedBuckets(folder, config.buckets);
  const { compatibilityDate, database, name } = config;
  const gate = { name: "gate", modules: true as const, script: GATE, compatibilityDate };
  const optionsWith = (worker: WorkerOptions) =>
    convertV4MiniflareOptions({
      host: "127.0.0.1",
      port: 0,
      cf: false,
      unsafeTriggerHandlers: false,
      unsafeLocalExplorer: false,
      resourcePersistencePath: folder,
      handleStructuredLogs: ({ level, message }) => {
        if (isRunning) (level === "error" ? process.stderr : process.stdout).write(`${message}\n`);
      },
      unsafeHandleRuntimeRestart: () => restarted(),
      workers: [gate, worker],
    });
  // Earlier log lines add nothing to the error with which a failed start ends.
  let isRunning = false;
  let restarted = () => {};
  const miniflare = new Miniflare(optionsWith({ ...gate, name, d1Databases: { [database.binding]: database.id } }));
  try {
    const opened = (await miniflare.getD1Database(database.binding, name)) as unknown as Database;
    await applyMigrations(opened, database.migrationsFolder);
    return {
      config,
      miniflare,
      sealed: await readSealedValues(opened),
      run: (worker) => miniflare.setOptions(optionsWith(worker)),
      showLogs: () => {
        isRunning = true;
      },
      onRestart: (listener) => {
        restarted = listener;
      },
    };
  } catch (error) {
    await miniflare.dispose();
    throw error;
  }
}

function requireWritable(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true });
    accessSync(folder, constants.W_OK);
  } catch (cause) {
    throw new Error(`Cannot write to ${folder}; choose another folder with --persist-to.`, { cause });
  }
}
