/**
 * Deleting a bucket without acknowledging a write that is then lost.
 *
 * Isolates act on rows that they have read up to `bucketTtlMs` ago, without a query before they write. So:
 *
 *   check: is it empty? → mark its row → wait for `bucketTtlMs` → check again → remove its marker in R2 → remove the row, if it
 *   still has the mark
 *
 * The second check sees a write that took effect before it. A later write has acted on its row for longer than
 * `bucketTtlMs`, or has read the mark: it queries the database before it is answered (`confirm`). If the row is gone, the
 * answer is NoSuchBucket. If not, the write removes the mark with the same call, and the deletion checks again. The
 * database decides which of the two came first.
 *
 * Rows with a mark are not cached, so no isolate acts on a row that has been removed, and a new bucket with the same name is
 * a different one. A mark is ignored after a minute, since its request may have died.
 *
 * If there is only one isolate, it knows which buckets it is deleting, and no request waits.
 */
import type { Grant } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Bucket } from "../../model/bucket.ts";
import { newDeletionId } from "../../model/random-ids.ts";
import type { Directory } from "./directory.ts";

/** A deletion that takes longer from its mark to its end is given up, well before its mark is ignored. */
const MAX_DELETION_MS = 30_000;
/** Younger marks are shared by requests that delete the bucket at the same time. */
const SHARED_MS = 10_000;
/** Deletions that an isolate remembers having begun; writes to buckets of older ones query because of their age. */
const MAX_BEGUN = 10_000;

/** Whether a write adds something to its bucket that a deletion must see; a removal or a part of an upload does not. */
export type WriteEffect = "adds" | "adds-nothing";

export class BucketDeletion {
  readonly #db: D1Database;
  readonly #directory: Directory;
  readonly #bucketTtlMs: number;
  readonly #isOnlyIsolate: boolean;
  readonly #begun = new Set<string>();
  /** When buckets were last found to exist and not to be deleted, so that many writes of one request need one query. */
  readonly #found = new WeakMap<Bucket, number>();

  constructor(options: {
    readonly db: D1Database;
    readonly directory: Directory;
    readonly bucketTtlMs: number;
    readonly isOnlyIsolate: boolean;
  }) {
    this.#db = options.db;
    this.#directory = options.directory;
    this.#bucketTtlMs = options.bucketTtlMs;
    this.#isOnlyIsolate = options.isOnlyIsolate;
  }

  /**
   * Marks the bucket and waits until every write to it queries first. Returns the mark for `finish`.
   * @throws S3Error `NoSuchBucket` if it is gone
   */
  async begin(_by: Grant, bucket: Bucket): Promise<string> {
    this.#note(bucket.id);
    const now = Date.now();
    const row = await this.#db
      .prepare(
        `UPDATE buckets SET
           deletion = CASE WHEN deleting_since > ?4 THEN deletion ELSE ?2 END,
           -- The marker in R2 is removed before the row; if the row stays, a sweep puts it again.
           marker_due = max(coalesce(marker_due, 0) + 1, ?3),
           deleting_since = CASE WHEN deleting_since > ?4 THEN deleting_since ELSE ?3 END
         WHERE id = ?1 RETURNING deletion`,
      )
      .bind(bucket.id, newDeletionId(), now, now - SHARED_MS)
      .first<{ deletion: string }>();
    this.#directory.forgetBucket(bucket.name);
    if (row === null) throw noSuchBucket(bucket);
    if (!this.#isOnlyIsolate) await scheduler.wait(this.#bucketTtlMs);
    return row.deletion;
  }

  /** Removes the mark: the bucket stays. */
  async cancel(_by: Grant, bucket: Bucket, deletion: string): Promise<void> {
    await this.#db
      .prepare("UPDATE buckets SET deletion = NULL, deleting_since = NULL WHERE id = ?1 AND deletion = ?2")
      .bind(bucket.id, deletion)
      .run();
    this.#directory.forgetBucket(bucket.name);
  }

  /**
   * Removes this incarnation, if nothing has been written since it was marked; false otherwise.
   * @throws S3Error `NoSuchBucket` if another request has removed it
   */
  async finish(_by: Grant, bucket: Bucket, deletion: string): Promise<boolean> {
    const since = Date.now() - MAX_DELETION_MS;
    const marked = "FROM buckets WHERE id = ?1 AND deletion = ?2 AND deleting_since > ?3";
    const [, removed, left] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT OR IGNORE INTO deleted_buckets (id, name, region, deleted_at)
           SELECT id, name, region, deleting_since ${marked}`,
        )
        .bind(bucket.id, deletion, since),
      this.#db.prepare(`DELETE ${marked} RETURNING id`).bind(bucket.id, deletion, since),
      this.#db.prepare("SELECT id FROM buckets WHERE id = ?1").bind(bucket.id),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (removed?.results.length === 1) return true;
    if (left?.results.length === 0) throw noSuchBucket(bucket);
    return false;
  }

  /**
   * To be called between a write and its answer. No call, or one to D1 if the write took long or the bucket is being
   * deleted.
   * @throws S3Error `NoSuchBucket` if the bucket is gone, and the write with it
   */
  async confirm(bucket: Bucket, effect: WriteEffect): Promise<void> {
    const now = Date.now();
    const foundAt =
      this.#found.get(bucket) ?? (bucket.isBeingDeleted ? Number.NEGATIVE_INFINITY : bucket.readAt.getTime());
    if (now - foundAt < this.#bucketTtlMs && !this.#begun.has(bucket.id)) return;
    const find = this.#db.prepare("SELECT deletion FROM buckets WHERE id = ?1").bind(bucket.id);
    const keep = this.#db
      .prepare("UPDATE buckets SET deletion = NULL, deleting_since = NULL WHERE id = ?1 AND deletion IS NOT NULL")
      .bind(bucket.id);
    const results = await this.#db.batch(effect === "adds" ? [keep, find] : [find]);
    const row = results.at(-1)?.results[0] as { deletion: string | null } | undefined;
    if (row?.deletion === null) this.#found.set(bucket, now);
    if (row !== undefined) return;
    this.#directory.forgetBucket(bucket.name);
    throw noSuchBucket(bucket);
  }

  #note(bucketId: string): void {
    this.#begun.delete(bucketId);
    this.#begun.add(bucketId);
    for (const oldest of this.#begun) {
      if (this.#begun.size <= MAX_BEGUN) return;
      this.#begun.delete(oldest);
    }
  }
}

function noSuchBucket({ name }: Bucket): S3Error {
  return new S3Error("NoSuchBucket", { details: { BucketName: name } });
}
