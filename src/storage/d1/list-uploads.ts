/** One page of open uploads, from the table of either kind of bucket. */

import { compareBytes } from "../../model/byte-order.ts";
import type { ChecksumAlgorithm, ChecksumType } from "../../model/checksum.ts";
import type { StorageClass } from "../../model/object.ts";
import type { OpenUpload, UploadListQuery, UploadsPage } from "../../model/upload.ts";

/** Tables with these columns. */
export type UploadTable = "open_uploads" | "adopted_uploads";

export interface OpenUploadRow {
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
const list = (table: UploadTable) => `
  SELECT NULL AS common_prefix, ${COLUMNS} FROM ${table} o
  WHERE bucket_id = ?1 AND (key, upload_id) > (?2, ?3) AND key < ?4
  ORDER BY key, upload_id LIMIT ?5`;
/** In bytes, since for SQLite's functions a text ends at a NUL, which keys may contain. */
const commonPrefix = (key: string) => {
  const rest = `instr(substr(CAST(${key} AS BLOB), ?6 + 1), CAST(?7 AS BLOB))`;
  return `CAST(substr(CAST(${key} AS BLOB), 1, ?6 + nullif(${rest}, 0) - 1 + ?8) AS TEXT)`;
};
const listGrouped = (table: UploadTable) => `
  WITH RECURSIVE page (place, key, upload_id, common_prefix) AS (
    SELECT 1, key, upload_id, ${commonPrefix("key")} FROM (
      SELECT key, upload_id FROM ${table}
      WHERE bucket_id = ?1 AND (key, upload_id) > (?2, ?3) AND key < ?4 ORDER BY key, upload_id LIMIT 1)
    UNION ALL
    SELECT page.place + 1, o.key, o.upload_id, ${commonPrefix("o.key")}
    FROM page JOIN ${table} o ON o.bucket_id = ?1 AND (o.key, o.upload_id) = (
      SELECT key, upload_id FROM ${table}
      WHERE bucket_id = ?1 AND key < ?4 AND (key, upload_id) >
        (ifnull(page.common_prefix || ?9, page.key), iif(page.common_prefix IS NULL, page.upload_id, ''))
      ORDER BY key, upload_id LIMIT 1)
    WHERE page.place < ?5
  )
  SELECT page.common_prefix, ${COLUMNS}
  FROM page CROSS JOIN ${table} o ON o.bucket_id = ?1 AND o.key = page.key AND o.upload_id = page.upload_id
  ORDER BY page.place`;

/** After every string of up to 1,024 bytes; appended to a key, after everything that begins with the key. */
export const END = "\u{10FFFF}".repeat(257);

/** By key in UTF-8 byte order, then by upload id, which is the order of initiation. One query. */
export async function listUploads(
  { db, table }: { readonly db: D1Database; readonly table: UploadTable },
  bucketId: string,
  query: UploadListQuery,
): Promise<UploadsPage> {
  const { prefix, delimiter, maxUploads } = query;
  const after = startOf(query);
  const values = [bucketId, after.key, after.uploadId, prefix + END, maxUploads + 1];
  const statement =
    delimiter === ""
      ? db.prepare(list(table)).bind(...values)
      : db.prepare(listGrouped(table)).bind(...values, lengthOf(prefix), delimiter, lengthOf(delimiter), END);
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

/** The columns of `OpenUploadRow`, in their order. */
export function uploadValues(upload: OpenUpload): readonly (string | number | null)[] {
  const { key, uploadId, initiatedAt, ownerId, storageClass, checksum } = upload;
  const [algorithm, type] = [checksum?.algorithm ?? null, checksum?.type ?? null];
  return [key, uploadId, initiatedAt.getTime(), ownerId, storageClass, algorithm, type];
}

export function toUpload(row: OpenUploadRow): OpenUpload {
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
