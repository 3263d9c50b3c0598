/** The schema this code was written for. */

/** File name of the newest migration; a test keeps it true. */
export const NEWEST_MIGRATION = "0012_policy_users.sql";

/** Whether the database has the newest migration. wrangler notes each one it applies in `d1_migrations`. */
export async function isSchemaCurrent(db: D1Database): Promise<boolean> {
  const row = await db.prepare("SELECT 1 AS applied FROM d1_migrations WHERE name = ?").bind(NEWEST_MIGRATION).first();
  return row !== null;
}
