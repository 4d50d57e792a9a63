import { type OpenDeskDeps, openDesk } from '../session/open-desk.ts';
import type { Admission } from './admission.ts';
import type { DaemonLog } from './daemon-log.ts';
import type { Parts } from './parts.ts';
import type { Traces } from './traces/traces.ts';

/** Opens the books of sessions, tells the log and traces them. */
export function sessionOpener(
  desks: OpenDeskDeps,
  admission: Admission,
  log: DaemonLog,
  traces: Traces | undefined,
): Parts['openDesk'] {
  return async ({ ahead, connection, identity, protocol, stated, trace }, client) => {
    admission.require();
    const target = protocol.describe(connection.settings);
    const traced = { connection: connection.name, protocol: protocol.name, kind: identity.kind };
    const span = traces?.session(traced, trace);
    try {
      const desk = await openDesk(desks, { ahead, identity, connection, target, client, stated, span });
      const facts = { session: desk.id, connection: connection.name, identity: identity.name };
      log.info('session.opened', facts);
      void desk.closed.then(() => {
        const { approved, blocked, denied, endReason, statements } = desk.row();
        log.info('session.closed', { ...facts, reason: endReason });
        span?.end({
          'hoopctl.session': desk.id,
          'hoopctl.statements': statements,
          'hoopctl.blocked': blocked,
          'hoopctl.approved': approved,
          'hoopctl.denied': denied,
        });
      });
      return desk;
    } catch (error) {
      span?.end({}, true);
      throw error;
    }
  };
}
