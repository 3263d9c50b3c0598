/**
 * Setup of every file of the `worker` project. The files run one after the other in one isolate, where the Worker is
 * loaded once. Each starts with the migrated schema and what the isolate caches for its lifetime (the root account and
 * the certificate key), and with nothing else.
 */
import { applyD1Migrations } from "cloudflare:test";
import { env } from "cloudflare:workers";

const CACHED = ["accounts", "signing_keys"];

const BUCKETS = ["STORE", "STORE_EU_WEST_1", "ADOPT_PHOTOS", "ADOPT_FILES"];
await Promise.all([emptyDatabase(), ...BUCKETS.map((name) => emptyBucket(Reflect.get(env, name)))]);

async function emptyDatabase(): Promise<void> {
  let tables = await listTables();
  if (tables.length === 0) {
    await applyD1Migrations(env.DB, env.TEST_MIGRATIONS);
    tables = await listTables();
  }
  const columns = tables.map((name) => `EXISTS (SELECT 1 FROM ${name}) AS ${name}`);
  const isFilled = await env.DB.prepare(`SELECT ${columns.join()}`).first<Record<string, number>>();
  await env.DB.batch([
    env.DB.prepare("PRAGMA defer_foreign_keys = on"),
    ...tables.filter((name) => isFilled?.[name]).map((name) => env.DB.prepare(`DELETE FROM ${name}`)),
    env.DB.prepare("DELETE FROM accounts WHERE is_root = 0"),
  ]);
}

async function listTables(): Promise<string[]> {
  const { results } = await env.DB.prepare(
    `SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB '_*' AND name NOT GLOB 'sqlite_*'
     AND name <> 'd1_migrations' AND name NOT IN (SELECT value FROM json_each(?))`,
  )
    .bind(JSON.stringify(CACHED))
    .all<{ name: string }>();
  return results.map(({ name }) => name);
}

async function emptyBucket(bucket: R2Bucket | undefined): Promise<void> {
  for (let keys = await listKeys(bucket); keys.length > 0; keys = await listKeys(bucket)) await bucket?.delete(keys);
}

async function listKeys(bucket: R2Bucket | undefined): Promise<string[]> {
  const page = await bucket?.list();
  return page?.objects.map(({ key }) => key) ?? [];
}
