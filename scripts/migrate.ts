/** Applies migrations to a local database, as `wrangler d1 migrations apply --local` does and in the same table. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The part of D1 that this module uses. */
export interface Database {
  prepare(sql: string): Statement;
  batch(statements: Statement[]): Promise<unknown>;
}

export interface Statement {
  bind(...values: unknown[]): Statement;
  all(): Promise<{ results: Record<string, unknown>[] }>;
  run(): Promise<unknown>;
}

const TABLE = `CREATE TABLE IF NOT EXISTS d1_migrations (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT UNIQUE,
  applied_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP NOT NULL
)`;

/** A migration and its row are written in one transaction. */
export async function applyMigrations(database: Database, folder: string): Promise<void> {
  await database.prepare(TABLE).run();
  const { results } = await database.prepare("SELECT name FROM d1_migrations").all();
  const applied = new Set(results.map(({ name }) => name));
  const files = readdirSync(folder).filter((name) => name.endsWith(".sql"));
  for (const name of files.sort().filter((each) => !applied.has(each))) {
    const statements = splitStatements(readFileSync(join(folder, name), "utf8"));
    await database.batch([
      ...statements.map((sql) => database.prepare(sql)),
      database.prepare("INSERT INTO d1_migrations (name) VALUES (?1)").bind(name),
    ]);
  }
}

/** The statements of an SQL file, without comments. */
export function splitStatements(sql: string): string[] {
  const statements = [""];
  // Quoted text, comments, words, semicolons, any other character.
  for (const [token] of sql.matchAll(/'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\b\w+\b|;|[^\w;]/g)) {
    const last = statements.length - 1;
    const current = statements[last] ?? "";
    if (token.startsWith("--") || token.startsWith("/*")) statements[last] = `${current} `;
    else if (token === ";" && !isInsideTrigger(current)) statements.push("");
    else statements[last] = current + token;
  }
  return statements.map((statement) => statement.trim()).filter((statement) => statement !== "");
}

/** A trigger ends with the END that closes its body; CASE has an END of its own. */
function isInsideTrigger(statement: string): boolean {
  if (!/^\s*CREATE\s+(?:TEMP\s+|TEMPORARY\s+)?TRIGGER\b/i.test(statement)) return false;
  const opened = statement.match(/\b(?:BEGIN|CASE)\b/gi)?.length ?? 0;
  return opened > (statement.match(/\bEND\b/gi)?.length ?? 0);
}
