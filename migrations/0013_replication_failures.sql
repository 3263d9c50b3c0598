-- Tasks that were given up go after 30 days, from then on counted in due_at; of the object it is remembered that it failed.

CREATE INDEX replication_tasks_failed ON replication_tasks (due_at) WHERE status = 'FAILED';

UPDATE replication_tasks SET due_at = due_at + 30 * 24 * 60 * 60 * 1000 WHERE status = 'FAILED';

CREATE TABLE replication_failures (
  -- Of the entry that did not reach every destination.
  write_id   TEXT PRIMARY KEY,
  bucket_id  TEXT NOT NULL
) STRICT, WITHOUT ROWID;
