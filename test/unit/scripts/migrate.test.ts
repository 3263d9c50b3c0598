import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { applyMigrations } from "../../../scripts/migrate.ts";

describe("applyMigrations", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "migrations-"));
    writeFileSync(join(folder, "0002_b.sql"), "INSERT INTO a VALUES (2);");
    writeFileSync(join(folder, "0001_a.sql"), "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("applies each once, in order, and keeps wrangler's record of it", () => {
    const sqlite = new DatabaseSync(":memory:");
    applyMigrations(sqlite, folder);
    applyMigrations(sqlite, folder);
    writeFileSync(join(folder, "0003_c.sql"), "INSERT INTO a VALUES (3);");
    applyMigrations(sqlite, folder);
    expect(sqlite.prepare("SELECT x FROM a").all()).toEqual([{ x: 1 }, { x: 2 }, { x: 3 }]);
    expect(sqlite.prepare("SELECT id, name FROM d1_migrations").all()).toEqual([
      { id: 1, name: "0001_a.sql" },
      { id: 2, name: "0002_b.sql" },
      { id: 3, name: "0003_c.sql" },
    ]);
  });

  it("applies no part of a migration that fails", () => {
    const sqlite = new DatabaseSync(":memory:");
    writeFileSync(join(folder, "0003_c.sql"), "INSERT INTO a VALUES (3); INSERT INTO missing VALUES (1);");
    expect(() => applyMigrations(sqlite, folder)).toThrow("missing");
    expect(sqlite.prepare("SELECT x FROM a").all()).toEqual([{ x: 1 }, { x: 2 }]);
    expect(sqlite.prepare("SELECT name FROM d1_migrations").all()).toHaveLength(2);
  });

  it("names the cause of a failure after which SQLite rolls back by itself", () => {
    const sqlite = new DatabaseSync(":memory:");
    writeFileSync(join(folder, "0003_c.sql"), "CREATE UNIQUE INDEX u ON a (x); INSERT OR ROLLBACK INTO a VALUES (1);");
    expect(() => applyMigrations(sqlite, folder)).toThrow("UNIQUE constraint failed");
  });
});
