/** Rows of multipart uploads that are neither completed nor aborted, for ListMultipartUploads and for sweeps. */

import { compareBytes } from "../../model/byte-order.ts";
import type { ChecksumAlgorithm, ChecksumType } from "../../model/checksum.ts";
import type { StorageClass } from "../../model/object.ts";
import type { OpenUpload, UploadListQuery, UploadsPage } from "../../model/upload.ts";

interface OpenUploadRow {
  readonly key: string;
  readonly upload_id: string;
  readonly initiated_at: number;
  readonly owner_id: string;
  readonly storage_class: string;
  readonly checksum_algorithm: string | null;
  readonly checksum_type: string | null;
}

interface ListedRow extends OpenUploadRow {
  readonly common_prefix: string | null;
}

const COLUMNS =
  "o.key, o.upload_id, o.initiated_at, o.owner_id, o.storage_class, o.checksum_algorithm, o.checksum_type";

/**
 * One page of `?5` rows. With a delimiter each row is the first upload of its common prefix, or one without a prefix, and
 * the next row is searched after it: a page takes as many steps as it has rows, however many uploads the prefixes contain.
 */
const LIST = `
  SELECT NULL AS common_prefix, ${COLUMNS} FROM open_uploads o
  WHERE bucket_id = ?1 AND (key, upload_id) > (?2, ?3) AND key < ?4
  ORDER BY key, upload_id LIMIT ?5`;
/** In bytes, since for SQLite's functions a text ends at a NUL, which keys may contain. */
const commonPrefix = (key: string) => {
  const rest = `instr(substr(CAST(${key} AS BLOB), ?6 + 1), CAST(?7 AS BLOB))`;
  return `CAST(substr(CAST(${key} AS BLOB), 1, ?6 + nullif(${rest}, 0) - 1 + ?8) AS TEXT)`;
};
const LIST_GROUPED = `
  WITH RECURSIVE page (place, key, upload_id, common_prefix) AS (
    SELECT 1, key, upload_id, ${commonPrefix("key")} FROM (
      SELECT key, upload_id FROM open_uploads
      WHERE bucket_id = ?1 AND (key, upload_id) > (?2, ?3) AND key < ?4 ORDER BY key, upload_id LIMIT 1)
    UNION ALL
    SELECT page.place + 1, o.key, o.upload_id, ${commonPrefix("o.key")}
    FROM page JOIN open_uploads o ON o.bucket_id = ?1 AND (o.key, o.upload_id) = (
      SELECT key, upload_id FROM open_uploads
      WHERE bucket_id = ?1 AND key < ?4 AND (key, upload_id) >
        (ifnull(page.common_prefix || ?9, page.key), iif(page.common_prefix IS NULL, page.upload_id, ''))
      ORDER BY key, upload_id LIMIT 1)
    WHERE page.place < ?5
  )
  SELECT page.common_prefix, ${COLUMNS}
  FROM page CROSS JOIN open_uploads o ON o.bucket_id = ?1 AND o.key = page.key AND o.upload_id = page.upload_id
  ORDER BY page.place`;

/** After every string of up to 1,024 bytes; appended to a key, after everything that begins with the key. */
const END = "\u{10FFFF}".repeat(257);

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
      .bind(
        bucketId,
        upload.key,
        upload.uploadId,
        upload.initiatedAt.getTime(),
        upload.ownerId,
        upload.storageClass,
        upload.checksum?.algorithm ?? null,
        upload.checksum?.type ?? null,
      )
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
  async list(bucketId: string, query: UploadListQuery): Promise<UploadsPage> {
    const { prefix, delimiter, maxUploads } = query;
    const after = startOf(query);
    const values = [bucketId, after.key, after.uploadId, prefix + END, maxUploads + 1];
    const statement =
      delimiter === ""
        ? this.#db.prepare(LIST).bind(...values)
        : this.#db.prepare(LIST_GROUPED).bind(...values, lengthOf(prefix), delimiter, lengthOf(delimiter), END);
    const { results } = await statement.all<ListedRow>();
    const rows = results.slice(0, maxUploads);
    const last = rows.at(-1);
    return {
      uploads: rows.filter((row) => row.common_prefix === null).map(toUpload),
      commonPrefixes: rows.flatMap((row) => row.common_prefix ?? []),
      isTruncated: maxUploads > 0 && results.length > maxUploads,
      // Seen on AWS: the last page also has the markers of its last upload; a page that ends in a common prefix has none.
      nextKeyMarker: last?.common_prefix === null ? last.key : "",
      nextUploadIdMarker: last?.common_prefix === null ? last.upload_id : "",
    };
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

interface Position {
  readonly key: string;
  readonly uploadId: string;
}

/** The upload after which a listing begins. */
function startOf({ prefix, delimiter, keyMarker, uploadIdMarker }: UploadListQuery): Position {
  const beginning = { key: prefix, uploadId: "" };
  if (keyMarker === "" || compareBytes(keyMarker, prefix) < 0) return beginning;
  // A marker that is a common prefix, or is below one, is after everything with that prefix (seen on AWS).
  const found = delimiter === "" || !keyMarker.startsWith(prefix) ? -1 : keyMarker.indexOf(delimiter, prefix.length);
  if (found !== -1) return { key: keyMarker.slice(0, found + delimiter.length) + END, uploadId: "" };
  // Without an upload id the uploads of the marker's own key are skipped.
  return { key: keyMarker, uploadId: uploadIdMarker === "" ? END : uploadIdMarker };
}

/** In bytes. */
function lengthOf(text: string): number {
  return new TextEncoder().encode(text).byteLength;
}

function toUpload(row: OpenUploadRow): OpenUpload {
  const { checksum_algorithm: algorithm, checksum_type: type } = row;
  return {
    key: row.key,
    uploadId: row.upload_id,
    initiatedAt: new Date(row.initiated_at),
    ownerId: row.owner_id,
    storageClass: row.storage_class as StorageClass,
    ...(algorithm !== null &&
      type !== null && { checksum: { algorithm: algorithm as ChecksumAlgorithm, type: type as ChecksumType } }),
  };
}
