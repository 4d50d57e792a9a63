/** Short-lived passwords for native clients of a gateway. */
export const passwords = `
CREATE TABLE passwords (
  id            TEXT PRIMARY KEY,
  identity_id   TEXT NOT NULL REFERENCES identities (id),
  sign_in_id    TEXT,
  connection_id TEXT NOT NULL,
  secret_hash   TEXT NOT NULL UNIQUE,
  verifier      TEXT NOT NULL,
  created_at    TEXT NOT NULL,
  expires_at    TEXT NOT NULL,
  revoked_at    TEXT
) STRICT;
CREATE INDEX passwords_by_expiry ON passwords (expires_at);
`;
