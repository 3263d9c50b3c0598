-- A bucket that is about to be deleted: since when, in milliseconds since 1970, and who will. Whoever writes into it
-- meanwhile takes the mark away, and the deletion begins anew.
ALTER TABLE buckets ADD COLUMN deleting_since INTEGER;
ALTER TABLE buckets ADD COLUMN deletion TEXT;
