-- What buckets hold, as a sweep counts it in steps, and their history.

-- When the bucket is to be counted next, milliseconds since 1970; the buckets that have waited longest come first. 0 for buckets
-- that were never counted, and for those that the previous code creates.
ALTER TABLE buckets ADD COLUMN usage_due INTEGER NOT NULL DEFAULT 0;

CREATE INDEX buckets_usage_due ON buckets (usage_due, id);

CREATE TABLE bucket_usage (
  bucket_id         TEXT PRIMARY KEY REFERENCES buckets (id) ON DELETE CASCADE,
  -- When the last complete count began, milliseconds since 1970; NULL: none is complete.
  counted_at        INTEGER,
  objects           INTEGER NOT NULL DEFAULT 0,
  versions          INTEGER NOT NULL DEFAULT 0,
  delete_markers    INTEGER NOT NULL DEFAULT 0,
  bytes             INTEGER NOT NULL DEFAULT 0,
  noncurrent_bytes  INTEGER NOT NULL DEFAULT 0,
  open_uploads      INTEGER NOT NULL DEFAULT 0,
  upload_bytes      INTEGER NOT NULL DEFAULT 0,
  -- JSON: the count under way, and where its next step begins; NULL: none.
  pass              TEXT,
  -- Random, new with every write of the row: of two runs at once, the first counts.
  revision          TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each day on which the figures were other ones than before.
CREATE TABLE usage_history (
  bucket_id         TEXT NOT NULL REFERENCES buckets (id) ON DELETE CASCADE,
  -- Counted from 1970.
  day               INTEGER NOT NULL,
  objects           INTEGER NOT NULL,
  bytes             INTEGER NOT NULL,
  noncurrent_bytes  INTEGER NOT NULL,
  PRIMARY KEY (bucket_id, day)
) STRICT, WITHOUT ROWID;
