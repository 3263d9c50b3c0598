-- When a name was last given up: a bucket made anew under it is ready only once no isolate can still know the old one.

ALTER TABLE deleted_buckets ADD COLUMN name TEXT NOT NULL DEFAULT '';

CREATE INDEX deleted_buckets_by_name ON deleted_buckets (name, deleted_at);
