/** What a request that is refused must not change in D1. */

/** Tables whose rows change only by a request that was allowed. */
const TABLES = [
  "accounts",
  "buckets",
  "deleted_buckets",
  "open_uploads",
  "bucket_documents",
  "users",
  "user_policies",
] as const;

/** Statements that read all rows of these tables, each in a fixed order. */
export function configurationRows(db: D1Database): D1PreparedStatement[] {
  return TABLES.map((table) => db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2, 3`));
}
