-- The key that signs callbacks, and its certificate. One row for each SEAL_KEY the deployment has had: under another one
-- the private key cannot be unsealed, while certificates of earlier ones stay readable for what was signed with them.

CREATE TABLE signing_keys (
  -- Derived from SEAL_KEY.
  id           TEXT PRIMARY KEY,
  -- SHA-256 of the certificate's DER, hexadecimal: its name in URLs.
  fingerprint  TEXT NOT NULL UNIQUE,
  -- X.509, PEM.
  certificate  TEXT NOT NULL,
  -- PKCS #8, base64, sealed and bound to the fingerprint.
  private_key  TEXT NOT NULL,
  created_at   INTEGER NOT NULL
) STRICT;
