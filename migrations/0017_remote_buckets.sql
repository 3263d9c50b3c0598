-- Buckets behind the endpoint that may be replicated to, as a JSON array of names; NULL: all.
ALTER TABLE remotes ADD COLUMN buckets TEXT;
