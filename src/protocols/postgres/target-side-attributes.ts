import type { Clock } from '../../base/clock.ts';
import type { PostgresSettings } from './connection.ts';
import type { TargetConnection } from './target-side.ts';
import { simpleQuery } from './target-side-query.ts';

type Attributes = PostgresSettings['targetSessionAttrs'];
type Wanted = Exclude<Attributes, 'prefer-standby'>;

/** What to look for on each walk through the hosts: prefer-standby takes anything on the second. */
export function passesOf(attributes: Attributes): readonly Wanted[] {
  return attributes === 'prefer-standby' ? ['standby', 'any'] : [attributes];
}

/** Whether a session is of the wanted kind (docs 34.1.2, target_session_attrs). */
export async function fitsAttributes(
  connection: TargetConnection,
  wanted: Wanted,
  clock: Clock,
): Promise<boolean> {
  switch (wanted) {
    case 'any':
      return true;
    case 'standby':
      return isStandby(connection, clock);
    case 'primary':
      return !(await isStandby(connection, clock));
    case 'read-only':
      return isReadOnly(connection, clock);
    case 'read-write':
      return !(await isReadOnly(connection, clock));
    default: {
      const never: never = wanted;
      return never;
    }
  }
}

/** Reported since PostgreSQL 14; asked before. */
async function isStandby(connection: TargetConnection, clock: Clock): Promise<boolean> {
  const reported = connection.serverParameters.get('in_hot_standby');
  if (reported !== undefined) return reported === 'on';
  const rows = await simpleQuery(connection, 'SELECT pg_catalog.pg_is_in_recovery()', { clock });
  return rows[0]?.[0] === 't';
}

async function isReadOnly(connection: TargetConnection, clock: Clock): Promise<boolean> {
  const reported = connection.serverParameters.get('default_transaction_read_only');
  if (reported !== undefined && connection.serverParameters.has('in_hot_standby')) {
    return reported === 'on' || (await isStandby(connection, clock));
  }
  const rows = await simpleQuery(connection, 'SHOW transaction_read_only', { clock });
  return rows[0]?.[0] === 'on';
}
