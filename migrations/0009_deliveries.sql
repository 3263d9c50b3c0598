-- How the delivery of notifications goes, and what was given up.

-- One row for each receiver that anything was sent to.
CREATE TABLE receivers (
  -- SHA-256 of kind and full name, in hexadecimal: a URL may hold a secret in its query.
  id              TEXT PRIMARY KEY,
  -- callback, subscription, queue
  kind            TEXT NOT NULL,
  -- URL without its query, or ARN.
  name            TEXT NOT NULL,
  -- By whose doing it is called, and where it is: host and port, of a queue its ARN. Those of one account at one host are
  -- kept out of the way together.
  account_id      TEXT NOT NULL,
  host            TEXT NOT NULL,
  -- Events.
  delivered       INTEGER NOT NULL,
  given_up        INTEGER NOT NULL,
  -- Attempts.
  failed          INTEGER NOT NULL,
  retried         INTEGER NOT NULL,
  last_success_at INTEGER,
  last_failure_at INTEGER,
  last_failure    TEXT,
  -- Since when nothing has succeeded; null if the last attempt did.
  failing_since   INTEGER,
  -- Until then its events go straight to the queue of retries.
  avoid_until     INTEGER,
  updated_at      INTEGER NOT NULL
) STRICT;

CREATE INDEX receivers_by_update ON receivers (updated_at);
CREATE INDEX receivers_in_trouble ON receivers (account_id, host, avoid_until) WHERE avoid_until IS NOT NULL;

-- Messages that nobody tries again by himself, of the last 14 days. The newest 1,000 of each account stay, and of all
-- together the newest 10,000: beyond that the accounts that have most lose their oldest.
CREATE TABLE dead_letters (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Of the message: what is given up twice stands here once.
  id          TEXT NOT NULL UNIQUE,
  -- Empty: not known, for the bucket is gone.
  account_id  TEXT NOT NULL,
  reason      TEXT NOT NULL,
  given_up_at INTEGER NOT NULL,
  -- JSON.
  message     TEXT NOT NULL
) STRICT;

CREATE INDEX dead_letters_by_time ON dead_letters (given_up_at);
CREATE INDEX dead_letters_by_account ON dead_letters (account_id, seq);
