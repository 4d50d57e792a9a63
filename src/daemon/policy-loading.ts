import { UsageError } from '../base/errors.ts';
import { checkPolicy } from '../policy/check.ts';
import { compilePolicy } from '../policy/compile.ts';
import type { Policy } from '../policy/decision.ts';
import type { Known } from '../policy/known.ts';
import { parsePolicy, policyHash } from '../policy/parse.ts';
import type { PolicyFile, Problem } from '../policy/problem.ts';
import { compileConnections } from '../policy/selectors.ts';
import { policyTarget } from '../session/open-desk.ts';
import type { ConnectionRow, Store } from '../store/store.ts';
import { isLive } from './views.ts';

export interface CheckedPolicy {
  readonly problems: readonly Problem[];
  /** Present when the text can be read; it may still have errors among its problems. */
  readonly file: PolicyFile | undefined;
  readonly hash: string;
}

/** Reads a policy and checks it against the identities and connections there are now. */
export async function checkedPolicy(
  store: Store,
  now: number,
  text: string,
  source: string,
): Promise<CheckedPolicy> {
  const { policy: file, problems } = parsePolicy(text, source);
  const hash = policyHash(text);
  if (!file) return { problems, file, hash };
  const known: Known = {
    identities: (await store.identities.list())
      .filter((identity) => isLive(identity, now))
      .map((identity) => ({ ...identity, local: identity.origin === undefined })),
    connections: await store.connections.list(),
  };
  return { problems: [...problems, ...checkPolicy(file, known)], file, hash };
}

/** A policy given as text, to judge by without applying it. Throws UsageError `bad_policy` with its first problem. */
export function policyFromText(text: string): Policy {
  const { policy, problems } = parsePolicy(text, 'policy');
  if (policy) return compilePolicy(policy, policyHash(text));
  throw badPolicy(problems);
}

/** A policy with errors, told by the first of them. */
export function badPolicy(problems: readonly Problem[]): UsageError {
  const first = problems.find(({ severity }) => severity === 'error');
  const where = first?.line == null ? '' : `line ${first.line}, column ${first.column ?? 1}: `;
  return new UsageError('bad_policy', 'the policy has errors', {
    why: `${where}${first?.message ?? 'it cannot be read'}`,
    next: 'hoopctl policy check FILE',
  });
}

const CHANGING: ReadonlySet<string> = new Set(['write', 'ddl', 'admin']);

/** True when a rule of the policy lets or may let anybody change something on that connection. */
export function grantsChanges(text: string, connection: ConnectionRow): boolean {
  const { policy: file } = parsePolicy(text, 'policy');
  if (file?.default !== 'block') return true;
  return file.rules.some((rule) => {
    if (rule.decision === 'block') return false;
    if (rule.effects !== undefined && !rule.effects.some((effect) => CHANGING.has(effect))) return false;
    return (
      rule.connections === undefined || compileConnections(rule.connections).selects(policyTarget(connection))
    );
  });
}
