/** Creates the database and applies its schema, before the code that reads them is uploaded. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { APPLIED_MIGRATIONS, MIGRATIONS_TABLE, migrationNames } from "../migrate.ts";
import { ApiError, type CloudflareApi } from "./cloudflare-api.ts";
import { DeployError } from "./error.ts";
import type { Inspection } from "./inspection.ts";
import type { Run } from "./run.ts";

type Row = Readonly<Record<string, unknown>>;

interface QueryResult {
  readonly results: readonly Row[];
}

/** @throws DeployError; the deployed Worker, if any, is unchanged */
export async function prepareDatabase(run: Run, inspection: Inspection): Promise<void> {
  const { configuration, report, account } = run;
  const id = inspection.databaseId ?? (await createDatabase(run));
  if (inspection.databaseId === undefined) report.step(`D1 database ${configuration.database} created`);
  try {
    const added = await applyMigrations(run.api, `${account}/d1/database/${id}`, configuration.migrationsFolder);
    report.step(added.length === 0 ? "Schema is up to date" : "Schema brought up to date");
  } catch (cause) {
    report.failed("Schema of the database");
    if (!(cause instanceof Error)) throw cause;
    throw new DeployError(
      [
        cause.message,
        "The schema is not complete, and the Worker has not been changed. Nothing stored is lost: run the same command again.",
      ].join("\n"),
      { cause },
    );
  }
}

/** @returns the rows of the first statement. @throws ApiError, DeployError */
export async function queryDatabase(api: CloudflareApi, database: string, sql: string): Promise<readonly Row[]> {
  const [result] = (await api.post(`${database}/query`, { sql })) as readonly QueryResult[];
  return result?.results ?? [];
}

/**
 * As `wrangler d1 migrations apply --remote`, and in the same table. A migration and its row are one call, which D1 applies as a
 * whole or not at all.
 * @returns the names of the migrations that were missing. @throws Error that names the one that failed
 */
async function applyMigrations(api: CloudflareApi, database: string, folder: string): Promise<string[]> {
  await queryDatabase(api, database, MIGRATIONS_TABLE);
  const rows = await queryDatabase(api, database, APPLIED_MIGRATIONS);
  const applied = new Set(rows.map(({ name }) => name));
  const missing = migrationNames(folder).filter((name) => !applied.has(name));
  for (const name of missing) {
    const row = `INSERT INTO d1_migrations (name) VALUES ('${name.replaceAll("'", "''")}');`;
    const sql = `${readFileSync(join(folder, name), "utf8")}\n${row}`;
    await queryDatabase(api, database, sql).catch((cause: unknown) => {
      throw new DeployError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
    });
  }
  return missing;
}

async function createDatabase({ api, account, configuration, report }: Run): Promise<string> {
  const name = configuration.database;
  try {
    const { uuid } = (await api.post(`${account}/d1/database`, { name })) as { readonly uuid: string };
    return uuid;
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    report.failed(`D1 database ${name}`);
    const right = error.status === 401 || error.status === 403 ? " The login needs the permission D1: Edit." : "";
    throw new DeployError(
      `D1 database ${name}: ${error.message}.${right} Correct that, then run the same command again.`,
      {
        cause: error,
      },
    );
  }
}
