import { Conflict, NotFound, NotPermitted } from '../../base/errors.ts';
import { recordingPath } from '../../recording/layout.ts';
import { readRecording, searchText } from '../../recording/reader.ts';
import type { IdentityRow, SessionFilter, SessionRow } from '../../store/store.ts';
import type { Parts } from '../parts.ts';
import { hasRole, seesSession, sessionView } from '../views.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<Handlers, 'sessionList' | 'sessionShow' | 'sessionKill' | 'sessionReplay'>;

/** Sessions that are and were: looking, ending, replaying. */
export function sessionRoutes(parts: Parts): Routes {
  const { audit, directory, journal, live, store, targets } = parts;

  /** What the caller may not see does not exist for it. */
  async function visible(caller: IdentityRow, id: string): Promise<SessionRow> {
    const row = await store.sessions.find(id);
    if (row && seesSession(caller, row)) return live.find(row.id)?.row() ?? row;
    throw new NotFound('no_such_session', `there is no session ${id}`, { next: 'hoopctl session list' });
  }

  async function holdsText(session: string, text: string): Promise<boolean> {
    try {
      return await searchText(recordingPath(directory.recordings, session), text);
    } catch (error) {
      // A recording that is gone or damaged holds nothing to be found; `audit verify` tells.
      parts.log.warn('session.search_failed', { session, error });
      return false;
    }
  }

  return {
    async sessionList({ caller, query }) {
      await live.saveCounters();
      const { text, limit, ...rest } = query;
      const all = hasRole(caller, 'owner', 'approver', 'auditor', 'operator');
      const wanted = withoutUndefined({ ...rest, ...(text === undefined ? { limit } : {}) });
      // A name may have belonged to somebody else before, so ids are compared as well.
      const filter = all ? wanted : { ...wanted, identity: rest.identity ?? caller.name };
      const rows = (await store.sessions.list(filter)).filter((row) => seesSession(caller, row));
      if (text === undefined) return { sessions: rows.map(sessionView) };
      journal.settle();
      const found: SessionRow[] = [];
      for (const row of rows) {
        if (found.length >= limit) break;
        if (await holdsText(row.id, text)) found.push(row);
      }
      return { sessions: found.map(sessionView) };
    },

    async sessionShow({ caller, param }) {
      return sessionView(await visible(caller, param('id')));
    },

    async sessionKill({ caller, param }) {
      const row = await visible(caller, param('id'));
      if (row.identityId !== caller.id && !hasRole(caller, 'owner', 'approver', 'operator')) {
        throw new NotPermitted('role_missing', `${caller.name} may not end the sessions of others`, {
          why: 'it needs the role owner, approver or operator',
        });
      }
      const session = live.find(row.id);
      if (!session) throw new Conflict('session_over', `session ${row.id} is ${row.status} already`);
      const entry = audit.append({
        kind: 'session.kill',
        actor: caller.name,
        facts: { session: row.id, connection: row.connection, identity: row.identity },
      });
      session.cut(`the session was ended by ${caller.name}`);
      return { auditId: String(entry.seq) };
    },

    async sessionReplay({ caller, param }) {
      const row = await visible(caller, param('id'));
      if (row.identityId !== caller.id && !hasRole(caller, 'owner', 'approver', 'auditor')) {
        throw new NotPermitted('role_missing', `${caller.name} may not replay the sessions of others`, {
          why: 'it needs the role owner, approver or auditor',
        });
      }
      journal.settle();
      const frames = readRecording(recordingPath(directory.recordings, row.id));
      return targets.protocolOf(row).replay(frames);
    },
  };
}

function withoutUndefined(
  filter: { readonly [K in keyof SessionFilter]?: SessionFilter[K] | undefined },
): SessionFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}
