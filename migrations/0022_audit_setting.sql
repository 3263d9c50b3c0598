-- Where the audit goes; no row: it is off.
CREATE TABLE audit_setting (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  -- Owner of the bucket.
  account_id  TEXT NOT NULL,
  bucket      TEXT NOT NULL,
  prefix      TEXT NOT NULL,
  set_at      INTEGER NOT NULL
) STRICT;
