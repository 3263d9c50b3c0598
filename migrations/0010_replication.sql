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
  -- Buckets behind the endpoint that may be replicated to, as a JSON array of names; NULL: all.
  buckets        TEXT,
  created_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE remote_accounts (
  remote      TEXT NOT NULL REFERENCES remotes (name) ON DELETE CASCADE,
  account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  PRIMARY KEY (remote, account_id)
) STRICT, WITHOUT ROWID;

-- Buckets of this deployment that a replication configuration names; kept with the configuration's document.
CREATE TABLE replication_destinations (
  destination  TEXT NOT NULL,
  source_id    TEXT NOT NULL REFERENCES buckets (id) ON DELETE CASCADE,
  PRIMARY KEY (destination, source_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX replication_destinations_by_source ON replication_destinations (source_id);

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
  -- Counted as they begin, since one that is too much for the Worker ends it without a word.
  attempts       INTEGER NOT NULL DEFAULT 0,
  -- In a row up to now: attempts that are not known to have ended.
  unfinished     INTEGER NOT NULL DEFAULT 0,
  -- In a row up to now: attempts that the destination refused.
  refusals       INTEGER NOT NULL DEFAULT 0,
  last_error     TEXT,
  created_at     INTEGER NOT NULL,
  -- When a sweep sends the task again, should nothing have become of it by then; of one given up, when it goes.
  due_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX replication_tasks_by_write ON replication_tasks (write_id);
CREATE INDEX replication_tasks_by_bucket ON replication_tasks (bucket_id, status);
CREATE INDEX replication_tasks_due ON replication_tasks (due_at) WHERE status = 'PENDING';
CREATE INDEX replication_tasks_failed ON replication_tasks (due_at) WHERE status = 'FAILED';

-- Tasks that were given up go after 30 days; of the object it is remembered that it failed.
CREATE TABLE replication_failures (
  -- Of the entry that did not reach every destination.
  write_id   TEXT PRIMARY KEY,
  bucket_id  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

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
