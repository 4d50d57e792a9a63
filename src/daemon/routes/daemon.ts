import { Conflict, NotFound } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { hashToken, newToken } from '../../identity/token.ts';
import type { IdentityRow } from '../../store/store.ts';
import { tailFile } from '../daemon-log.ts';
import { examine } from '../doctor.ts';
import type { Parts } from '../parts.ts';
import { connectionView, hasRole, identityView, seesApproval, seesSession } from '../views.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<Handlers, 'status' | 'init' | 'stop' | 'logs' | 'doctor' | 'complete'>;

/** Lines of the log that a reader gets before the new ones. */
const LOG_LINES = 500;
/** Completions that a shell can show. */
const MOST_COMPLETIONS = 200;

/** The daemon itself: how it is, its owner, its end. */
export function daemonRoutes(parts: Parts): Routes {
  const { audit, board, bootstrap, clock, live, policy, presence, store, targets, vault } = parts;
  let initializing = false;

  return {
    async status() {
      const row = policy.row();
      return {
        version: parts.version,
        pid: process.pid,
        startedAt: parts.startedAt,
        initialized: !bootstrap.isOpen(),
        sessions: live.size,
        pendingApprovals: board.size,
        policy: row ? { version: row.version, hash: row.hash, source: row.source } : null,
        secretBackend: (await vault.backend()).kind,
      };
    },

    async init({ body }) {
      if (initializing || !bootstrap.isOpen()) {
        throw new Conflict('already_initialized', 'this state directory has its owner already', {
          next: 'hoopctl whoami',
        });
      }
      initializing = true;
      try {
        const now = clock.now();
        const token = newToken();
        const owner: IdentityRow = {
          id: newId('id', now),
          name: 'owner',
          kind: 'person',
          roles: ['owner'],
          groups: [],
          tokenHash: hashToken(token),
          createdAt: new Date(now).toISOString(),
          expiresAt: undefined,
          revokedAt: undefined,
        };
        await presence.set(body.approverPassphrase);
        const entry = audit.append({ kind: 'init', actor: owner.name, facts: { identity: owner.id } });
        await store.identities.create(owner);
        bootstrap.close();
        return { owner: owner.name, token, auditId: String(entry.seq) };
      } finally {
        initializing = false;
      }
    },

    async stop({ caller }) {
      // The bootstrap token's holder may stop what it started; it has no name yet.
      const actor = (caller as IdentityRow | undefined)?.name ?? 'owner';
      const entry = audit.append({ kind: 'daemon.stop', actor, facts: { pid: process.pid, asked: true } });
      parts.requestStop('daemon stops');
      return { auditId: String(entry.seq) };
    },

    async logs({ query, signal }) {
      return tailFile(parts.logFile, LOG_LINES, query.follow === 'true' ? signal : undefined);
    },

    async doctor() {
      return { findings: await examine(parts) };
    },

    async complete({ caller, param }) {
      const values = await completions(param('kind'), caller);
      return { values: values.slice(0, MOST_COMPLETIONS) };
    },
  };

  async function completions(kind: string, caller: IdentityRow) {
    switch (kind) {
      case 'connections': {
        const rows = await store.connections.list();
        return rows.map((row) => {
          const { name, target } = connectionView(row, targets.find(row), policy.get(), caller);
          return { value: name, description: target };
        });
      }
      case 'sessions': {
        const rows = await store.sessions.list({ limit: MOST_COMPLETIONS });
        return rows
          .filter((row) => seesSession(caller, row))
          .map(({ id, connection, identity, status }) => ({
            value: id,
            description: `${identity} on ${connection}, ${status}`,
          }));
      }
      case 'approvals': {
        const requests = await store.approvals.list('pending');
        return requests
          .filter((request) => seesApproval(board, caller, request))
          .map(({ id, card, connection }) => ({
            value: id,
            description: `${card.requester} on ${connection}`,
          }));
      }
      case 'identities': {
        if (!hasRole(caller, 'owner', 'auditor')) return [];
        const rows = (await store.identities.list()).map((row) => identityView(row, clock.now()));
        return rows.map(({ name, roles }) => ({ value: name, description: roles.join(', ') }));
      }
      default:
        throw new NotFound('no_such_kind', `there are no completions for "${kind}"`, {
          next: 'connections, sessions, approvals or identities',
        });
    }
  }
}
