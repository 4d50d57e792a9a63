/** Who is told of approvals over HTTP, and what has not reached them yet. */
export const webhooks = `
CREATE TABLE webhooks (
  id         TEXT PRIMARY KEY,
  name       TEXT NOT NULL UNIQUE,
  format     TEXT NOT NULL CHECK (format IN ('json', 'slack')),
  host       TEXT NOT NULL,
  secret_ref TEXT NOT NULL,
  created_at TEXT NOT NULL
) STRICT;

CREATE TABLE webhook_deliveries (
  id         TEXT PRIMARY KEY,
  webhook_id TEXT NOT NULL REFERENCES webhooks (id) ON DELETE CASCADE,
  event      TEXT NOT NULL,
  body       TEXT NOT NULL,
  attempts   INTEGER NOT NULL,
  next_at    TEXT NOT NULL
) STRICT;
CREATE INDEX webhook_deliveries_by_time ON webhook_deliveries (next_at);
`;
