-- When background work was last seen to run: each schedule, and each queue that was sent a probe.

CREATE TABLE heartbeats (
  name TEXT PRIMARY KEY,
  at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
