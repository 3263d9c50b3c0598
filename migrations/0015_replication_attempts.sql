-- Attempts are counted as they begin, since one that is too much for the Worker ends it without a word.

-- In a row up to now: attempts that are not known to have ended.
ALTER TABLE replication_tasks ADD COLUMN unfinished INTEGER NOT NULL DEFAULT 0;
-- In a row up to now: attempts that the destination refused.
ALTER TABLE replication_tasks ADD COLUMN refusals INTEGER NOT NULL DEFAULT 0;
