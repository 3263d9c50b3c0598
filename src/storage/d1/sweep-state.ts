/** What sweeps keep between their runs: their positions, and the deleted buckets whose contents are still to be removed. */

/** Rows of `sweep_cursors`. A sweep goes through its items in order, some in each run. */
export class SweepCursors {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** The last item the sweep has seen; empty: it begins at the first one. */
  async read(sweep: string): Promise<string> {
    const row = await this.#db
      .prepare("SELECT after FROM sweep_cursors WHERE sweep = ?1")
      .bind(sweep)
      .first<{ after: string }>();
    return row?.after ?? "";
  }

  async write(sweep: string, after: string): Promise<void> {
    await this.#db
      .prepare("INSERT OR REPLACE INTO sweep_cursors (sweep, after) VALUES (?1, ?2)")
      .bind(sweep, after)
      .run();
  }
}

export interface DeletedBucket {
  readonly id: string;
  readonly region: string;
  readonly deletedAt: Date;
}

/** Rows of `deleted_buckets`, which `BucketDeletion` adds. */
export class DeletedBuckets {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Those that have waited longest since they were last swept. */
  async next(limit: number): Promise<DeletedBucket[]> {
    const { results } = await this.#db
      .prepare("SELECT id, region, deleted_at FROM deleted_buckets ORDER BY swept_at LIMIT ?1")
      .bind(limit)
      .all<{ id: string; region: string; deleted_at: number }>();
    return results.map(({ id, region, deleted_at }) => ({ id, region, deletedAt: new Date(deleted_at) }));
  }

  async markSwept(id: string, now: Date): Promise<void> {
    await this.#db.prepare("UPDATE deleted_buckets SET swept_at = ?2 WHERE id = ?1").bind(id, now.getTime()).run();
  }

  async forget(id: string): Promise<void> {
    await this.#db.prepare("DELETE FROM deleted_buckets WHERE id = ?1").bind(id).run();
  }
}
