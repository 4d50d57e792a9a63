/** Identities of issuers, their session tokens, and the people for whom machines act. */
export const signIns = `
ALTER TABLE identities ADD COLUMN issuer TEXT;
ALTER TABLE identities ADD COLUMN subject TEXT;
CREATE UNIQUE INDEX identities_by_origin ON identities (issuer, subject) WHERE issuer IS NOT NULL;

ALTER TABLE sessions ADD COLUMN end_user TEXT;

CREATE TABLE sign_ins (
  id          TEXT PRIMARY KEY,
  identity_id TEXT NOT NULL REFERENCES identities (id),
  token_hash  TEXT NOT NULL UNIQUE,
  issuer_name TEXT NOT NULL,
  issuer_hash TEXT NOT NULL,
  roles       TEXT NOT NULL,
  groups      TEXT NOT NULL,
  end_user    TEXT,
  auth_time   TEXT,
  acr         TEXT,
  created_at  TEXT NOT NULL,
  checked_at  TEXT NOT NULL,
  expires_at  TEXT NOT NULL,
  ended_at    TEXT
) STRICT;
CREATE INDEX sign_ins_by_expiry ON sign_ins (expires_at);
`;
