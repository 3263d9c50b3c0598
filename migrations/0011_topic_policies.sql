-- Policies of topics, and whose a subscription is, since a policy may let other accounts subscribe.

-- JSON, as it was put. NULL: the topic has been given none.
ALTER TABLE topics ADD COLUMN policy TEXT;

ALTER TABLE subscriptions ADD COLUMN account_id TEXT REFERENCES accounts (id) ON DELETE CASCADE;
UPDATE subscriptions SET account_id = (SELECT account_id FROM topics WHERE arn = topic_arn);
CREATE INDEX subscriptions_by_account ON subscriptions (account_id, arn);
