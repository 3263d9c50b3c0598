import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyMigrations, type Database, type Statement, splitStatements } from "../../../scripts/migrate.ts";

const ours = join(import.meta.dirname, "../../../migrations");

describe("splitStatements", () => {
  it("leaves out comments, and keeps semicolons in text, names and triggers", () => {
    const sql = `-- a; comment
      CREATE TABLE a (x TEXT DEFAULT ';', "y;z" INTEGER /* ; */);
      CREATE TRIGGER t AFTER INSERT ON a BEGIN
        UPDATE a SET x = CASE WHEN x = '' THEN 'it''s;' ELSE x END;
        DELETE FROM a;
      END;
      SELECT 1`;
    expect(splitStatements(sql).map((statement) => statement.replace(/\s+/g, " "))).toEqual([
      `CREATE TABLE a (x TEXT DEFAULT ';', "y;z" INTEGER )`,
      "CREATE TRIGGER t AFTER INSERT ON a BEGIN UPDATE a SET x = CASE WHEN x = '' THEN 'it''s;' ELSE x END; DELETE FROM a; END",
      "SELECT 1",
    ]);
  });

  it.each(readdirSync(ours))("makes the same schema of %s as the whole file does", (last) => {
    const schemaOf = (apply: (sqlite: DatabaseSync, sql: string) => void) => {
      const sqlite = new DatabaseSync(":memory:");
      for (const name of readdirSync(ours).sort()) {
        apply(sqlite, readFileSync(join(ours, name), "utf8"));
        if (name === last) break;
      }
      return sqlite.prepare("SELECT type, name, tbl_name FROM sqlite_schema ORDER BY name").all();
    };
    const split = schemaOf((sqlite, sql) => {
      for (const statement of splitStatements(sql)) sqlite.exec(statement);
    });
    expect(split).toEqual(schemaOf((sqlite, sql) => sqlite.exec(sql)));
  });
});

describe("applyMigrations", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "migrations-"));
    writeFileSync(join(folder, "0002_b.sql"), "INSERT INTO a VALUES (2);");
    writeFileSync(join(folder, "0001_a.sql"), "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("applies each once, in order, and keeps wrangler's record of it", async () => {
    const { database, sqlite } = open();
    await applyMigrations(database, folder);
    await applyMigrations(database, folder);
    writeFileSync(join(folder, "0003_c.sql"), "INSERT INTO a VALUES (3);");
    await applyMigrations(database, folder);
    expect(sqlite.prepare("SELECT x FROM a").all()).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }]);
    expect(sqlite.prepare("SELECT id, name FROM d1_migrations").all()).toEqual([
      { id: 1, name: "0001_a.sql" },
      { id: 2, name: "0002_b.sql" },
      { id: 3, name: "0003_c.sql" },
    ]);
  });

  it("applies no part of a migration that fails", async () => {
    const { database, sqlite } = open();
    writeFileSync(join(folder, "0003_c.sql"), "INSERT INTO a VALUES (3); INSERT INTO missing VALUES (1);");
    await expect(applyMigrations(database, folder)).rejects.toThrow("missing");
    expect(sqlite.prepare("SELECT x FROM a").all()).toEqual([{ x: 1 }, { x: 2 }]);
    expect(sqlite.prepare("SELECT name FROM d1_migrations").all()).toHaveLength(2);
  });
});

/** D1's interface over SQLite in memory. */
function open(): { readonly database: Database; readonly sqlite: DatabaseSync } {
  const sqlite = new DatabaseSync(":memory:");
  const statement = (sql: string, values: string[] = []): Statement => ({
    bind: (...bound) => statement(sql, bound.map(String)),
    all: async () => ({ results: sqlite.prepare(sql).all(...values) }),
    run: async () => sqlite.prepare(sql).run(...values),
  });
  const batch = async (statements: Statement[]) => {
    sqlite.exec("BEGIN");
    try {
      for (const each of statements) await each.run();
      sqlite.exec("COMMIT");
    } catch (error) {
      sqlite.exec("ROLLBACK");
      throw error;
    }
  };
  return { database: { prepare: (sql) => statement(sql), batch }, sqlite };
}
