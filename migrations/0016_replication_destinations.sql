-- Buckets of this deployment that a replication configuration names; kept with the configuration's document.

CREATE TABLE replication_destinations (
  destination  TEXT NOT NULL,
  source_id    TEXT NOT NULL REFERENCES buckets (id) ON DELETE CASCADE,
  PRIMARY KEY (destination, source_id)
) STRICT, WITHOUT ROWID;

CREATE INDEX replication_destinations_by_source ON replication_destinations (source_id);

INSERT INTO replication_destinations (destination, source_id)
SELECT DISTINCT rule.value ->> '$.destination.bucket', d.bucket_id
FROM bucket_documents d, json_each(d.body, '$.rules') rule
WHERE d.kind = 'replication' AND rule.value ->> '$.destination.remote' IS NULL;
