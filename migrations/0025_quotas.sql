-- How much buckets and accounts may hold.
CREATE TABLE bucket_quotas (
  bucket_id    TEXT PRIMARY KEY REFERENCES buckets (id) ON DELETE CASCADE,
  -- NULL: not limited.
  max_bytes    INTEGER,
  max_objects  INTEGER
) STRICT, WITHOUT ROWID;

CREATE TABLE account_quotas (
  account_id    TEXT PRIMARY KEY REFERENCES accounts (id) ON DELETE CASCADE,
  max_bytes     INTEGER,
  max_objects   INTEGER,
  -- What all buckets of the account hold: their sum, and what has been written since.
  used_bytes    INTEGER NOT NULL DEFAULT 0,
  used_objects  INTEGER NOT NULL DEFAULT 0,
  -- When the sum was made, milliseconds since 1970, and of how many buckets.
  summed_at     INTEGER NOT NULL DEFAULT 0,
  buckets       INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;

-- Written since the last count began, of buckets under a quota.
ALTER TABLE bucket_usage ADD COLUMN added_bytes INTEGER NOT NULL DEFAULT 0;
ALTER TABLE bucket_usage ADD COLUMN added_objects INTEGER NOT NULL DEFAULT 0;
-- Calls that the last count took.
ALTER TABLE bucket_usage ADD COLUMN calls INTEGER NOT NULL DEFAULT 0;
