import type { ApprovalView } from '../api/approval-schemas.ts';
import type { ConnectionView, IdentityView, SessionView } from '../api/schemas.ts';
import type { ApprovalRequest } from '../approval/request.ts';
import { approvalsNeeded } from '../approval/state.ts';
import type { Role } from '../identity/roles.ts';
import type { Policy } from '../policy/decision.ts';
import type { Protocol } from '../protocols/protocol.ts';
import type { ApprovalBoard } from '../session/approval-board.ts';
import { approverWords } from '../session/approver-words.ts';
import { policyTarget } from '../session/open-desk.ts';
import { requesterOf } from '../session/requester.ts';
import type { ConnectionRow, IdentityRow, SessionRow } from '../store/store.ts';

/** What rows look like to a caller, and which of them a caller may see: the same rule for get, list and stream. */

export function hasRole(identity: Pick<IdentityRow, 'roles'>, ...roles: readonly Role[]): boolean {
  return identity.roles.some((role) => roles.includes(role));
}

/** Owners, approvers, auditors and operators see every session; anyone else its own and those run for it. */
export function seesSession(
  caller: IdentityRow,
  session: Pick<SessionRow, 'identityId' | 'endUser'>,
): boolean {
  if (hasRole(caller, 'owner', 'approver', 'auditor', 'operator')) return true;
  return session.identityId === caller.id || session.endUser?.id === caller.id;
}

/** Owners and auditors see every approval; anyone else its own and those it is asked to decide. */
export function seesApproval(board: ApprovalBoard, caller: IdentityRow, request: ApprovalRequest): boolean {
  return hasRole(caller, 'owner', 'auditor') || board.deciders.concerns(request, caller);
}

/** Neither revoked nor expired; `now` in milliseconds. */
export function isLive(identity: IdentityRow, now: number): boolean {
  return statusOf(identity, now) === 'active';
}

function statusOf(identity: IdentityRow, now: number): IdentityView['status'] {
  if (identity.revokedAt !== undefined) return 'revoked';
  return identity.expiresAt !== undefined && !(now < Date.parse(identity.expiresAt)) ? 'expired' : 'active';
}

export function identityView(row: IdentityRow, now: number): IdentityView {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    roles: [...row.roles],
    groups: [...row.groups],
    createdAt: row.createdAt,
    expiresAt: row.expiresAt ?? null,
    status: statusOf(row, now),
  };
}

/** Where a target is stays unsaid to those who may not go there, what opens it to all but owners. */
export function connectionView(
  row: ConnectionRow,
  protocol: Protocol | undefined,
  policy: Policy | undefined,
  caller: IdentityRow,
): ConnectionView {
  const mayConnect = policy?.mayConnect(requesterOf(caller), policyTarget(row)) ?? false;
  const shown = mayConnect || hasRole(caller, 'owner', 'approver', 'auditor');
  return {
    id: row.id,
    name: row.name,
    protocol: row.protocol,
    target: shown && protocol ? protocol.describe(row.settings) : row.protocol,
    url: shown && protocol ? protocol.urlOf(row.settings) : '',
    labels: { ...row.labels },
    credential: hasRole(caller, 'owner') ? credentialWords(row.secretRef) : null,
    mayConnect,
    createdAt: row.createdAt,
  };
}

/** `keychain`, `encrypted` and `exec` without their rest: an account is no news, a command may hold anything. */
function credentialWords(reference: string | undefined): string | null {
  if (reference === undefined) return null;
  const [kind = ''] = reference.split(':', 1);
  return kind === 'env' || kind === 'file' ? reference : kind;
}

export function sessionView(row: SessionRow): SessionView {
  return {
    id: row.id,
    connection: row.connection,
    identity: row.identity,
    endUser: row.endUser?.name ?? null,
    protocol: row.protocol,
    client: row.client,
    startedAt: row.startedAt,
    endedAt: row.endedAt ?? null,
    status: row.status,
    endReason: row.endReason ?? null,
    statements: row.statements,
    blocked: row.blocked,
    approved: row.approved,
    denied: row.denied,
  };
}

/** A request as this caller sees it: what it may do about it. */
export function approvalView(
  board: ApprovalBoard,
  caller: IdentityRow,
  request: ApprovalRequest,
): ApprovalView {
  const { card, terms } = request;
  const mayNotReason = board.mayNotDecide(request, caller) ?? null;
  return {
    id: request.id,
    version: request.version,
    status: request.status,
    session: request.session ?? null,
    ahead: request.ahead === undefined ? null : { pieces: [...request.ahead.pieces] },
    connection: request.connection,
    requester: card.requester,
    requesterKind: card.requesterKind,
    requesterGroups: [...card.requesterGroups],
    endUser: card.endUser ?? null,
    clientAddress: card.clientAddress,
    target: card.target,
    transaction: card.transaction,
    statement: card.statement,
    parameters: [...card.parameters],
    locks: card.locks === undefined ? null : [...card.locks],
    named: card.named === undefined ? null : [...card.named],
    effects: [...card.effects],
    estimate: card.estimate,
    reason: card.reason ?? null,
    ticket: card.ticket ?? null,
    rehearsal: card.rehearsal === undefined ? null : [...card.rehearsal],
    precedent: request.precedent ?? null,
    rule: request.rule,
    approvers: [...approverWords(terms)],
    approvalsNeeded: approvalsNeeded(request),
    decisions: request.decisions.map(({ byName, decision, reason, at }) => ({
      by: byName,
      decision,
      reason: reason ?? null,
      at,
    })),
    comments: request.comments.map(({ byName, text, at }) => ({ by: byName, text, at })),
    endReason: request.endReason ?? null,
    createdAt: request.createdAt,
    expiresAt: request.expiresAt,
    mayDecide: mayNotReason === null,
    mayNotReason,
    presence: caller.origin ? 'sign-in' : 'passphrase',
  };
}
