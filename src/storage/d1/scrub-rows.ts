/** Rows as a scrub reads them: what other repositories would refuse to read is described too. Nothing is written. */
import type { CallCounts } from "../scrub/call-counts.ts";

/** Rows in one answer. */
export const MAX_ROWS = 100;

/** A bucket with its documents as text. */
export interface RawBucket {
  readonly name: string;
  readonly id: string;
  readonly accountId: string;
  readonly ownerId: string;
  readonly region: string;
  readonly documents: ReadonlyMap<string, string>;
}

export interface OpenUploadRow {
  readonly key: string;
  readonly uploadId: string;
  readonly initiatedAt: number;
}

/** A row by the table and what names it there. */
export interface NamedRow {
  readonly table: string;
  readonly name: string;
}

export interface OldIntent {
  readonly id: string;
  readonly createdAt: number;
  readonly isReadable: boolean;
}

interface BucketRow {
  readonly name: string;
  readonly id: string;
  readonly account_id: string;
  readonly canonical_id: string;
  readonly region: string;
  readonly kind: string | null;
  readonly body: string | null;
}

const SELECT = `
  SELECT b.name, b.id, b.account_id, a.canonical_id, b.region, d.kind, d.body
  FROM buckets b JOIN accounts a ON a.id = b.account_id LEFT JOIN bucket_documents d ON d.bucket_id = b.id`;

export class ScrubRows {
  readonly #db: D1Database;
  readonly #counts: CallCounts | undefined;

  constructor(db: D1Database, counts?: CallCounts) {
    this.#db = db;
    this.#counts = counts;
  }

  counting(counts: CallCounts): ScrubRows {
    return new ScrubRows(this.#db, counts);
  }

  async bucket(name: string): Promise<RawBucket | undefined> {
    return toRawBucket(await this.#all<BucketRow>(`${SELECT} WHERE b.name = ?1`, name));
  }

  /** The first bucket after a name. */
  async bucketAfter(name: string): Promise<RawBucket | undefined> {
    const first = "(SELECT min(name) FROM buckets WHERE name > ?1)";
    return toRawBucket(await this.#all<BucketRow>(`${SELECT} WHERE b.name = ${first}`, name));
  }

  /** Rows about a bucket whose JSON is invalid. */
  async unreadable(bucketId: string): Promise<NamedRow[]> {
    return this.#all<{ table: string; name: string }>(
      `SELECT 'lifecycle_passes' AS "table", 'lifecycle' AS name FROM lifecycle_passes
         WHERE bucket_id = ?1 AND (NOT json_valid(counts) OR (position IS NOT NULL AND position <> '' AND NOT json_valid(position)))
       UNION ALL SELECT 'inventories', id FROM inventories
         WHERE bucket_id = ?1 AND (NOT json_valid(body) OR (report IS NOT NULL AND NOT json_valid(report)))
       UNION ALL SELECT 'replication_tasks', id FROM replication_tasks WHERE bucket_id = ?1 AND NOT json_valid(body)
       LIMIT ${MAX_ROWS}`,
      bucketId,
    );
  }

  /** Ids of inventories that are writing a report to a bucket that does not exist. */
  async lostInventories(bucketId: string): Promise<{ readonly id: string; readonly destination: string }[]> {
    return this.#all(
      `SELECT i.id, i.body ->> '$.destination.bucket' AS destination FROM inventories i
       WHERE i.bucket_id = ?1 AND i.report IS NOT NULL AND json_valid(i.body)
         AND NOT EXISTS (SELECT 1 FROM buckets b WHERE b.name = i.body ->> '$.destination.bucket') LIMIT ${MAX_ROWS}`,
      bucketId,
    );
  }

  /** Pending tasks that were to be sent again before a time. */
  async overdueTasks(bucketId: string, before: Date): Promise<{ readonly id: string; readonly key: string }[]> {
    return this.#all(
      `SELECT id, key FROM replication_tasks WHERE bucket_id = ?1 AND status = 'PENDING' AND due_at < ?2 LIMIT ${MAX_ROWS}`,
      bucketId,
      before.getTime(),
    );
  }

