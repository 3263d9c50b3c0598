-- Accounts, their access keys and their buckets: all that a request needs to know before it touches R2.
-- Times are milliseconds since 1970-01-01T00:00:00Z.

CREATE TABLE accounts (
  id            TEXT PRIMARY KEY CHECK (length(id) = 12),
  canonical_id  TEXT NOT NULL UNIQUE CHECK (length(canonical_id) = 64),
  display_name  TEXT NOT NULL,
  is_root       INTEGER NOT NULL DEFAULT 0 CHECK (is_root IN (0, 1)),
  created_at    INTEGER NOT NULL
) STRICT;

-- The account behind the deployment's root keys. Its ids are random per deployment.
INSERT INTO accounts (id, canonical_id, display_name, is_root, created_at)
VALUES (
  printf('%012d', abs(random() % 1000000000000)),
  lower(hex(randomblob(32))),
  'root',
  1,
  unixepoch() * 1000
);

CREATE UNIQUE INDEX one_root_account ON accounts (is_root) WHERE is_root = 1;

CREATE TABLE access_keys (
  id             TEXT PRIMARY KEY,
  account_id     TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  secret_sealed  TEXT NOT NULL,
  status         TEXT NOT NULL DEFAULT 'Active' CHECK (status IN ('Active', 'Inactive')),
  created_at     INTEGER NOT NULL
) STRICT;

CREATE INDEX access_keys_by_account ON access_keys (account_id);

CREATE TABLE buckets (
  name        TEXT PRIMARY KEY,
  id          TEXT NOT NULL UNIQUE CHECK (length(id) = 12),
  account_id  TEXT NOT NULL REFERENCES accounts (id),
  region      TEXT NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;

CREATE INDEX buckets_by_account ON buckets (account_id, name);

-- Incarnations that are gone. What is left or arrives late under their ids is removed by a sweep.
CREATE TABLE deleted_buckets (
  id          TEXT PRIMARY KEY,
  region      TEXT NOT NULL,
  deleted_at  INTEGER NOT NULL,
  swept_at    INTEGER NOT NULL DEFAULT 0
) STRICT;
