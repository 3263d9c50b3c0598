/** Applies migrations to a local database, as `wrangler d1 migrations apply --local` does and in the same table. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";

/** The table in which wrangler notes what it has applied. */
export const MIGRATIONS_TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

export const APPLIED_MIGRATIONS = "SELECT name FROM d1_migrations";

/** In the order in which they are applied. */
export function migrationNames(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".sql"))
    .sort();
}

/** A migration and its row are written in one transaction. @throws Error of SQLite */
export function applyMigrations(database: DatabaseSync, folder: string): void {
  database.exec(MIGRATIONS_TABLE);
  const applied = new Set(
    database
      .prepare(APPLIED_MIGRATIONS)
      .all()
      .map(({ name }) => name),
  );
  for (const name of migrationNames(folder).filter((each) => !applied.has(each))) {
    database.exec("BEGIN IMMEDIATE");
    try {
      database.exec(readFileSync(join(folder, name), "utf8"));
      database.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").run(name);
      database.exec("COMMIT");
    } catch (error) {
      // After some errors, such as a full disk, SQLite has rolled back itself, and one more error would hide the cause.
      if (database.isTransaction) database.exec("ROLLBACK");
      throw error;
    }
  }
}
