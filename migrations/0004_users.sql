-- IAM users, their inline policies, and keys that belong to a user instead of to the account itself.
-- A key without a user is a root key of its account.

CREATE TABLE users (
  id          TEXT PRIMARY KEY,
  account_id  TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  name        TEXT NOT NULL,
  path        TEXT NOT NULL DEFAULT '/',
  created_at  INTEGER NOT NULL
) STRICT;

-- Names are not told apart by case ("IAM and STS quotas": name requirements).
CREATE UNIQUE INDEX users_by_name ON users (account_id, name COLLATE NOCASE);

-- size: characters that count against the quota of a user's policies, which are those that are not white space.
CREATE TABLE user_policies (
  user_id     TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name        TEXT NOT NULL COLLATE NOCASE,
  document    TEXT NOT NULL,
  size        INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL,
  PRIMARY KEY (user_id, name)
) STRICT, WITHOUT ROWID;

ALTER TABLE access_keys ADD COLUMN user_id TEXT REFERENCES users (id) ON DELETE CASCADE;
ALTER TABLE access_keys ADD COLUMN last_used_at INTEGER;
ALTER TABLE access_keys ADD COLUMN last_used_region TEXT;
ALTER TABLE access_keys ADD COLUMN last_used_service TEXT;

CREATE INDEX access_keys_by_user ON access_keys (user_id);
