import { systemClock } from '../../base/clock.ts';
import { PolicyBlocked } from '../../base/errors.ts';
import type { SessionGuard } from '../../policy/decision.ts';
import type { SessionChange, TextFacts } from '../../sql/facts.ts';

/** Settings that a guard gives a session, by the names of PostgreSQL docs 20.11.1, in milliseconds. */
const TIMEOUTS = [
  ['statement_timeout', 'statementTimeout'],
  ['lock_timeout', 'lockTimeout'],
  ['idle_in_transaction_session_timeout', 'idleInTransactionTimeout'],
] as const;

const READ_ONLY: ReadonlySet<string> = new Set(['default_transaction_read_only', 'transaction_read_only']);

/**
 * Startup parameters that make the server enforce the guard. As a session's own defaults they are what RESET,
 * RESET ALL and DISCARD ALL go back to.
 */
export function guardParameters(guard: SessionGuard | undefined): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  if (guard === undefined) return parameters;
  if (guard.readOnly) parameters.set('default_transaction_read_only', 'on');
  for (const [name, key] of TIMEOUTS) {
    const ms = guard[key];
    if (ms !== undefined) parameters.set(name, String(ms));
  }
  return parameters;
}

/** Why a text may not run in a guarded session: it would loosen what the guard has set. Tightening is let through. */
export function loosensGuard(facts: TextFacts, guard: SessionGuard | undefined): PolicyBlocked | undefined {
  if (guard === undefined) return undefined;
  for (const { changes, functions } of facts.statements) {
    for (const change of changes) {
      const setting = loosened(change, functions, guard);
      if (setting === undefined) continue;
      return new PolicyBlocked(
        'guarded_setting',
        `${setting} is set by guard "${guard.names.join('", "')}"`,
        {
          next: 'it can be made stricter, or go back to what it was with RESET',
        },
      );
    }
  }
  return undefined;
}

function loosened(
  change: SessionChange,
  functions: readonly string[],
  guard: SessionGuard,
): string | undefined {
  // set_config with a computed name may mean any setting.
  if (change.kind === 'opaque') return functions.includes('pg_catalog.set_config') ? 'a setting' : undefined;
  if (change.kind !== 'set' || change.reset) return undefined;
  const name = change.name.toLowerCase();
  if (READ_ONLY.has(name)) {
    const stays =
      change.value !== undefined && /^(?:on|t|tr|tru|true|y|ye|yes|1)$/iu.test(change.value.trim());
    return guard.readOnly && !stays ? name : undefined;
  }
  const key = TIMEOUTS.find(([setting]) => setting === name)?.[1];
  const most = key && guard[key];
  if (most === undefined) return undefined;
  const ms = timeoutOf(change.value);
  return ms !== undefined && ms > 0 && ms <= most ? undefined : name;
}

const UNITS: Readonly<Record<string, number>> = {
  us: 0.001,
  ms: 1,
  s: 1000,
  min: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** As the server reads a time: milliseconds, or a number with a unit; undefined for anything else. */
function timeoutOf(value: string | undefined): number | undefined {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(us|ms|s|min|h|d)?\s*$/u.exec(value ?? '');
  return match === null ? undefined : Math.round(Number(match[1]) * (UNITS[match[2] ?? 'ms'] ?? 1));
}

/** A session whose role expires ends with it. Answers how to cancel that. */
export function cutAtExpiry(
  guard: SessionGuard | undefined,
  session: { cut(reason: string): void },
): () => void {
  const validFor = guard?.role?.validFor;
  if (validFor === undefined) return () => {};
  return systemClock.after(validFor, () => session.cut('the role of this session has expired'));
}
