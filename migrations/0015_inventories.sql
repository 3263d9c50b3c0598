-- The inventory configurations of buckets, and the reports that are being written.
CREATE TABLE inventories (
  bucket_id  TEXT NOT NULL REFERENCES buckets (id) ON DELETE CASCADE,
  id         TEXT NOT NULL,
  -- JSON: the configuration.
  body       TEXT NOT NULL,
  is_enabled INTEGER NOT NULL,
  -- Random, new with every write of the row: two runs, or a run and a request, cannot both act on one state.
  revision   TEXT NOT NULL,
  -- When the next report is due, milliseconds since 1970; it stays until that report is complete.
  due_at     INTEGER NOT NULL,
  -- JSON: the report that is being written; NULL: none.
  report     TEXT,
  -- When the last step ended, milliseconds since 1970: those that have waited longest come first.
  worked_at  INTEGER NOT NULL,
  PRIMARY KEY (bucket_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX inventories_due ON inventories (due_at) WHERE is_enabled = 1;
