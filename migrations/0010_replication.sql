-- Endpoints that an administrator registered as places to replicate to, the accounts that may name them, what is still
-- to be replicated, and the command that goes through what a bucket held before.

CREATE TABLE remotes (
  name           TEXT PRIMARY KEY,
  endpoint       TEXT NOT NULL,
  region         TEXT NOT NULL,
  -- peer: another workers-s3; s3: anything else that speaks S3.
  kind           TEXT NOT NULL CHECK (kind IN ('peer', 's3')),
  access_key_id  TEXT NOT NULL,
  secret_sealed  TEXT NOT NULL,
  created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE remote_accounts (
  remote      TEXT NOT NULL REFERENCES remotes (name) ON DELETE CASCADE,
  account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  PRIMARY KEY (remote, account_id)
) STRICT, WITHOUT ROWID;

-- One row per change and destination, gone once the destination has what the source has.
CREATE TABLE replication_tasks (
  -- Derived from the change and the destination, so that a message that comes twice makes one row.
  id             TEXT PRIMARY KEY,
  bucket_id      TEXT NOT NULL,
  key            TEXT NOT NULL,
  -- Of the entry the change wrote; empty for removals.
  write_id       TEXT NOT NULL,
  -- JSON: who changed what, and the rule it met.
  body           TEXT NOT NULL,
  status         TEXT NOT NULL DEFAULT 'PENDING' CHECK (status IN ('PENDING', 'FAILED')),
  attempts       INTEGER NOT NULL DEFAULT 0,
  last_error     TEXT,
  created_at     INTEGER NOT NULL,
  -- When a sweep sends the task again, should nothing have become of it by then.
  due_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX replication_tasks_by_write ON replication_tasks (write_id);
CREATE INDEX replication_tasks_by_bucket ON replication_tasks (bucket_id, status);
CREATE INDEX replication_tasks_due ON replication_tasks (due_at) WHERE status = 'PENDING';

-- Going through the objects that were there before: one at a time for each bucket.
CREATE TABLE replication_jobs (
  bucket_id    TEXT PRIMARY KEY,
  bucket_name  TEXT NOT NULL,
  -- Changes with every start, so that keys are taken anew.
  run          TEXT NOT NULL,
  status       TEXT NOT NULL CHECK (status IN ('RUNNING', 'COMPLETED')),
  -- The last key that has been seen.
  after        TEXT NOT NULL,
  seen         INTEGER NOT NULL,
  queued       INTEGER NOT NULL,
  started_at   INTEGER NOT NULL,
  updated_at   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
