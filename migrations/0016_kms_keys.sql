-- Keys of SSE-KMS: each seals the data keys of objects.
CREATE TABLE kms_keys (
  -- UUID; the key's ARN ends with it.
  id              TEXT PRIMARY KEY,
  account_id      TEXT NOT NULL REFERENCES accounts (id) ON DELETE CASCADE,
  -- Part of the ARN, so it stays if the deployment's region changes.
  region          TEXT NOT NULL,
  -- Without `alias/`; `aws/s3` is the account's default key.
  alias           TEXT NOT NULL,
  -- The key itself, sealed under SEAL_KEY and bound to the ARN.
  material_sealed TEXT NOT NULL,
  status          TEXT NOT NULL CHECK (status IN ('Enabled', 'Disabled')),
  created_at      INTEGER NOT NULL,
  UNIQUE (account_id, alias)
) STRICT, WITHOUT ROWID;
