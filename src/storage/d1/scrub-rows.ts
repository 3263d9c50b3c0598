/** Rows as a scrub reads them: what other repositories would refuse to read is described too. Nothing is written. */
import type { CallCounts } from "../scrub/call-counts.ts";

/** Rows in one answer. */
export const MAX_ROWS = 100;

/** Buckets in one answer. */
const MAX_BUCKETS = 20;

/** A bucket with its documents as text. */
export interface RawBucket {
  readonly name: string;
  readonly id: string;
  readonly accountId: string;
  readonly ownerId: string;
  readonly ownerDisplayName: string;
  readonly isOwnedByRoot: boolean;
  readonly region: string;
  readonly createdAt: Date;
  /** Whether a sweep is still to compare the marker in R2 with the row. */
  readonly isMarkerDue: boolean;
  readonly documents: ReadonlyMap<string, string>;
}

export interface OpenUploadRow {
  readonly key: string;
  readonly uploadId: string;
  readonly initiatedAt: number;
}

/** A row about a bucket that is not as it should be: its table, what names it there, and what the reason is about. */
export interface OddRow {
  readonly bucketId: string;
  readonly reason: "unreadable" | "no-destination" | "overdue";
  readonly table: string;
  readonly name: string;
  /** The destination, or the key. */
  readonly about: string;
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
  readonly display_name: string;
  readonly is_root: number;
  readonly region: string;
  readonly created_at: number;
  readonly marker_due: number | null;
  readonly kind: string | null;
  readonly body: string | null;
}

const SELECT = `
  SELECT b.name, b.id, b.account_id, a.canonical_id, a.display_name, a.is_root, b.region, b.created_at, b.marker_due, d.kind, d.body
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

  /** The first buckets after a name. */
  async bucketsAfter(name: string): Promise<RawBucket[]> {
    const names = `(SELECT name FROM buckets WHERE name > ?1 ORDER BY name LIMIT ${MAX_BUCKETS})`;
    const rows = await this.#all<BucketRow>(`${SELECT} WHERE b.name IN ${names} ORDER BY b.name`, name);
    return [...Map.groupBy(rows, (row) => row.name).values()].flatMap((ofBucket) => toRawBucket(ofBucket) ?? []);
  }

  /**
   * Rows about buckets whose JSON is invalid, inventories that write a report to a bucket that does not exist, and pending
   * replications that were to be sent again before a time.
   */
  async oddRows(bucketIds: readonly string[], dueBefore: Date): Promise<OddRow[]> {
    const isAsked = "bucket_id IN (SELECT value FROM json_each(?1))";
    return this.#all(
      `SELECT bucket_id AS bucketId, 'unreadable' AS reason, 'lifecycle_passes' AS "table", bucket_id AS name, '' AS about
         FROM lifecycle_passes
         WHERE ${isAsked} AND (NOT json_valid(counts) OR (position <> '' AND NOT json_valid(position)))
       UNION ALL SELECT bucket_id, 'unreadable', 'inventories', id, '' FROM inventories
         WHERE ${isAsked} AND (NOT json_valid(body) OR NOT json_valid(coalesce(report, 'null')))
       UNION ALL SELECT bucket_id, 'unreadable', 'replication_tasks', id, key FROM replication_tasks
         WHERE ${isAsked} AND NOT json_valid(body)
       UNION ALL SELECT bucket_id, 'no-destination', 'inventories', id, destination FROM (
         SELECT bucket_id, id, CASE WHEN json_valid(body) THEN body ->> '$.destination.bucket' END AS destination
         FROM inventories WHERE ${isAsked} AND report IS NOT NULL
       ) WHERE destination IS NOT NULL AND NOT EXISTS (SELECT 1 FROM buckets b WHERE b.name = destination)
       UNION ALL SELECT bucket_id, 'overdue', 'replication_tasks', id, key FROM replication_tasks
         WHERE ${isAsked} AND status = 'PENDING' AND due_at < ?2
       LIMIT ${MAX_BUCKETS * MAX_ROWS}`,
      JSON.stringify(bucketIds),
      dueBefore.getTime(),
    );
  }

  /** Those of the buckets that have open uploads. */
  async withUploads(bucketIds: readonly string[]): Promise<ReadonlySet<string>> {
    const rows = await this.#all<{ id: string }>(
      "SELECT value AS id FROM json_each(?1) WHERE EXISTS (SELECT 1 FROM open_uploads WHERE bucket_id = value)",
      JSON.stringify(bucketIds),
    );
    return new Set(rows.map(({ id }) => id));
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
  const documents = new Map(
    rows.flatMap(({ kind, body }) => (kind === null || body === null ? [] : [[kind, body] as const])),
  );
  return {
    name: first.name,
    id: first.id,
    accountId: first.account_id,
    ownerId: first.canonical_id,
    ownerDisplayName: first.display_name,
    isOwnedByRoot: first.is_root === 1,
    region: first.region,
    createdAt: new Date(first.created_at),
    isMarkerDue: first.marker_due !== null,
    documents,
  };
}
