-- The secrets of a deployment whose Worker has only the secret SETUP_CODE. At most one row, made by the set-up and never changed.
CREATE TABLE setup_secrets (
  id          INTEGER PRIMARY KEY CHECK (id = 1),
  -- Of the key under which they are sealed, which is derived from SETUP_CODE: salt, hexadecimal, and iterations of PBKDF2.
  salt        TEXT NOT NULL,
  iterations  INTEGER NOT NULL,
  -- JSON object of the root keys and the seal key, sealed.
  sealed      TEXT NOT NULL,
  created_at  INTEGER NOT NULL
) STRICT;

-- Attempts at the set-up in the last minutes. Empty once it is done.
CREATE TABLE setup_attempts (
  id      INTEGER PRIMARY KEY,
  -- The client's IPv4 address, or the first 64 bits of its IPv6 address.
  client  TEXT NOT NULL,
  at      INTEGER NOT NULL
) STRICT;
