-- Changes of objects that somebody is to be told of: written before the object, removed when the event is on its way.
-- What a crash leaves here is looked up in R2 by a sweep, which tells the event or forgets the intent.

CREATE TABLE event_intents (
  id          TEXT PRIMARY KEY,
  region      TEXT NOT NULL,
  -- Of the entry the write makes; empty for removals.
  write_id    TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  -- The message as it goes to the queue; without what only the finished write tells while `has_landed` is 0.
  message     TEXT NOT NULL,
  -- 1: the write ended well, and the queue did not take the message.
  has_landed  INTEGER NOT NULL DEFAULT 0 CHECK (has_landed IN (0, 1)),
  -- When a sweep last looked at it.
  looked_at   INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE INDEX event_intents_by_time ON event_intents (created_at);
CREATE INDEX event_intents_by_write ON event_intents (write_id);
