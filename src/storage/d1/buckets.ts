/** The bucket table. Reads on the path of a request go through `Directory`; here are the writes and the lists. */

import type { Grant } from "../../access/authorize.ts";
import type { Bucket, BucketDocumentKind, BucketDocumentTypes } from "../../model/bucket.ts";
import { newBucketId } from "../../model/random-ids.ts";
import { putBucketDocument } from "./bucket-documents.ts";
import type { Directory } from "./directory.ts";
import { type BucketRow, SELECT_BUCKETS, toBucket } from "./rows.ts";

/** AWS's default quota of general purpose buckets per account. */
export const MAX_BUCKETS_PER_ACCOUNT = 10_000;

export type CreateBucketResult =
  | { readonly outcome: "created" }
  | { readonly outcome: "exists"; readonly accountId: string }
  | { readonly outcome: "too-many" };

export interface BucketListQuery {
  readonly prefix: string;
  readonly region: string | undefined;
  /** Only names after this one. */
  readonly after: string;
  readonly limit: number;
}

export class Buckets {
  readonly #db: D1Database;
  readonly #directory: Directory;

  readonly #rememberedMs: number;

  /** @param rememberedMs how long other isolates may act on a bucket's row they have read */
  constructor(db: D1Database, directory: Directory, rememberedMs: number) {
    this.#db = db;
    this.#directory = directory;
    this.#rememberedMs = rememberedMs;
  }

  /** Atomic: of two callers one creates, the other learns who did. */
  async create(
    _by: Grant,
    bucket: {
      name: string;
      accountId: string;
      region: string;
      documents: Readonly<Partial<BucketDocumentTypes>>;
      now: Date;
    },
  ): Promise<CreateBucketResult> {
    const id = newBucketId();
    const documents = Object.entries(bucket.documents) as [
      BucketDocumentKind,
      BucketDocumentTypes[BucketDocumentKind],
    ][];
    const [inserted, owner, deleted] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO buckets (name, id, account_id, region, created_at)
           SELECT ?1, ?2, ?3, ?4, ?5 WHERE (SELECT count(*) FROM buckets WHERE account_id = ?3) < ?6
           ON CONFLICT (name) DO NOTHING RETURNING id`,
        )
        .bind(bucket.name, id, bucket.accountId, bucket.region, bucket.now.getTime(), MAX_BUCKETS_PER_ACCOUNT),
      this.#db.prepare("SELECT account_id FROM buckets WHERE name = ?1").bind(bucket.name),
      this.#db.prepare("SELECT max(deleted_at) AS at FROM deleted_buckets WHERE name = ?1").bind(bucket.name),
      ...documents.map(([kind, document]) => putBucketDocument(this.#db, { id, kind, document, now: bucket.now })),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (inserted?.results.length === 1) {
      await this.#outlive((deleted?.results[0] as { at: number | null } | undefined)?.at ?? undefined);
      return { outcome: "created" };
    }
    const row = owner?.results[0] as { account_id: string } | undefined;
    return row === undefined ? { outcome: "too-many" } : { outcome: "exists", accountId: row.account_id };
  }

  /** A bucket that only the request's body names. Not granted: whoever asks must still see whether it may be touched. */
  async find(_by: Grant, name: string): Promise<Bucket | undefined> {
    const { buckets } = await this.#directory.load({ accessKeyId: undefined, bucketNames: [name] });
    return buckets.get(name);
  }

  /** A bucket whose configuration replicates into this one; undefined if there is none. */
  async findReplicatedFrom(_by: Grant, bucket: Bucket): Promise<string | undefined> {
    const row = await this.#db
      .prepare(
        `SELECT b.name FROM replication_destinations d JOIN buckets b ON b.id = d.source_id
         WHERE d.destination = ?1 AND b.account_id = ?2 LIMIT 1`,
      )
      .bind(bucket.name, bucket.accountId)
      .first<{ name: string }>();
    return row?.name;
  }

  /**
   * Waits until no isolate can still remember the bucket that had the name before. What a client writes after it was told
   * of the new bucket would otherwise be acknowledged by an isolate that puts it under the old one. As a rule that time
   * has gone by before the deletion was confirmed (`bucket-deletion.ts`).
   */
  async #outlive(deletedAt: number | undefined): Promise<void> {
    if (deletedAt === undefined) return;
    const remaining = deletedAt + this.#rememberedMs - Date.now();
    if (remaining > 0) await scheduler.wait(remaining);
  }

  /** An account's buckets by name. Returns up to `limit + 1` rows, so that the caller sees whether more follow. */
  async list(_by: Grant, accountId: string, query: BucketListQuery): Promise<Bucket[]> {
    const readAt = Date.now();
    const { results } = await this.#db
      .prepare(
        `${SELECT_BUCKETS}
         WHERE b.account_id = ?1 AND b.name > ?2 AND substr(b.name, 1, length(?3)) = ?3 AND (?4 IS NULL OR ?4 = coalesce(
             (SELECT d.body ->> '$.region' FROM bucket_documents d WHERE d.bucket_id = b.id AND d.kind = 'location'),
             b.region))
         ORDER BY b.name LIMIT ?5`,
      )
      .bind(accountId, query.after, query.prefix, query.region ?? null, query.limit + 1)
      .all<BucketRow>();
    return results.map((row) => toBucket(row, readAt));
  }
}
