/** Rows of the multipart uploads of adopted buckets, and of their parts. They go with their bucket's row. */
import type { ChecksumAlgorithm } from "../../model/checksum.ts";
import type { OpenUpload, UploadListQuery, UploadsPage } from "../../model/upload.ts";
import type { PartRecord } from "../uploads/messages.ts";
import { listUploads, type OpenUploadRow, toUpload, uploadValues } from "./list-uploads.ts";

/** Parts that one query returns; an upload has 10,000 at most. */
const PARTS_PER_QUERY = 2_000;

export interface AdoptedUpload {
  readonly upload: OpenUpload;
  readonly r2UploadId: string;
}

/** A part, whose blob name is R2's ETag of it. */
type AdoptedPart = PartRecord;

interface PartRow {
  readonly part_number: number;
  readonly size_bytes: number;
  readonly md5: string;
  readonly r2_etag: string;
  readonly checksum_algorithm: string | null;
  readonly checksum_value: string | null;
  readonly uploaded_at: number;
}

export class AdoptedUploadRows {
  readonly #db: D1Database;

  constructor(db: D1Database) {
    this.#db = db;
  }

  /** False if there is no such bucket. */
  async add(bucketId: string, { upload, r2UploadId }: AdoptedUpload): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO adopted_uploads (bucket_id, key, upload_id, initiated_at, owner_id, storage_class, checksum_algorithm,
           checksum_type, r2_upload_id)
         SELECT id, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9 FROM buckets WHERE id = ?1`,
      )
      .bind(bucketId, ...uploadValues(upload), r2UploadId)
      .run();
    return meta.changes > 0;
  }

  async find(bucketId: string, key: string, uploadId: string): Promise<AdoptedUpload | undefined> {
    const row = await this.#db
      .prepare("SELECT * FROM adopted_uploads WHERE bucket_id = ?1 AND key = ?2 AND upload_id = ?3")
      .bind(bucketId, key, uploadId)
      .first<OpenUploadRow & { readonly r2_upload_id: string }>();
    return row === null ? undefined : { upload: toUpload(row), r2UploadId: row.r2_upload_id };
  }

  /** Replaces an earlier one of the number. False if there is no such upload any more. */
  async putPart(uploadId: string, part: AdoptedPart): Promise<boolean> {
    const { meta } = await this.#db
      .prepare(
        `INSERT INTO adopted_parts (upload_id, part_number, size_bytes, md5, r2_etag, checksum_algorithm, checksum_value,
           uploaded_at)
         SELECT upload_id, ?2, ?3, ?4, ?5, ?6, ?7, ?8 FROM adopted_uploads WHERE upload_id = ?1
         ON CONFLICT (upload_id, part_number) DO UPDATE SET size_bytes = excluded.size_bytes, md5 = excluded.md5,
           r2_etag = excluded.r2_etag, checksum_algorithm = excluded.checksum_algorithm,
           checksum_value = excluded.checksum_value, uploaded_at = excluded.uploaded_at`,
      )
      .bind(
        uploadId,
        part.partNumber,
        part.sizeBytes,
        part.md5,
        part.blobName,
        part.checksum?.algorithm ?? null,
        part.checksum?.value ?? null,
        part.uploadedAt,
      )
      .run();
    return meta.changes > 0;
  }

  /** Ascending. Up to `limit` of them. */
  async parts(uploadId: string, after: number, limit: number): Promise<AdoptedPart[]> {
    const { results } = await this.#db
      .prepare("SELECT * FROM adopted_parts WHERE upload_id = ?1 AND part_number > ?2 ORDER BY part_number LIMIT ?3")
      .bind(uploadId, after, limit)
      .all<PartRow>();
    return results.map(toPart);
  }

  /** By number. One query for each 2,000 of them. */
  async allParts(uploadId: string): Promise<Map<number, AdoptedPart>> {
    const all = new Map<number, AdoptedPart>();
    for (let after = 0; ; ) {
      const page = await this.parts(uploadId, after, PARTS_PER_QUERY);
      for (const part of page) all.set(part.partNumber, part);
      after = page.at(-1)?.partNumber ?? after;
      if (page.length < PARTS_PER_QUERY) return all;
    }
  }

  async remove(uploadId: string): Promise<void> {
    await this.#db.prepare("DELETE FROM adopted_uploads WHERE upload_id = ?1").bind(uploadId).run();
  }

  list(bucketId: string, query: UploadListQuery): Promise<UploadsPage> {
    return listUploads({ db: this.#db, table: "adopted_uploads" }, bucketId, query);
  }

  /** Uploads of a bucket after one of them, by key, with the bytes of their parts. */
  async sizes(
    bucketId: string,
    { after, limit }: { readonly after: { readonly key: string; readonly uploadId: string }; readonly limit: number },
  ): Promise<{ key: string; uploadId: string; bytes: number }[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT u.key, u.upload_id AS uploadId,
           (SELECT coalesce(sum(p.size_bytes), 0) FROM adopted_parts p WHERE p.upload_id = u.upload_id) AS bytes
         FROM adopted_uploads u WHERE u.bucket_id = ?1 AND (u.key, u.upload_id) > (?2, ?3)
         ORDER BY u.key, u.upload_id LIMIT ?4`,
      )
      .bind(bucketId, after.key, after.uploadId, limit)
      .all<{ key: string; uploadId: string; bytes: number }>();
    return results;
  }

  /** Uploads begun before a time, oldest first, with their bucket's binding. */
  async olderThan(
    time: Date,
    limit: number,
  ): Promise<{ binding: string; key: string; uploadId: string; r2UploadId: string }[]> {
    const { results } = await this.#db
      .prepare(
        `SELECT b.region, u.key, u.upload_id, u.r2_upload_id FROM adopted_uploads u JOIN buckets b ON b.id = u.bucket_id
         WHERE u.initiated_at < ?1 ORDER BY u.initiated_at LIMIT ?2`,
      )
      .bind(time.getTime(), limit)
      .all<{ region: string; key: string; upload_id: string; r2_upload_id: string }>();
    return results.map((row) => ({
      binding: row.region,
      key: row.key,
      uploadId: row.upload_id,
      r2UploadId: row.r2_upload_id,
    }));
  }
}

function toPart(row: PartRow): AdoptedPart {
  const { checksum_algorithm: algorithm, checksum_value: value } = row;
  return {
    partNumber: row.part_number,
    blobName: row.r2_etag,
    sizeBytes: row.size_bytes,
    md5: row.md5,
    uploadedAt: row.uploaded_at,
    ...(algorithm !== null && value !== null && { checksum: { algorithm: algorithm as ChecksumAlgorithm, value } }),
  };
}
