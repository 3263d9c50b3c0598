-- Multipart uploads of adopted buckets, which are R2's own. R2 has the bytes, and lists neither uploads nor parts to a Worker.
CREATE TABLE adopted_uploads (
  bucket_id           TEXT NOT NULL REFERENCES buckets (id) ON DELETE CASCADE,
  key                 TEXT NOT NULL,
  upload_id           TEXT NOT NULL UNIQUE,
  initiated_at        INTEGER NOT NULL,
  owner_id            TEXT NOT NULL,
  storage_class       TEXT NOT NULL,
  checksum_algorithm  TEXT,
  checksum_type       TEXT,
  -- R2's own id.
  r2_upload_id        TEXT NOT NULL,
  PRIMARY KEY (bucket_id, key, upload_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX adopted_uploads_by_time ON adopted_uploads (initiated_at);

CREATE TABLE adopted_parts (
  upload_id           TEXT NOT NULL REFERENCES adopted_uploads (upload_id) ON DELETE CASCADE,
  part_number         INTEGER NOT NULL,
  size_bytes          INTEGER NOT NULL,
  md5                 TEXT NOT NULL,
  -- R2's own name of the part, opaque.
  r2_etag             TEXT NOT NULL,
  checksum_algorithm  TEXT,
  checksum_value      TEXT,
  uploaded_at         INTEGER NOT NULL,
  PRIMARY KEY (upload_id, part_number)
) STRICT, WITHOUT ROWID;
