/** Rows of multipart uploads that are neither completed nor aborted, for ListMultipartUploads and for clearing up. */
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

/** Rows read at a time. */
const BATCH = 1000;

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

  /** By key in UTF-8 byte order, then by upload id, which is the order of initiation. */
  async list(bucketId: string, query: UploadListQuery): Promise<UploadsPage> {
    const { prefix, delimiter, maxUploads } = query;
    const uploads: OpenUpload[] = [];
    const commonPrefixes: string[] = [];
    let after: Position = { key: query.keyMarker, uploadId: query.keyMarker === "" ? "" : query.uploadIdMarker };
    // Without an upload id the marker's own uploads are passed over.
    let isInclusive = after.uploadId !== "";
    // A key marker that is a common prefix stands for all it holds.
    const markerPrefix = commonPrefixOf(query.keyMarker, prefix, delimiter);
    if (markerPrefix === query.keyMarker && markerPrefix !== undefined) {
      after = { key: beyond(markerPrefix), uploadId: "" };
      isInclusive = true;
    }
    let last: Position = { key: "", uploadId: "" };
    for (;;) {
      const rows = await this.#rows(bucketId, prefix, after, isInclusive);
      let skipTo: string | undefined;
      for (const row of rows) {
        if (uploads.length + commonPrefixes.length === maxUploads) {
          return {
            uploads,
            commonPrefixes,
            isTruncated: maxUploads > 0,
            nextKeyMarker: last.key,
            nextUploadIdMarker: last.uploadId,
          };
        }
        const commonPrefix = commonPrefixOf(row.key, prefix, delimiter);
        if (commonPrefix !== undefined) {
          commonPrefixes.push(commonPrefix);
          last = { key: commonPrefix, uploadId: "" };
          skipTo = beyond(commonPrefix);
          break;
        }
        uploads.push(toUpload(row));
        last = { key: row.key, uploadId: row.upload_id };
      }
      if (skipTo === undefined && rows.length < BATCH) {
        return { uploads, commonPrefixes, isTruncated: false, nextKeyMarker: "", nextUploadIdMarker: "" };
      }
      after = skipTo === undefined ? last : { key: skipTo, uploadId: "" };
      isInclusive = true;
    }
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

  /** Uploads of a bucket, whatever its name is or was. */
  async ofBucket(bucketId: string, limit: number): Promise<{ bucketId: string; key: string; uploadId: string }[]> {
    const { results } = await this.#db
      .prepare("SELECT key, upload_id FROM open_uploads WHERE bucket_id = ?1 LIMIT ?2")
      .bind(bucketId, limit)
      .all<{ key: string; upload_id: string }>();
    return results.map((row) => ({ bucketId, key: row.key, uploadId: row.upload_id }));
  }

  async #rows(bucketId: string, prefix: string, after: Position, isInclusive: boolean): Promise<OpenUploadRow[]> {
    // With an upload id, the rest of that very key comes first.
    const comparison = isInclusive ? "(key > ?3 OR (key = ?3 AND upload_id > ?4))" : "key > ?3";
    const { results } = await this.#db
      .prepare(
        `SELECT key, upload_id, initiated_at, owner_id, storage_class, checksum_algorithm, checksum_type
         FROM open_uploads
         WHERE bucket_id = ?1 AND key >= ?2 AND substr(key, 1, length(?2)) = ?2 AND ${comparison}
         ORDER BY key, upload_id LIMIT ?5`,
      )
      .bind(bucketId, prefix, after.key, after.uploadId, BATCH)
      .all<OpenUploadRow>();
    return results;
  }
}

interface Position {
  readonly key: string;
  readonly uploadId: string;
}

function commonPrefixOf(key: string, prefix: string, delimiter: string): string | undefined {
  if (delimiter === "" || !key.startsWith(prefix)) return undefined;
  const found = key.indexOf(delimiter, prefix.length);
  return found === -1 ? undefined : key.slice(0, found + delimiter.length);
}

/** The first string after everything that begins with `prefix`, for all keys S3 clients make. */
function beyond(prefix: string): string {
  return `${prefix}\u{10FFFF}\u{10FFFF}\u{10FFFF}\u{10FFFF}`;
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
