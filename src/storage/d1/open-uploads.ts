/** Rows of multipart uploads that are neither completed nor aborted, for ListMultipartUploads and for sweeps. */

import type { OpenUpload, UploadListQuery, UploadsPage } from "../../model/upload.ts";
import { END, listUploads, uploadValues } from "./list-uploads.ts";

export class OpenUploads {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** False if there is no such bucket. */
  async add(bucketId: string, upload: OpenUpload): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO open_uploads
           (bucket_id, key, upload_id, initiated_at, owner_id, storage_class, checksum_algorithm, checksum_type)
         SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM buckets WHERE id = ?1`,
      )
      .bind(bucketId, ...uploadValues(upload))
      .run();
    return meta.changes > 0;
  }

  async remove(bucketId: string, key: string, uploadId: string): Promise<void> {
    await this.#db
      .prepare("DELETE FROM open_uploads WHERE bucket_id = ?1 AND key = ?2 AND upload_id = ?3")
      .bind(bucketId, key, uploadId)
      .run();
  }

  /** By key in UTF-8 byte order, then by upload id, which is the order of initiation. One query. */
  list(bucketId: string, query: UploadListQuery): Promise<UploadsPage> {
    return listUploads({ db: this.#db, table: "open_uploads" }, bucketId, query);
  }

  /** Uploads begun before a time, oldest first, from any bucket. */
  async olderThan(time: Date, limit: number): Promise<{ bucketId: string; key: string; uploadId: string }[]> {
    const { results } = await this.#db
      .prepare(
        "SELECT bucket_id, key, upload_id FROM open_uploads WHERE initiated_at < ?1 ORDER BY initiated_at LIMIT ?2",
      )
      .bind(time.getTime(), limit)
      .all<{ bucket_id: string; key: string; upload_id: string }>();
    return results.map((row) => ({ bucketId: row.bucket_id, key: row.key, uploadId: row.upload_id }));
  }

  /** Uploads begun after one and before a time, oldest first, from any bucket. */
  async between(
    after: { readonly time: Date; readonly uploadId: string },
    before: Date,
    limit: number,
  ): Promise<{ bucketId: string; key: string; uploadId: string; initiatedAt: Date }[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT bucket_id, key, upload_id, initiated_at FROM open_uploads
         WHERE initiated_at >= ?1 AND initiated_at < ?3 AND (initiated_at, upload_id) > (?1, ?2)
         ORDER BY initiated_at, upload_id LIMIT ?4`,
      )
      .bind(after.time.getTime(), after.uploadId, before.getTime(), limit)
      .all<{ bucket_id: string; key: string; upload_id: string; initiated_at: number }>();
    return results.map((row) => ({
      bucketId: row.bucket_id,
      key: row.key,
      uploadId: row.upload_id,
      initiatedAt: new Date(row.initiated_at),
    }));
  }

  /** Uploads of a bucket that were begun up to a time, below a prefix and after one of them, by key. */
  async initiatedUntil(
    bucketId: string,
    query: {
      readonly prefix: string;
      readonly initiatedUntil: Date;
      readonly after: { readonly key: string; readonly uploadId: string };
      readonly limit: number;
    },
  ): Promise<{ key: string; uploadId: string }[]> {
    const { prefix, initiatedUntil, after, limit } = query;
    const { results } = await this.#db
      .prepare(
        `SELECT key, upload_id FROM open_uploads
         WHERE bucket_id = ?1 AND (key, upload_id) > (?2, ?3) AND key >= ?4 AND key < ?5 AND initiated_at <= ?6
         ORDER BY key, upload_id LIMIT ?7`,
      )
      .bind(bucketId, after.key, after.uploadId, prefix, prefix + END, initiatedUntil.getTime(), limit)
      .all<{ key: string; upload_id: string }>();
    return results.map((row) => ({ key: row.key, uploadId: row.upload_id }));
  }

  /** Uploads of a bucket, whatever its name is or was. */
  async ofBucket(bucketId: string, limit: number): Promise<{ bucketId: string; key: string; uploadId: string }[]> {
    const { results } = await this.#db
      .prepare("SELECT key, upload_id FROM open_uploads WHERE bucket_id = ?1 LIMIT ?2")
      .bind(bucketId, limit)
      .all<{ key: string; upload_id: string }>();
    return results.map((row) => ({ bucketId, key: row.key, uploadId: row.upload_id }));
  }
}
