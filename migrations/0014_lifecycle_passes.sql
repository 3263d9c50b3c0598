-- One pass over each bucket with lifecycle rules in each day of the lifecycle, in steps.
CREATE TABLE lifecycle_passes (
  bucket_id  TEXT PRIMARY KEY REFERENCES buckets (id) ON DELETE CASCADE,
  -- The day in which the pass began, counted from 1970.
  day        INTEGER NOT NULL,
  -- JSON: where the next step begins; NULL: the pass is complete.
  position   TEXT,
  -- JSON: what the pass has done.
  counts     TEXT NOT NULL,
  -- When the last step ended, milliseconds since 1970: the buckets that have waited longest come first.
  worked_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The buckets with rules, without reading the documents of all others.
CREATE INDEX bucket_documents_lifecycle ON bucket_documents (bucket_id) WHERE kind = 'lifecycle';
