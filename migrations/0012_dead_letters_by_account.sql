-- Whose dead letters are, so that one account's cannot push out another's. The newest 1,000 of each stay, and of all
-- accounts together the newest 10,000: beyond that the accounts that have most lose their oldest.

-- Empty: not known, for the bucket is gone.
ALTER TABLE dead_letters ADD COLUMN account_id TEXT NOT NULL DEFAULT '';
UPDATE dead_letters SET account_id = coalesce(
  message ->> '$.origin.bucket.accountId',
  message ->> '$.event.origin.bucket.accountId',
  message ->> '$.event.test.bucket.accountId',
  (SELECT account_id FROM topics WHERE arn = message ->> '$.receiver.topicArn'),
  (SELECT account_id FROM buckets WHERE id = message ->> '$.bucketId'),
  (SELECT b.account_id FROM replication_tasks t JOIN buckets b ON b.id = t.bucket_id WHERE t.id = dead_letters.id),
  ''
);
CREATE INDEX dead_letters_by_account ON dead_letters (account_id, seq);
