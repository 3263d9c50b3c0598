-- How the delivery of notifications goes, and what was given up.

-- One row for each receiver that anything was sent to.
CREATE TABLE receivers (
  -- SHA-256 of kind and full name, in hexadecimal: a URL may hold a secret in its query.
  id              TEXT PRIMARY KEY,
  -- callback, subscription, queue
  kind            TEXT NOT NULL,
  -- URL without its query, or ARN.
  name            TEXT NOT NULL,
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

-- Messages that nobody tries again by himself. Bounded: the newest 10,000, of the last 14 days.
CREATE TABLE dead_letters (
  seq         INTEGER PRIMARY KEY AUTOINCREMENT,
  -- Of the message: what is given up twice stands here once.
  id          TEXT NOT NULL UNIQUE,
  reason      TEXT NOT NULL,
  given_up_at INTEGER NOT NULL,
  -- JSON.
  message     TEXT NOT NULL
) STRICT;

CREATE INDEX dead_letters_by_time ON dead_letters (given_up_at);
