import type {
  ApprovalComment,
  ApprovalDecision,
  ApprovalRequest,
  ApprovalStatus,
} from '../approval/request.ts';
import type { Role } from '../identity/roles.ts';

/** The state that must outlive the process. One narrow interface; every method is atomic. Rows are plain data, times ISO 8601 UTC. */
export interface Store {
  readonly identities: IdentityRows;
  readonly signIns: SignInRows;
  readonly usedTokens: UsedTokenRows;
  readonly passwords: PasswordRows;
  readonly connections: ConnectionRows;
  readonly policies: PolicyRows;
  readonly sessions: SessionRows;
  readonly approvals: ApprovalRows;
  readonly settings: SettingRows;
  readonly webhooks: WebhookRows;
  close(): Promise<void>;
}

export interface IdentityRow {
  readonly id: string;
  readonly name: string;
  readonly kind: 'person' | 'machine';
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  /** SHA-256 (hex) of the token; the token itself is never stored. An identity of an issuer has none of its own. */
  readonly tokenHash: string;
  readonly createdAt: string;
  readonly expiresAt: string | undefined;
  readonly revokedAt: string | undefined;
  /** Where an identity comes from that signs in elsewhere; undefined for one that was created here. */
  readonly origin?: IdentityOrigin | undefined;
  /** How it signed in, when it did so through an issuer. Comes with a call, is not stored with the identity. */
  readonly signIn?: SignInRow | undefined;
}

/** What makes an identity of an issuer the same one each time. */
export interface IdentityOrigin {
  /** The issuer's URL, exactly as its tokens spell it. */
  readonly issuer: string;
  readonly subject: string;
}

/** The person for whom a machine acts. */
export interface EndUser {
  /** Stable: that of the identity where the person has signed in too. */
  readonly id: string;
  readonly name: string;
  readonly groups: readonly string[];
  /** `token`: the issuer says so (RFC 8693 `act`); `asserted`: the machine says so, and its claim rule lets it. */
  readonly vouchedBy: 'token' | 'asserted';
}

/** A session token of an identity that signed in through an issuer, with what the issuer last said of it. */
export interface SignInRow {
  readonly id: string;
  readonly identityId: string;
  /** SHA-256 (hex) of the session token. */
  readonly tokenHash: string;
  /** The issuer's name in the policy. */
  readonly issuerName: string;
  /** SHA-256 (hex) of the issuer's part of the policy: when that changes, what was read by it no longer counts. */
  readonly issuerHash: string;
  readonly roles: readonly Role[];
  readonly groups: readonly string[];
  readonly endUser: EndUser | undefined;
  /** When the person last showed itself to the issuer (`auth_time`). */
  readonly authTime: string | undefined;
  readonly acr: string | undefined;
  /** The person to the issuer itself (`sub`), and its session there (`sid`): what a logout there names. */
  readonly subject?: string | undefined;
  readonly issuerSession?: string | undefined;
  /** The access token by which the issuer is asked whether the person still is there, sealed; undefined: it is not asked. */
  readonly liveness?: string | undefined;
  readonly createdAt: string;
  /** When the issuer last vouched for roles and groups. */
  readonly checkedAt: string;
  readonly expiresAt: string;
  readonly endedAt: string | undefined;
}

/** What a fresh token of the issuer changes. */
export type SignInCheck = Pick<
  SignInRow,
  | 'issuerHash'
  | 'roles'
  | 'groups'
  | 'endUser'
  | 'authTime'
  | 'acr'
  | 'subject'
  | 'issuerSession'
  | 'liveness'
  | 'checkedAt'
  | 'expiresAt'
>;

export interface SignInRows {
  create(row: SignInRow): Promise<void>;
  byTokenHash(hash: string): Promise<SignInRow | undefined>;
  find(id: string): Promise<SignInRow | undefined>;
  /** Those of an issuer (its name) that have not ended and do not expire before `now`. */
  live(issuerName: string, now: string): Promise<readonly SignInRow[]>;
  /** False when it has ended. */
  check(id: string, checked: SignInCheck): Promise<boolean>;
  /** False when it had ended before. */
  end(id: string, at: string): Promise<boolean>;
  /** Forgets those that expired or ended before that time; answers how many. */
  forget(before: string): Promise<number>;
}

/** Tokens of issuers that have been exchanged and count no more. */
export interface UsedTokenRows {
  /** False when it was taken before. `until`: when the token expires; what expired before `now` is forgotten. */
  take(hash: string, until: string, now: string): Promise<boolean>;
}

