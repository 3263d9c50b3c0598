-- Exports and restores of the configuration that are under way, and restores that are done.
CREATE TABLE config_transfers (
  id          TEXT PRIMARY KEY,
  created_at  INTEGER NOT NULL,
  -- Of a restore that is done: random, of the call that has done it.
  applied_by  TEXT
) STRICT, WITHOUT ROWID;

-- Of an export a copy of the rows, made in one transaction; of a restore what has been received. Secrets are sealed as in their
-- own tables.
CREATE TABLE config_rows (
  transfer  TEXT NOT NULL REFERENCES config_transfers (id) ON DELETE CASCADE,
  -- The table, and the number of the row among its rows.
  source    TEXT NOT NULL,
  number    INTEGER NOT NULL,
  -- A long value is in several pieces, each in a row of its own.
  piece     INTEGER NOT NULL,
  -- JSON object of the other values by column.
  fields    TEXT NOT NULL,
  -- The piece.
  text      TEXT,
  PRIMARY KEY (transfer, source, number, piece)
) STRICT, WITHOUT ROWID;

-- The pages of a restore that have been received.
CREATE TABLE config_pages (
  transfer  TEXT NOT NULL REFERENCES config_transfers (id) ON DELETE CASCADE,
  page      INTEGER NOT NULL,
  is_last   INTEGER NOT NULL,
  PRIMARY KEY (transfer, page)
) STRICT, WITHOUT ROWID;
