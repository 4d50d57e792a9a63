import type { Held } from './holding.ts';
import type { KubernetesSession } from './session.ts';
import type { Surroundings } from './surroundings.ts';

/** What the request would change, in words for the approver. Never throws. */
export async function preview(
  _held: Held,
  _session: KubernetesSession,
  _around: Surroundings,
): Promise<string> {
  return 'no preview';
}
