/** The storage of local servers, migrated before anything is served. `wrangler dev` uses the same folders. */
import { accessSync, constants, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { lockFolder } from "./folder-lock.ts";
import { adoptUnnamedBuckets } from "./local-buckets.ts";
import { databaseFile } from "./local-files.ts";
import { applyMigrations } from "./migrate.ts";
import { readSealedValues, type SealedValue } from "./seal-check.ts";
import type { WorkerConfig } from "./worker-config.ts";

export interface LocalStorage {
  readonly config: WorkerConfig;
  /** Miniflare's `resourcePersistencePath`. */
  readonly folder: string;
  /** Values that the SEAL_KEY must open. */
  readonly sealed: readonly SealedValue[];
}

/**
 * The folder is locked until this process ends, so that no runtime has the database open while SQLite changes it.
 * @throws Error with a sentence for the person who starts a server
 */
export function openLocalStorage(config: WorkerConfig, stateFolder: string): LocalStorage {
  const folder = join(stateFolder, "v3");
  requireWritable(stateFolder);
  requireWritable(folder);
  lockFolder(stateFolder);
  adoptUnnamedBuckets(folder, config.buckets);
  const path = databaseFile(folder, "d1", config.database.id);
  mkdirSync(dirname(path), { recursive: true });
  const database = openSqlite(path);
  try {
    applyMigrations(database, config.database.migrationsFolder);
    return { config, folder, sealed: readSealedValues(database) };
  } finally {
    database.close();
  }
}

function openSqlite(path: string): DatabaseSync {
  const { emitWarning } = process;
  // Node calls its SQLite experimental each time it is loaded.
  process.emitWarning = () => undefined;
  try {
    return new (process.getBuiltinModule("node:sqlite").DatabaseSync)(path);
  } finally {
    process.emitWarning = emitWarning;
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
