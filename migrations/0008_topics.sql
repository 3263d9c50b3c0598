-- SNS topics and who listens to them. A topic belongs to one account, and its policy may let others in; its subscriptions
-- go with it.

CREATE TABLE topics (
  arn                TEXT PRIMARY KEY,
  account_id         TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  display_name       TEXT NOT NULL,
  signature_version  INTEGER NOT NULL CHECK (signature_version IN (1, 2)),
  -- JSON, as it was put. NULL: the topic has been given none.
  policy             TEXT,
  created_at         INTEGER NOT NULL
) STRICT;

CREATE INDEX topics_by_account ON topics (account_id, arn);

-- status: 'pending' until the endpoint proves that it wants this, by the token that was sent to it; 'unsubscribed' after
-- its own link ended it, so that a token can bring it back. Both go when their token has expired.
CREATE TABLE subscriptions (
  arn                          TEXT PRIMARY KEY,
  topic_arn                    TEXT NOT NULL REFERENCES topics (arn) ON DELETE CASCADE,
  -- Whose it is: the policy of a topic may let other accounts subscribe.
  account_id                   TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  endpoint                     TEXT NOT NULL,
  raw_delivery                 INTEGER NOT NULL CHECK (raw_delivery IN (0, 1)),
  status                       TEXT NOT NULL CHECK (status IN ('pending', 'confirmed', 'unsubscribed')),
  authenticate_on_unsubscribe  INTEGER NOT NULL DEFAULT 0 CHECK (authenticate_on_unsubscribe IN (0, 1)),
  -- SHA-256 of the token, in hexadecimal.
  token_hash                   TEXT NOT NULL UNIQUE,
  token_expires_at             INTEGER NOT NULL,
  created_at                   INTEGER NOT NULL
) STRICT;

CREATE UNIQUE INDEX subscriptions_by_endpoint ON subscriptions (topic_arn, endpoint);
CREATE INDEX subscriptions_by_expiry ON subscriptions (token_expires_at) WHERE status <> 'confirmed';
CREATE INDEX subscriptions_by_account ON subscriptions (account_id, arn);
