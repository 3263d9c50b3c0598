-- What is configured for a bucket: one row per kind ("tagging", …), body as JSON. Goes with its bucket.

CREATE TABLE bucket_documents (
  bucket_id   TEXT NOT NULL REFERENCES buckets (id) ON DELETE CASCADE,
  kind        TEXT NOT NULL,
  body        TEXT NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (bucket_id, kind)
) STRICT, WITHOUT ROWID;
