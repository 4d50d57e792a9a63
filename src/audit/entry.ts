/** The kinds of audit entries; each says who, what and the ids that find the rest. */
export type AuditKind =
  | 'daemon.start'
  | 'daemon.stop'
  | 'daemon.recovered'
  | 'init'
  | 'login'
  | 'login.failed'
  | 'login.renewed'
  | 'logout'
  | 'session.start'
  | 'session.stated'
  | 'session.end'
  | 'session.kill'
  | 'statement'
  | 'approval.requested'
  | 'approval.decided'
  | 'approval.commented'
  | 'approval.refused'
  | 'approval.ended'
  | 'approval.used'
  | 'connection.added'
  | 'connection.edited'
  | 'connection.removed'
  | 'identity.created'
  | 'identity.renamed'
  | 'identity.revoked'
  | 'password.created'
  | 'password.revoked'
  | 'policy.applied'
  | 'webhook.added'
  | 'webhook.removed'
  | 'webhook.failed'
  | 'recording.removed';

/** What happened; `facts` is plain JSON without secrets. Sequence, time and chain are added by the log. */
export interface AuditEvent {
  readonly kind: AuditKind;
  /** Identity name, or `hoopctl` for the daemon itself. */
  readonly actor: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export interface AuditEntry extends AuditEvent {
  readonly seq: number;
  /** ISO 8601 UTC with milliseconds. */
  readonly time: string;
  /** SHA-256 (hex) of the entry before, 64 zeros for the first. */
  readonly prev: string;
  /** SHA-256 (hex) of this entry's canonical JSON (RFC 8785) without `hash`. */
  readonly hash: string;
}

/** The open log. `append` has written the line when it returns and throws Internal `audit_failed` when it could not. */
export interface AuditLog {
  /** An event that is frozen (`Object.freeze`) must not change at all afterwards: its text is made once. */
  append(event: AuditEvent): AuditEntry;
  /** Gives an event its place in the chain; `commit` writes it. Throws like `append`. */
  stage(event: AuditEvent): void;
  /** Writes what was staged, all of it or nothing. Throws like `append`: then nothing that was staged is in the log. */
  commit(): void;
  /** The same for all that was staged in a turn of the event loop, through the journal. Throws also when `commit` has lost some of it. */
  commitTurn(): void;
  /** Syncs, then signs the head of what was appended before the call. Resolves when both are on the disk; never rejects (a failure makes the next `append` throw). */
  checkpoint(): Promise<void>;
  /** Syncs, signs the head, closes. Idempotent. */
  close(): void;
}
