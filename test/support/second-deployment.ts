/** A second deployment over the same R2: with a database and a SEAL_KEY of its own, and the same root keys. */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";
import type { Env } from "../../src/env.ts";
import { envWith } from "./lifecycle.ts";

const SECOND_SEAL_KEY = "ff".repeat(32);

export const secondDb = Reflect.get(env, "SECOND_DB") as D1Database;

/** Its bindings, with nothing cached. */
export function secondEnv(settings: Parameters<typeof envWith>[0] = {}): Env {
  const DB = new Proxy(secondDb, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  return { ...envWith({ SEAL_KEY: SECOND_SEAL_KEY, ...settings }), DB };
}

/** The database as its migrations leave it, with new ids of the root account. */
export async function emptySecondDb(): Promise<void> {
  await applyD1Migrations(secondDb, env.TEST_MIGRATIONS);
  const { results: tables } = await secondDb
    .prepare(
      `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_*' AND name NOT GLOB 'sqlite_*'
       AND name <> 'd1_migrations'`,
    )
    .all<{ name: string }>();
  await secondDb.batch([
    secondDb.prepare("PRAGMA defer_foreign_keys = on"),
    ...tables.map(({ name }) => secondDb.prepare(`DELETE FROM ${name}`)),
    secondDb.prepare(
      `INSERT INTO accounts (id, canonical_id, display_name, is_root, created_at)
       VALUES (printf('%012d', abs(random() % 1000000000000)), lower(hex(randomblob(32))), 'root', 1, 1)`,
    ),
  ]);
}
