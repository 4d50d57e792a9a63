import { policyTarget } from '../session/open-desk.ts';
import type { Parts } from './parts.ts';

/**
 * At the daemon's start: what sessions of a daemon that crashed have left on the targets goes away. A target that
 * cannot be reached is swept when a session opens there next. Never rejects.
 */
export async function sweepTargets(
  parts: Pick<Parts, 'store' | 'policy' | 'targets' | 'log'>,
): Promise<void> {
  const { store, policy, targets, log } = parts;
  const applied = policy.get();
  if (applied === undefined) return;
  for (const connection of await store.connections.list()) {
    if (!applied.makesRoles(policyTarget(connection))) continue;
    try {
      const found = await targets.with(connection, async (target) => await target.sweep?.());
      const { swept = [], left = [] } = found ?? {};
      if (swept.length > 0) log.info('target.swept', { connection: connection.name, roles: swept });
      if (left.length > 0) log.warn('target.sweep_failed', { connection: connection.name, roles: left });
    } catch (error) {
      log.warn('target.sweep_failed', { connection: connection.name, error });
    }
  }
}
