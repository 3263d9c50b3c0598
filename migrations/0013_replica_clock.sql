-- The time at which the primary database was last known to be reached. A read replica that shows it has every change made
-- before. One row.

CREATE TABLE replica_clock (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  at INTEGER NOT NULL
) STRICT;
