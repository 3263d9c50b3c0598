/** Progress of the job that replicates objects older than a bucket's rules: one row for each bucket. */
export interface ReplicationJob {
  readonly bucketId: string;
  readonly bucketName: string;
  /** Id of this run of the job, in which each key is handled once. */
  readonly run: string;
  readonly status: "RUNNING" | "COMPLETED";
  /** The last key that has been seen. */
  readonly after: string;
  readonly seen: number;
  /** Number of tasks that were made. */
  readonly queued: number;
  readonly startedAt: Date;
  readonly updatedAt: Date;
}

interface JobRow {
  readonly bucket_id: string;
  readonly bucket_name: string;
  readonly run: string;
  readonly status: ReplicationJob["status"];
  readonly after: string;
  readonly seen: number;
  readonly queued: number;
  readonly started_at: number;
  readonly updated_at: number;
}

export class ReplicationJobs {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** Starts the job again, unless it is running: then it continues. */
  async start(bucket: { readonly id: string; readonly name: string }, run: string, now: Date): Promise<ReplicationJob> {
    const row = await this.#db
      .prepare(
        `INSERT INTO replication_jobs (bucket_id, bucket_name, run, status, after, seen, queued, started_at, updated_at)
         VALUES (?1, ?2, ?3, 'RUNNING', '', 0, 0, ?4, ?4)
         ON CONFLICT (bucket_id) DO UPDATE SET
           run = iif(status = 'RUNNING', run, excluded.run),
           after = iif(status = 'RUNNING', after, ''),
           seen = iif(status = 'RUNNING', seen, 0),
           queued = iif(status = 'RUNNING', queued, 0),
           started_at = iif(status = 'RUNNING', started_at, excluded.started_at),
           updated_at = excluded.updated_at,
           status = 'RUNNING'
         RETURNING *`,
      )
      .bind(bucket.id, bucket.name, run, now.getTime())
      .first<JobRow>();
    if (row === null) throw new Error("an upsert returned no row");
    return toJob(row);
  }

  async find(bucketId: string): Promise<ReplicationJob | undefined> {
    const row = await this.#db
      .prepare("SELECT * FROM replication_jobs WHERE bucket_id = ?1")
      .bind(bucketId)
      .first<JobRow>();
    return row === null ? undefined : toJob(row);
  }

  /** Records a page whose tasks are stored. False if another call has recorded it. */
  async advance(
    job: ReplicationJob,
    page: { readonly after: string; readonly seen: number; readonly queued: number; readonly isLast: boolean },
    now: Date,
  ): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(
        `UPDATE replication_jobs SET after = ?4, seen = seen + ?5, queued = queued + ?6, status = ?7, updated_at = ?8
         WHERE bucket_id = ?1 AND run = ?2 AND after = ?3 AND status = 'RUNNING'`,
      )
      .bind(
        job.bucketId,
        job.run,
        job.after,
        page.after,
        page.seen,
        page.queued,
        page.isLast ? "COMPLETED" : "RUNNING",
        now.getTime(),
      )
      .run();
    return meta.changes > 0;
  }

  /** Records that the job is waiting and its next message is not lost. */
  async touch({ bucketId, run }: ReplicationJob, now: Date): Promise<void> {
    await this.#db
      .prepare("UPDATE replication_jobs SET updated_at = ?3 WHERE bucket_id = ?1 AND run = ?2 AND status = 'RUNNING'")
      .bind(bucketId, run, now.getTime())
      .run();
  }

  async remove(bucketId: string): Promise<void> {
    await this.#db.prepare("DELETE FROM replication_jobs WHERE bucket_id = ?1").bind(bucketId).run();
  }

  /** Jobs whose next message must have been lost; they are taken again only after the same time. */
  async takeStale(notSince: Date, now: Date): Promise<readonly ReplicationJob[]> {
    const { results } = await this.#db
      .prepare("UPDATE replication_jobs SET updated_at = ?2 WHERE status = 'RUNNING' AND updated_at < ?1 RETURNING *")
      .bind(notSince.getTime(), now.getTime())
      .all<JobRow>();
    return results.map(toJob);
  }
}

function toJob(row: JobRow): ReplicationJob {
  return {
    bucketId: row.bucket_id,
    bucketName: row.bucket_name,
    run: row.run,
    status: row.status,
    after: row.after,
    seen: row.seen,
    queued: row.queued,
    startedAt: new Date(row.started_at),
    updatedAt: new Date(row.updated_at),
  };
}
