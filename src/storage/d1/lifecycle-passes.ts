/**
 * How far the lifecycle of each bucket has come. There is one pass over each bucket with lifecycle rules in each day, in
 * steps, and the row has the position of the next one. A step that is repeated after a crash finds done what it did before.
 */

/** A bucket whose pass has a step to do. */
export interface LifecyclePass {
  readonly bucketName: string;
  readonly bucketId: string;
  /** The day in which the pass began, counted from 1970. */
  readonly day: number;
  /** As the step before it wrote it; empty: the pass begins. */
  readonly position: string;
  readonly counts: LifecycleCounts;
  /** When the row was last written; 0: never. */
  readonly workedAt: number;
}

/** What a pass has done. */
export interface LifecycleCounts {
  readonly seen: number;
  readonly expired: number;
  readonly transitioned: number;
  readonly uploadsAborted: number;
  /** Due, and protected by object lock. */
  readonly locked: number;
  /** Due to be moved, and under a key of SSE-KMS that belongs to another account than the bucket. */
  readonly foreignKey: number;
  /** Due, and changed since it was listed. */
  readonly changed: number;
  readonly failed: number;
}

export const NO_COUNTS: LifecycleCounts = {
  seen: 0,
  expired: 0,
  transitioned: 0,
  uploadsAborted: 0,
  locked: 0,
  foreignKey: 0,
  changed: 0,
  failed: 0,
};

interface PassRow {
  readonly name: string;
  readonly id: string;
  readonly day: number | null;
  readonly position: string | null;
  readonly counts: string | null;
  readonly worked_at: number | null;
}

export class LifecyclePasses {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Passes that are to be begun or continued; those that have waited longest come first. Reads only buckets with rules. */
  async due(day: number, limit: number): Promise<LifecyclePass[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT b.name, b.id, p.day, p.position, p.counts, p.worked_at
         FROM bucket_documents d CROSS JOIN buckets b ON b.id = d.bucket_id
           LEFT JOIN lifecycle_passes p ON p.bucket_id = b.id
         WHERE d.kind = 'lifecycle' AND (p.day IS NULL OR p.day < ?1 OR p.position IS NOT NULL)
         ORDER BY coalesce(p.worked_at, 0), b.id LIMIT ?2`,
      )
      .bind(day, limit)
      .all<PassRow>();
    return results.map((row) => toPass(row, day));
  }

  /**
   * Writes what a step has done, and returns the `workedAt` of it. Undefined if another run has worked on the bucket since it
   * was read: then its position counts.
   * @param step.position of the next step; undefined: the pass is complete
   */
  async advance(
    { bucketId, day, workedAt }: LifecyclePass,
    step: { readonly position: string | undefined; readonly counts: LifecycleCounts; readonly now: Date },
  ): Promise<number | undefined> {
    const now = Math.max(step.now.getTime(), workedAt + 1);
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO lifecycle_passes (bucket_id, day, position, counts, worked_at)
         SELECT id, ?2, ?3, ?4, ?5 FROM buckets WHERE id = ?1
         ON CONFLICT (bucket_id) DO UPDATE SET
           day = excluded.day, position = excluded.position, counts = excluded.counts, worked_at = excluded.worked_at
         WHERE worked_at = ?6`,
      )
      .bind(bucketId, day, step.position ?? null, JSON.stringify(step.counts), now, workedAt)
      .run();
    return meta.changes > 0 ? now : undefined;
  }
}

/** The row of a pass that is complete, of an earlier day, stands for the next one at its beginning. */
function toPass(row: PassRow, day: number): LifecyclePass {
  const { position } = row;
  const isUnfinished = position !== null;
  return {
    bucketName: row.name,
    bucketId: row.id,
    day: isUnfinished ? (row.day ?? day) : day,
    position: position ?? "",
    counts: { ...NO_COUNTS, ...(isUnfinished && row.counts !== null && (JSON.parse(row.counts) as LifecycleCounts)) },
    workedAt: row.worked_at ?? 0,
  };
}