  /** Uploads of a bucket after one of them, by key. */
  async uploads(
    bucketId: string,
    after: { readonly key: string; readonly uploadId: string },
  ): Promise<OpenUploadRow[]> {
    const rows = await this.#all<{ key: string; upload_id: string; initiated_at: number }>(
      `SELECT key, upload_id, initiated_at FROM open_uploads WHERE bucket_id = ?1 AND (key, upload_id) > (?2, ?3)
       ORDER BY key, upload_id LIMIT ${MAX_ROWS}`,
      bucketId,
      after.key,
      after.uploadId,
    );
    return rows.map(({ key, upload_id, initiated_at }) => ({ key, uploadId: upload_id, initiatedAt: initiated_at }));
  }

  async hasUpload(bucketId: string, key: string, uploadId: string): Promise<boolean> {
    const rows = await this.#all(
      "SELECT 1 FROM open_uploads WHERE bucket_id = ?1 AND key = ?2 AND upload_id = ?3",
      bucketId,
      key,
      uploadId,
    );
    return rows.length > 0;
  }

  /** Buckets that rows of uploads name and that neither exist nor were deleted. */
  async bucketsOfLostUploads(): Promise<string[]> {
    const rows = await this.#all<{ bucket_id: string }>(
      `SELECT DISTINCT bucket_id FROM open_uploads
       WHERE bucket_id NOT IN (SELECT id FROM buckets) AND bucket_id NOT IN (SELECT id FROM deleted_buckets)
       LIMIT ${MAX_ROWS}`,
    );
    return rows.map(({ bucket_id }) => bucket_id);
  }

  /** Changes that were begun before a time and not reported. */
  async oldIntents(before: Date): Promise<OldIntent[]> {
    const rows = await this.#all<{ id: string; created_at: number; is_readable: number }>(
      `SELECT id, created_at, json_valid(message) AS is_readable FROM event_intents
       WHERE created_at < ?1 OR NOT json_valid(message) ORDER BY created_at LIMIT ${MAX_ROWS}`,
      before.getTime(),
    );
    return rows.map(({ id, created_at, is_readable }) => ({
      id,
      createdAt: created_at,
      isReadable: is_readable === 1,
    }));
  }

  /** Which of the ids are those of buckets, and of the others when their bucket was deleted. */
  async known(
    ids: readonly string[],
  ): Promise<{ readonly existing: ReadonlySet<string>; readonly deletedAt: ReadonlyMap<string, number> }> {
    const rows = await this.#all<{ id: string; deleted_at: number | null }>(
      `SELECT id, NULL AS deleted_at FROM buckets WHERE id IN (SELECT value FROM json_each(?1))
       UNION ALL SELECT id, deleted_at FROM deleted_buckets WHERE id IN (SELECT value FROM json_each(?1))`,
      JSON.stringify(ids),
    );
    return {
      existing: new Set(rows.filter((row) => row.deleted_at === null).map(({ id }) => id)),
      deletedAt: new Map(
        rows.flatMap(({ id, deleted_at }) => (deleted_at === null ? [] : [[id, deleted_at] as const])),
      ),
    };
  }

  async #all<Row>(sql: string, ...values: (string | number)[]): Promise<Row[]> {
    if (this.#counts !== undefined) this.#counts.d1++;
    const { results } = await this.#db
      .prepare(sql)
      .bind(...values)
      .all<Row>();
    return results;
  }
}

function toRawBucket(rows: readonly BucketRow[]): RawBucket | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const { name, id, account_id: accountId, canonical_id: ownerId, region } = first;
  const documents = new Map(
    rows.flatMap(({ kind, body }) => (kind === null || body === null ? [] : [[kind, body] as const])),
  );
  return { name, id, accountId, ownerId, region, documents };
}