export interface IdentityRows {
  /** Throws Conflict `identity_name_taken` when an unrevoked identity has that name. */
  create(row: IdentityRow): Promise<void>;
  byTokenHash(hash: string): Promise<IdentityRow | undefined>;
  /** By id or by name (an unrevoked one first). */
  find(idOrName: string): Promise<IdentityRow | undefined>;
  list(): Promise<readonly IdentityRow[]>;
  /** The one of that origin, revoked or not. */
  byOrigin(origin: IdentityOrigin): Promise<IdentityRow | undefined>;
  /** Brings up to date what the issuer says. Throws Conflict `identity_name_taken`. */
  update(id: string, change: Pick<IdentityRow, 'name' | 'kind' | 'roles' | 'groups'>): Promise<void>;
  /** False when it was revoked before. */
  revoke(id: string, at: string): Promise<boolean>;
}

/** A short-lived password of one identity for one connection, for clients that come to a gateway without hoopctl. */
export interface PasswordRow {
  readonly id: string;
  readonly identityId: string;
  /** The sign-in it was made in, which it does not outlive. */
  readonly signInId: string | undefined;
  readonly connectionId: string;
  /** SHA-256 (hex) of the password; the password itself is never stored. */
  readonly secretHash: string;
  /** What a client proves it against, in the protocol's own form. */
  readonly verifier: string;
  readonly createdAt: string;
  readonly expiresAt: string;
  readonly revokedAt: string | undefined;
}

export interface PasswordRows {
  create(row: PasswordRow): Promise<void>;
  find(id: string): Promise<PasswordRow | undefined>;
  bySecretHash(hash: string): Promise<PasswordRow | undefined>;
  /** Oldest first; of every identity when undefined. */
  list(identityId?: string): Promise<readonly PasswordRow[]>;
  /** False when it was revoked before. */
  revoke(id: string, at: string): Promise<boolean>;
  /** Forgets those that expired before that time; answers how many. */
  forget(before: string): Promise<number>;
}

export interface ConnectionRow {
  readonly id: string;
  readonly name: string;
  readonly protocol: string;
  /** The protocol's own settings as JSON, without any secret. */
  readonly settings: string;
  /** `keychain:…`, `encrypted:…`, `env:NAME`, `file:PATH`, `exec:COMMAND`; undefined when the target needs none. */
  readonly secretRef: string | undefined;
  /** What unlocks the secret, in the same forms; undefined for one that is not locked. */
  readonly passphraseRef?: string | undefined;
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
  /** The person for whom a machine acts. */
  readonly endUser?: EndUser | undefined;
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
  /** What somebody has voted for and nobody denied of a requester's on a connection: newest first, some of the last. */
  votedFor(of: Pick<ApprovalRequest, 'requesterId' | 'connectionId'>): Promise<readonly ApprovalRequest[]>;
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
      readonly comments?: readonly ApprovalComment[];
      readonly expiresAt?: string;
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

export const WEBHOOK_FORMATS = ['json', 'slack'] as const;

/** Who is told of approvals over HTTP. */
export interface WebhookRow {
  readonly id: string;
  readonly name: string;
  readonly format: (typeof WEBHOOK_FORMATS)[number];
  /** Of its URL, to be shown; the URL itself can be a secret. */
  readonly host: string;
  /** Where its URL and signing key are kept, as JSON. */
  readonly secretRef: string;
  readonly createdAt: string;
}

/** A message that has not reached its webhook yet. */
export interface WebhookDeliveryRow {
  readonly id: string;
  readonly webhookId: string;
  readonly event: string;
  /** The approval it tells of. */
  readonly about: string;
  readonly body: string;
  /** How often it was tried. */
  readonly attempts: number;
  readonly nextAt: string;
}

export interface WebhookRows {
  /** Throws Conflict `webhook_name_taken`. */
  create(row: WebhookRow): Promise<void>;
  find(nameOrId: string): Promise<WebhookRow | undefined>;
  list(): Promise<readonly WebhookRow[]>;
  /** What waited for it goes with it. */
  remove(id: string): Promise<boolean>;
  /** False when with it more than `most` would wait for this webhook. */
  enqueue(
    delivery: WebhookDeliveryRow,
    most: { readonly messages: number; readonly bytes: number },
  ): Promise<boolean>;
  /** The first of each approval; those that are due first come first, also when none is due yet. */
  waiting(webhookId: string, limit: number): Promise<readonly WebhookDeliveryRow[]>;
  postpone(id: string, attempts: number, nextAt: string): Promise<void>;
  delivered(id: string): Promise<void>;
}
