/** Names of accounts by canonical user id, for the answers of Get…Acl alone: no other request pays for them. */
import type { Grant } from "../../access/authorize.ts";

/** Ids asked for in one statement; D1 binds up to 100 values. */
const BATCH = 100;

export class DisplayNames {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Ids that are no account's are absent. */
  async find(_by: Grant, canonicalIds: Iterable<string>): Promise<ReadonlyMap<string, string>> {
    const ids = [...new Set(canonicalIds)];
    const names = new Map<string, string>();
    for (let start = 0; start < ids.length; start += BATCH) {
      const batch = ids.slice(start, start + BATCH);
      const { results } = await this.#db
        .prepare(
          `SELECT canonical_id, display_name FROM accounts WHERE canonical_id IN (${batch.map(() => "?").join(", ")})`,
        )
        .bind(...batch)
        .all<{ canonical_id: string; display_name: string }>();
      for (const row of results) names.set(row.canonical_id, row.display_name);
    }
    return names;
  }
}
