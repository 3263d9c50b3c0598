-- Multipart uploads that are neither completed nor aborted, for ListMultipartUploads alone: each upload's Durable
-- Object owns its state and its parts. Ids begin with the time of initiation, so they sort by it.

CREATE TABLE open_uploads (
  bucket_id           TEXT NOT NULL,
  key                 TEXT NOT NULL,
  upload_id           TEXT NOT NULL,
  initiated_at        INTEGER NOT NULL,
  owner_id            TEXT NOT NULL,
  storage_class       TEXT NOT NULL,
  checksum_algorithm  TEXT,
  checksum_type       TEXT,
  PRIMARY KEY (bucket_id, key, upload_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX open_uploads_by_time ON open_uploads (initiated_at);

-- How far a sweep that goes through R2 bit by bit has come.
CREATE TABLE sweep_cursors (
  sweep  TEXT PRIMARY KEY,
  after  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
