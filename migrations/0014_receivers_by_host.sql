-- By whose doing a receiver is called, and where it is: those of one account at one host are kept out of the way together.

-- NULL: not called since there is this column.
ALTER TABLE receivers ADD COLUMN account_id TEXT;
-- Host and port; of a queue its ARN.
ALTER TABLE receivers ADD COLUMN host TEXT;
CREATE INDEX receivers_in_trouble ON receivers (account_id, host, avoid_until) WHERE avoid_until IS NOT NULL;
