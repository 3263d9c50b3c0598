/**
 * Buckets and what is configured for them. Requests read buckets through `Directory`; here are the writes and the lists.
 */
import type { Grant, GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { Bucket, BucketDocumentKind, BucketDocumentTypes } from "../../model/bucket.ts";
import type { Tag } from "../../model/object.ts";
import type { ObjectLockConfiguration } from "../../model/object-lock.ts";
import { newBucketId } from "../../model/random-ids.ts";
import type { PolicyUsers } from "../../model/user.ts";
import type { Versioning } from "../../model/version.ts";
import type { Directory } from "./directory.ts";
import { makeMarkerDue } from "./due-markers.ts";
import { type BucketRow, SELECT_BUCKETS, toBucket } from "./rows.ts";

/** AWS's default quota of general purpose buckets per account. */
export const MAX_BUCKETS_PER_ACCOUNT = 10_000;

/** Of a change of tags, if others come between its reading and its writing. */
const MAX_TAG_ATTEMPTS = 8;

export type CreateBucketResult =
  | { readonly outcome: "created"; readonly id: string }
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

  readonly #bucketTtlMs: number;

  /** @param bucketTtlMs how long other isolates may act on a bucket's row they have read */
  constructor(db: D1Database, directory: Directory, bucketTtlMs: number) {
    this.#db = db;
    this.#directory = directory;
    this.#bucketTtlMs = bucketTtlMs;
  }

  /** Atomic: of two callers one creates the bucket, the other gets its owner. */
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
          `INSERT INTO buckets (name, id, account_id, region, created_at, marker_due)
           SELECT ?1, ?2, ?3, ?4, ?5, ?5 WHERE (SELECT count(*) FROM buckets WHERE account_id = ?3) < ?6
           ON CONFLICT (name) DO NOTHING RETURNING id`,
        )
        .bind(bucket.name, id, bucket.accountId, bucket.region, bucket.now.getTime(), MAX_BUCKETS_PER_ACCOUNT),
      this.#db.prepare("SELECT account_id FROM buckets WHERE name = ?1").bind(bucket.name),
      this.#db.prepare("SELECT max(deleted_at) AS at FROM deleted_buckets WHERE name = ?1").bind(bucket.name),
      ...documents.map(([kind, document]) => putBucketDocument(this.#db, { id, kind, document, now: bucket.now })),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (inserted?.results.length === 1) {
      await this.#waitForCaches((deleted?.results[0] as { at: number | null } | undefined)?.at ?? undefined);
      return { outcome: "created", id };
    }
    const row = owner?.results[0] as { account_id: string } | undefined;
    return row === undefined ? { outcome: "too-many" } : { outcome: "exists", accountId: row.account_id };
  }

  /** A bucket that only the request's body names. It is not granted: the caller must still check permissions. */
  async find(_by: Grant, name: string): Promise<Bucket | undefined> {
    const { buckets } = await this.#directory.load({ bucketName: name });
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
   * Waits until no isolate can have the earlier bucket of this name in its cache. Otherwise an isolate could
   * acknowledge a client's write to the new bucket and put it under the id of the old one. The deletion has waited for the
   * same time (`bucket-deletion.ts`), except where there was only one isolate or clocks differ.
   */
  async #waitForCaches(deletedAt: number | undefined): Promise<void> {
    if (deletedAt === undefined) return;
    const remaining = deletedAt + this.#bucketTtlMs - Date.now();
    if (remaining > 0) await scheduler.wait(remaining);
  }

  /** An account's buckets by name. Returns up to `limit + 1` rows, so that the caller sees whether more follow. */
  async list(_by: Grant, accountId: string, query: BucketListQuery): Promise<Bucket[]> {
    const readAt = new Date();
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

export interface NewDocument<Kind extends BucketDocumentKind> {
  readonly kind: Kind;
  readonly document: BucketDocumentTypes[Kind];
  readonly now: Date;
}

/**
 * What is configured for a bucket, one document of each kind. D1 keeps them as JSON of the model, so that reading one
 * needs no XML, and drops them together with the bucket's row.
 */
export class BucketDocuments {
  readonly #db: D1Database;

  readonly #directory: Directory;

  readonly #bucketTtlMs: number;

  /** @param bucketTtlMs how long other isolates may act on a bucket's row they have read */
  constructor(db: D1Database, directory: Directory, bucketTtlMs: number) {
    this.#db = db;
    this.#directory = directory;
    this.#bucketTtlMs = bucketTtlMs;
  }

  /** Undefined if there is no such document. */
  async get<Kind extends BucketDocumentKind>(
    bucket: GrantedBucket,
    kind: Kind,
  ): Promise<BucketDocumentTypes[Kind] | undefined> {
    const row = await this.#db
      .prepare("SELECT body FROM bucket_documents WHERE bucket_id = ?1 AND kind = ?2")
      .bind(bucket.id, kind)
      .first<{ body: string }>();
    return row === null ? undefined : (JSON.parse(row.body) as BucketDocumentTypes[Kind]);
  }

  /**
   * Replaces the document.
   * @throws S3Error `NoSuchBucket` if the bucket does not exist any more: its documents must not outlive it.
   */
  async put<Kind extends BucketDocumentKind>(
    bucket: GrantedBucket,
    { kind, document, now }: NewDocument<Kind>,
  ): Promise<void> {
    const [put] = await this.#db.batch([
      putBucketDocument(this.#db, { id: bucket.id, kind, document, now }),
      ...(kind === "replication" ? this.#noteDestinations(bucket) : []),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (put?.meta.changes === 0) throw noSuchBucket(bucket);
  }

  /**
   * Changes the tags. What another request has changed in the meantime is kept: then `change` is called again.
   * @throws S3Error `NoSuchBucket`, `OperationAborted` if the tags change all the time; whatever `change` throws
   */
  async changeTags(
    bucket: GrantedBucket,
    { change, now }: { readonly change: (present: readonly Tag[]) => readonly Tag[]; readonly now: Date },
  ): Promise<void> {
    for (let attempt = 1; attempt <= MAX_TAG_ATTEMPTS; attempt++) {
      const present = (await this.get(bucket, "tagging")) ?? [];
      const [written, found] = await this.#db.batch([
        this.#db
          .prepare(
            `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
             SELECT id, 'tagging', ?2, ?3 FROM buckets WHERE id = ?1 AND coalesce(
               (SELECT body FROM bucket_documents WHERE bucket_id = ?1 AND kind = 'tagging'), '[]') = ?4
             ON CONFLICT (bucket_id, kind) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at`,
          )
          .bind(bucket.id, JSON.stringify(change(present)), now.getTime(), JSON.stringify(present)),
        this.#db.prepare("SELECT id FROM buckets WHERE id = ?1").bind(bucket.id),
        // A bucket without tags has no document.
        this.#db
          .prepare("DELETE FROM bucket_documents WHERE bucket_id = ?1 AND kind = 'tagging' AND body = '[]'")
          .bind(bucket.id),
      ]);
      this.#directory.forgetBucket(bucket.name);
      if (found?.results.length === 0) throw noSuchBucket(bucket);
      if (written !== undefined && written.meta.changes > 0) return;
    }
    throw new S3Error("OperationAborted");
  }

  /** Replaces the policy, with the users it names. @throws S3Error as `put` */
  async putPolicy(
    bucket: GrantedBucket,
    { text, users, now }: { readonly text: string; readonly users: PolicyUsers; readonly now: Date },
  ): Promise<void> {
    const { id } = bucket;
    const [put] = await this.#db.batch([
      putBucketDocument(this.#db, { id, kind: "policy", document: text, now }),
      putBucketDocument(this.#db, { id, kind: "policyUsers", document: users, now }),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (put?.meta.changes === 0) throw noSuchBucket(bucket);
  }

  /**
   * Replaces the versioning state. Returns when no isolate acts on the earlier state any more: whatever is overwritten from
   * then on is kept. False if the state stays, because a bucket with an object lock cannot be suspended; the database decides
   * that together with the write.
   * @throws S3Error as `put`
   */
  async putVersioning(
    bucket: GrantedBucket,
    { versioning, now }: { readonly versioning: Versioning; readonly now: Date },
  ): Promise<boolean> {
    const [put, found] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
           SELECT id, 'versioning', ?2, ?3 FROM buckets WHERE id = ?1 AND (?4 OR NOT EXISTS
             (SELECT 1 FROM bucket_documents WHERE bucket_id = ?1 AND kind = 'objectLock'))
           ON CONFLICT (bucket_id, kind) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at`,
        )
        .bind(bucket.id, JSON.stringify(versioning), now.getTime(), versioning === "Enabled" ? 1 : 0),
      this.#db.prepare("SELECT id FROM buckets WHERE id = ?1").bind(bucket.id),
      makeMarkerDue(this.#db, bucket.id, now),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (found?.results.length === 0) throw noSuchBucket(bucket);
    if (put?.meta.changes === 0) return false;
    if (this.#bucketTtlMs > 0) await scheduler.wait(this.#bucketTtlMs);
    return true;
  }

  /**
   * Absence is a success.
   * @throws S3Error `NoSuchBucket` if the bucket does not exist any more
   */
  async delete(bucket: GrantedBucket, kind: BucketDocumentKind): Promise<void> {
    const kinds = kind === "policy" ? [kind, "policyUsers"] : [kind];
    const [found] = await this.#db.batch([
      this.#db.prepare("SELECT id FROM buckets WHERE id = ?1").bind(bucket.id),
      ...kinds.map((each) =>
        this.#db.prepare("DELETE FROM bucket_documents WHERE bucket_id = ?1 AND kind = ?2").bind(bucket.id, each),
      ),
      ...(kind === "replication" ? this.#noteDestinations(bucket) : []),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (found?.results.length === 0) throw noSuchBucket(bucket);
  }

  /**
   * Replaces the configuration of object lock. Returns when no isolate acts on the earlier one any more: whatever is written
   * from then on has the default retention. False if the bucket is not versioned; the database decides that together with the
   * write.
   * @throws S3Error as `put`
   */
  async putObjectLock(
    bucket: GrantedBucket,
    { configuration, now }: { readonly configuration: ObjectLockConfiguration; readonly now: Date },
  ): Promise<boolean> {
    const [put, found] = await this.#db.batch([
      this.#db
        .prepare(
          `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
           SELECT bucket_id, 'objectLock', ?2, ?3 FROM bucket_documents
           WHERE bucket_id = ?1 AND kind = 'versioning' AND body = ?4
           ON CONFLICT (bucket_id, kind) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at`,
        )
        .bind(bucket.id, JSON.stringify(configuration), now.getTime(), JSON.stringify("Enabled")),
      this.#db.prepare("SELECT id FROM buckets WHERE id = ?1").bind(bucket.id),
      makeMarkerDue(this.#db, bucket.id, now),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (found?.results.length === 0) throw noSuchBucket(bucket);
    if (put?.meta.changes === 0) return false;
    if (this.#bucketTtlMs > 0) await scheduler.wait(this.#bucketTtlMs);
    return true;
  }

  /** Records the buckets to which the present configuration replicates, so that they can be queried. */
  #noteDestinations(source: GrantedBucket): D1PreparedStatement[] {
    return [
      this.#db.prepare("DELETE FROM replication_destinations WHERE source_id = ?1").bind(source.id),
      this.#db
        .prepare(
          `INSERT INTO replication_destinations (destination, source_id)
           SELECT DISTINCT rule.value ->> '$.destination.bucket', d.bucket_id
           FROM bucket_documents d, json_each(d.body, '$.rules') rule
           WHERE d.bucket_id = ?1 AND d.kind = 'replication' AND rule.value ->> '$.destination.remote' IS NULL`,
        )
        .bind(source.id),
    ];
  }
}

function noSuchBucket({ name }: GrantedBucket): S3Error {
  return new S3Error("NoSuchBucket", { details: { BucketName: name } });
}

/** The statement, for a batch. It does nothing if the bucket does not exist. */
function putBucketDocument<Kind extends BucketDocumentKind>(
  db: D1Database,
  row: NewDocument<Kind> & { readonly id: string },
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
       SELECT id, ?2, ?3, ?4 FROM buckets WHERE id = ?1
       ON CONFLICT (bucket_id, kind) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at`,
    )
    .bind(row.id, row.kind, JSON.stringify(row.document), row.now.getTime());
}
