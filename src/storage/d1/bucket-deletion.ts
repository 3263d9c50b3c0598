/**
 * Deleting a bucket without losing a write that is under way, or telling a client that it was done.
 *
 * Isolates act on rows they have read up to `rememberedMs` ago, and ask nobody before they write. So:
 *
 *   look: is it empty? → mark its row → wait for `rememberedMs` → look again → remove the row, if the mark is still there
 *
 * A write that lands before the second look is seen by it. One that lands later has acted on its row for longer than
 * `rememberedMs`, or has read the mark: it asks the database before it is answered (`confirm`). If the row is gone, the
 * answer is NoSuchBucket. If not, the write takes the mark away with the same call, and the deletion looks again. The
 * database decides which of the two came first.
 *
 * Rows with a mark are not remembered, so once the row has gone no isolate acts on it any more, and a bucket made anew
 * under the name is another one. A mark whose maker has died is taken for none after a minute.
 *
 * Where there is one isolate only, it knows itself which buckets it is deleting, and nobody waits.
 */
import type { Grant } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Bucket } from "../../model/bucket.ts";
import { newDeletionId } from "../../model/random-ids.ts";
import type { Directory } from "./directory.ts";

/** A deletion that takes longer from its mark to its end is given up, well before anybody takes the mark for none. */
const MAX_DELETION_MS = 30_000;
/** Marks that are younger are shared by those who delete the bucket at the same time. */
const SHARED_MS = 10_000;
/** Deletions an isolate remembers having begun; the writes of older ones ask for their age. */
const MAX_BEGUN = 10_000;

/** Whether a write leaves something in its bucket that a deletion must see, or nothing: a removal, a part of an upload. */
export type WriteEffect = "keeps" | "lets go";

export class BucketDeletion {
  readonly #db: D1Database;
  readonly #directory: Directory;
  readonly #rememberedMs: number;
  readonly #isOnlyIsolate: boolean;
  readonly #begun = new Set<string>();
  /** When buckets were last found to be there, and not being deleted: many writes of one request need not ask one by one. */
  readonly #found = new WeakMap<Bucket, number>();

  constructor(options: {
    readonly db: D1Database;
    readonly directory: Directory;
    readonly rememberedMs: number;
    readonly isOnlyIsolate: boolean;
  }) {
    this.#db = options.db;
    this.#directory = options.directory;
    this.#rememberedMs = options.rememberedMs;
    this.#isOnlyIsolate = options.isOnlyIsolate;
  }

  /**
   * Marks the bucket and waits until nobody writes into it without asking. Returns what `finish` takes.
   * @throws S3Error `NoSuchBucket` if it is gone
   */
  async begin(_by: Grant, bucket: Bucket): Promise<string> {
    this.#note(bucket.id);
    const now = Date.now();
    const row = await this.#db
      .prepare(
        `UPDATE buckets SET
           deletion = CASE WHEN deleting_since > ?4 THEN deletion ELSE ?2 END,
           deleting_since = CASE WHEN deleting_since > ?4 THEN deleting_since ELSE ?3 END
         WHERE id = ?1 RETURNING deletion`,
      )
      .bind(bucket.id, newDeletionId(), now, now - SHARED_MS)
      .first<{ deletion: string }>();
    this.#directory.forgetBucket(bucket.name);
    if (row === null) throw noSuchBucket(bucket);
    if (!this.#isOnlyIsolate) await scheduler.wait(this.#rememberedMs);
    return row.deletion;
  }

  /** Takes the mark away: the bucket stays. */
  async cancel(_by: Grant, bucket: Bucket, deletion: string): Promise<void> {
    await this.#db
      .prepare("UPDATE buckets SET deletion = NULL, deleting_since = NULL WHERE id = ?1 AND deletion = ?2")
      .bind(bucket.id, deletion)
      .run();
    this.#directory.forgetBucket(bucket.name);
  }

  /**
   * Removes this incarnation, if nothing has been written since it was marked; false if something has.
   * @throws S3Error `NoSuchBucket` if somebody else has removed it
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
   * To be called between a write and its answer. No call, or one to D1 where the write has lasted long or the bucket is
   * being deleted.
   * @throws S3Error `NoSuchBucket` if the bucket is gone, and the write with it
   */
  async confirm(bucket: Bucket, effect: WriteEffect): Promise<void> {
    const now = Date.now();
    const foundAt = this.#found.get(bucket) ?? (bucket.isBeingDeleted ? Number.NEGATIVE_INFINITY : bucket.readAt);
    if (now - foundAt < this.#rememberedMs && !this.#begun.has(bucket.id)) return;
    const find = this.#db.prepare("SELECT deletion FROM buckets WHERE id = ?1").bind(bucket.id);
    const keep = this.#db
      .prepare("UPDATE buckets SET deletion = NULL, deleting_since = NULL WHERE id = ?1 AND deletion IS NOT NULL")
      .bind(bucket.id);
    const results = await this.#db.batch(effect === "keeps" ? [keep, find] : [find]);
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
