import type { Client } from '../../api/client.ts';
import type { SessionView } from '../../api/schemas.ts';
import { acting } from '../acting.ts';
import type { Io } from '../io.ts';
import { listing } from '../listing.ts';
import { printDocument, tell } from '../output.ts';
import { timeOption } from '../time-option.ts';
import { shownTime } from '../times.ts';

export interface ListOptions {
  readonly json: boolean;
  readonly connection: string | undefined;
  readonly identity: string | undefined;
  readonly decision: 'blocked' | 'approved' | 'denied' | undefined;
  readonly status: SessionView['status'] | undefined;
  readonly text: string | undefined;
  readonly since: string | undefined;
  readonly until: string | undefined;
  readonly limit: number | undefined;
}

export async function run(options: ListOptions, io: Io, client: Client): Promise<void> {
  const { json, since, until, ...filters } = options;
  const query = {
    ...filters,
    since: timeOption('--since', since, io.now()),
    until: timeOption('--until', until, io.now()),
  };
  const { sessions } = await client.call('sessionList', { query });
  if (json) return printDocument(io, { sessions });
  if (sessions.length === 0) return tell(io, 'no session matches');
  const rows = sessions.map((session) => [
    session.id,
    session.status,
    acting(session.identity, session.endUser),
    session.connection,
    shownTime(session.startedAt, io.out, io.now()),
    String(session.statements),
    outcomes(session),
  ]);
  const head = ['id', 'status', 'who', 'where', 'started', 'statements', 'of them'];
  io.out.write(listing(io.out, head, rows));
}

function outcomes({ blocked, approved, denied }: SessionView): string {
  const parts = [
    [blocked, 'blocked'],
    [approved, 'approved'],
    [denied, 'denied'],
  ].flatMap(([count, word]) => (count === 0 ? [] : [`${count} ${word}`]));
  return parts.length === 0 ? '-' : parts.join(', ');
}
