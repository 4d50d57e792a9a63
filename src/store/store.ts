import type { ApprovalDecision, ApprovalRequest, ApprovalStatus } from '../approval/request.ts';
import type { Role } from '../identity/roles.ts';

/** The state that must outlive the process. One narrow interface; every method is atomic. Rows are plain data, times ISO 8601 UTC. */
export interface Store {
  readonly identities: IdentityRows;
  readonly connections: ConnectionRows;
  readonly policies: PolicyRows;
  readonly sessions: SessionRows;
  readonly approvals: ApprovalRows;
  readonly settings: SettingRows;
  close(): Promise<void>;
}

export interface IdentityRow {
  readonly id: string;
  readonly name: string;
  readonly kind: 'person' | 'machine';
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  /** SHA-256 (hex) of the token; the token itself is never stored. */
  readonly tokenHash: string;
  readonly createdAt: string;
  readonly expiresAt: string | undefined;
  readonly revokedAt: string | undefined;
}

export interface IdentityRows {
  /** Throws Conflict `identity_name_taken` when an unrevoked identity has that name. */
  create(row: IdentityRow): Promise<void>;
  byTokenHash(hash: string): Promise<IdentityRow | undefined>;
  /** By id or by name (an unrevoked one first). */
  find(idOrName: string): Promise<IdentityRow | undefined>;
  list(): Promise<readonly IdentityRow[]>;
  /** False when it was revoked before. */
  revoke(id: string, at: string): Promise<boolean>;
}

export interface ConnectionRow {
  readonly id: string;
  readonly name: string;
  readonly protocol: string;
  /** The protocol's own settings as JSON, without any secret. */
  readonly settings: string;
  /** `keychain:…`, `encrypted:…`, `env:NAME`, `file:PATH`, `exec:COMMAND`; undefined when the target needs none. */
  readonly secretRef: string | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface ConnectionRows {
  /** Throws Conflict `connection_name_taken`. */
  create(row: ConnectionRow): Promise<void>;
  find(idOrName: string): Promise<ConnectionRow | undefined>;
  list(): Promise<readonly ConnectionRow[]>;
  update(row: ConnectionRow): Promise<void>;
  remove(id: string): Promise<boolean>;
}

export interface PolicyRow {
  readonly version: number;
  readonly hash: string;
  readonly text: string;
  /** The file's name as the owner gave it. */
  readonly source: string;
  readonly appliedBy: string;
  readonly appliedAt: string;
}

export interface PolicyRows {
  current(): Promise<PolicyRow | undefined>;
  /** Numbers it one above the last. */
  apply(row: Omit<PolicyRow, 'version'>): Promise<PolicyRow>;
  history(): Promise<readonly PolicyRow[]>;
}

export type SessionStatus = 'open' | 'closed' | 'interrupted';

export interface SessionRow {
  readonly id: string;
  readonly connectionId: string;
  readonly connection: string;
  readonly protocol: string;
  readonly identityId: string;
  readonly identity: string;
  readonly client: string;
  readonly startedAt: string;
  readonly endedAt: string | undefined;
  readonly status: SessionStatus;
  readonly endReason: string | undefined;
  readonly statements: number;
  readonly blocked: number;
  readonly approved: number;
  readonly denied: number;
  readonly recordingSize: number | undefined;
  readonly recordingSha256: string | undefined;
}

export interface SessionFilter {
  readonly connection?: string;
  readonly identity?: string;
  readonly status?: SessionStatus;
  /** Only sessions with at least one such statement. */
  readonly decision?: 'blocked' | 'approved' | 'denied';
  /** ISO 8601 UTC, inclusive. */
  readonly since?: string;
  /** ISO 8601 UTC, inclusive. */
  readonly until?: string;
  readonly limit?: number;
}

export interface SessionRows {
  open(row: SessionRow): Promise<void>;
  /** Counters and end state; `id` picks the row. */
  update(id: string, change: Partial<Omit<SessionRow, 'id'>>): Promise<void>;
  /** By id or unambiguous id prefix of at least 6 characters; throws Conflict `ambiguous_id` with the candidates. */
  find(idOrPrefix: string): Promise<SessionRow | undefined>;
  /** Newest first. `connection` and `identity` match name or id. Throws UsageError `bad_time`. */
  list(filter: SessionFilter): Promise<readonly SessionRow[]>;
}

export interface ApprovalRows {
  /** Throws Conflict `approval_id_taken`. */
  create(request: ApprovalRequest): Promise<void>;
  find(id: string): Promise<ApprovalRequest | undefined>;
  /** Oldest first; all statuses when undefined. */
  list(status?: ApprovalStatus): Promise<readonly ApprovalRequest[]>;
  /**
   * Compare and set: changes the row only if its version is still `expectedVersion`; returns false otherwise.
   * The one place where a race between two deciders, or a decider and an ending, is settled.
   */
  transition(
    id: string,
    expectedVersion: number,
    change: {
      readonly status: ApprovalStatus;
      readonly decisions?: readonly ApprovalDecision[];
      readonly endReason?: string;
    },
  ): Promise<boolean>;
}

/** Small named values: passphrase hash, lock counters, audit head. */
export interface SettingRows {
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string): Promise<void>;
  remove(name: string): Promise<void>;
}
