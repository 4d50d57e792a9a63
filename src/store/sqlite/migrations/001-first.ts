/** Identities, connections, policies, sessions, approvals, settings. */
export const first = `
CREATE TABLE identities (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL,
  kind       TEXT NOT NULL CHECK (kind IN ('person', 'machine')),
  roles      TEXT NOT NULL,
  groups     TEXT NOT NULL,
  token_hash TEXT NOT NULL UNIQUE,
  created_at TEXT NOT NULL,
  expires_at TEXT,
  revoked_at TEXT
) STRICT;
CREATE UNIQUE INDEX identities_by_live_name ON identities (name) WHERE revoked_at IS NULL;

CREATE TABLE connections (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  protocol   TEXT NOT NULL,
  settings   TEXT NOT NULL,
  secret_ref TEXT,
  labels     TEXT NOT NULL,
  created_at TEXT NOT NULL,
  updated_at TEXT NOT NULL
) STRICT;

CREATE TABLE policies (
  version    INTEGER PRIMARY KEY,
  hash       TEXT NOT NULL,
  text       TEXT NOT NULL,
  source     TEXT NOT NULL,
  applied_by TEXT NOT NULL,
  applied_at TEXT NOT NULL
) STRICT;

-- No foreign keys to connections and identities: a session outlives both.
CREATE TABLE sessions (
  id               TEXT PRIMARY KEY,
  connection_id    TEXT NOT NULL,
  connection       TEXT NOT NULL,
  protocol         TEXT NOT NULL,
  identity_id      TEXT NOT NULL,
  identity         TEXT NOT NULL,
  client           TEXT NOT NULL,
  started_at       TEXT NOT NULL,
  ended_at         TEXT,
  status           TEXT NOT NULL CHECK (status IN ('open', 'closed', 'interrupted')),
  end_reason       TEXT,
  statements       INTEGER NOT NULL,
  blocked          INTEGER NOT NULL,
  approved         INTEGER NOT NULL,
  denied           INTEGER NOT NULL,
  recording_size   INTEGER,
  recording_sha256 TEXT
) STRICT;
CREATE INDEX sessions_by_start ON sessions (started_at);
CREATE INDEX sessions_open ON sessions (status) WHERE status = 'open';

-- What a decision changes stands in columns, the rest of the request in one.
CREATE TABLE approvals (
  id         TEXT PRIMARY KEY,
  request    TEXT NOT NULL,
  created_at TEXT NOT NULL,
  status     TEXT NOT NULL CHECK (status IN ('pending', 'approved', 'denied', 'expired', 'withdrawn', 'used')),
  decisions  TEXT NOT NULL,
  end_reason TEXT,
  version    INTEGER NOT NULL
) STRICT;
CREATE INDEX approvals_live ON approvals (status) WHERE status IN ('pending', 'approved');

CREATE TABLE settings (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) STRICT;
`;
