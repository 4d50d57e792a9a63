/** Whom a logout at the issuer names, how it is asked whether a person still is there, and tokens that were used up. */
export const liveness = `
ALTER TABLE sign_ins ADD COLUMN subject TEXT;
ALTER TABLE sign_ins ADD COLUMN issuer_session TEXT;
ALTER TABLE sign_ins ADD COLUMN liveness TEXT;

CREATE TABLE used_tokens (
  hash  TEXT PRIMARY KEY,
  until TEXT NOT NULL
) STRICT;
CREATE INDEX used_tokens_by_time ON used_tokens (until);
`;
