/**
 * What is configured for a bucket, one document of each kind. D1 keeps them as JSON of the model, so that reading one
 * needs no XML, and drops them together with the bucket's row.
 */
import type { GrantedBucket } from "../../access/authorize.ts";
import { S3Error } from "../../errors.ts";
import type { BucketDocumentKind, BucketDocumentTypes } from "../../model/bucket.ts";
import type { PolicyUsers } from "../../model/policy-users.ts";
import type { Directory } from "./directory.ts";

export class BucketDocuments {
  readonly #db: D1Database;

  readonly #directory: Directory;

  constructor(db: D1Database, directory: Directory) {
    this.#db = db;
    this.#directory = directory;
  }

  /** Undefined if there is none. */
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
   * @throws S3Error `NoSuchBucket` if the bucket is gone by now: its documents must not outlive it.
   */
  async put<Kind extends BucketDocumentKind>(
    bucket: GrantedBucket,
    kind: Kind,
    document: BucketDocumentTypes[Kind],
    now: Date,
  ): Promise<void> {
    const [put] = await this.#db.batch([
      putBucketDocument(this.#db, { id: bucket.id, kind, document, now }),
      ...(kind === "replication" ? this.#noteDestinations(bucket) : []),
    ]);
    this.#directory.forgetBucket(bucket.name);
    if (put?.meta.changes === 0) throw noSuchBucket(bucket);
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
   * Absence is a success.
   * @throws S3Error `NoSuchBucket` if the bucket is gone by now
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

  /** Takes down which buckets the configuration that is there now replicates to, so that those can be asked for. */
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

/** The statement alone, for a batch. It does nothing if the bucket does not exist. */
export function putBucketDocument<Kind extends BucketDocumentKind>(
  db: D1Database,
  row: { id: string; kind: Kind; document: BucketDocumentTypes[Kind]; now: Date },
): D1PreparedStatement {
  return db
    .prepare(
      `INSERT INTO bucket_documents (bucket_id, kind, body, updated_at)
       SELECT id, ?2, ?3, ?4 FROM buckets WHERE id = ?1
       ON CONFLICT (bucket_id, kind) DO UPDATE SET body = excluded.body, updated_at = excluded.updated_at`,
    )
    .bind(row.id, row.kind, JSON.stringify(row.document), row.now.getTime());
}
