import { textParameters } from './codec/frontend-messages.ts';
import type { Exchange } from './exchange.ts';
import type { HeldStatement } from './gate.ts';
import { type Rehearsal, rehearse } from './rehearsal.ts';
import type { TargetConnection } from './target-side.ts';
import { simpleQuery } from './target-side-query.ts';

/** Rehearses a held statement on connections of its own, so that nobody else waits for it. Never throws. */
export async function rehearseHeld(
  held: HeldStatement,
  { desk, judge, masking, state }: Exchange,
  dial: () => Promise<TargetConnection>,
): Promise<readonly string[]> {
  return rehearseOnOwn(desk.guard()?.role !== undefined, dial, {
    text: held.text,
    parameters: held.bind === undefined ? [] : textParameters(held.bind),
    facts: held.judgement.facts,
    catalog: judge.catalog,
    searchPath: state.searchPath,
    inTransaction: state.transaction !== 'idle',
    user: state.user,
    masking: masking(),
  });
}

/** Rehearses on two connections that are made for it; not where the session has a role of its own. Never throws. */
export async function rehearseOnOwn(
  ownRole: boolean,
  dial: () => Promise<TargetConnection>,
  rehearsal: Rehearsal,
): Promise<readonly string[]> {
  if (ownRole) return ['not rehearsed: the session has a role of its own'];
  const open: TargetConnection[] = [];
  const connect = async () => {
    const connection = await dial();
    open.push(connection);
    return (sql: string) => simpleQuery(connection, sql);
  };
  try {
    return await rehearse(await connect(), await connect(), rehearsal);
  } catch {
    return ['not rehearsed: the target could not be reached for it'];
  } finally {
    for (const { socket } of open) socket.destroy();
  }
}
