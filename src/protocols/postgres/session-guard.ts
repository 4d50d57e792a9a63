import { isDeepStrictEqual } from 'node:util';
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
 * Startup parameters that make the server enforce the guard, where the client asked for `given`: a stricter wish of its
 * own stays. As a session's own defaults they are what RESET, RESET ALL and DISCARD ALL go back to.
 */
export function guardParameters(
  guard: SessionGuard | undefined,
  given: ReadonlyMap<string, string>,
): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  if (guard === undefined) return parameters;
  if (guard.readOnly) parameters.set('default_transaction_read_only', 'on');
  for (const [name, key] of TIMEOUTS) {
    const ms = guard[key];
    if (ms !== undefined && !isWithin(given.get(name), ms)) parameters.set(name, String(ms));
  }
  return parameters;
}

/** What a guard does about a text that would loosen it. Tightening is let through as it is. */
export type Loosening =
  | { readonly kind: 'refused'; readonly why: PolicyBlocked }
  /** `text` goes to the server instead: the setting at its ceiling. `words` are for the client. */
  | { readonly kind: 'clamped'; readonly text: string; readonly words: string };

/**
 * Whether a text would loosen what the guard has set. A SET by itself, as pg_dump and drivers send it without meaning
 * anything by it, is taken back to the guard's own value; whatever does more is refused.
 */
export function loosensGuard(facts: TextFacts, guard: SessionGuard | undefined): Loosening | undefined {
  if (guard === undefined) return undefined;
  for (const { changes, functions } of facts.statements) {
    for (const change of changes) {
      const setting = loosened(change, functions, guard);
      if (setting === undefined) continue;
      const names = guard.names.join('", "');
      const text = ceiling(facts, guard);
      if (text !== undefined) return { kind: 'clamped', text, words: `guard "${names}" holds: ${text}` };
      const why = new PolicyBlocked('guarded_setting', `${setting} is set by guard "${names}"`, {
        next: 'it can be made stricter, or go back to what it was with RESET',
      });
      return { kind: 'refused', why };
    }
  }
  return undefined;
}

/** The SET that comes closest to a text of one SET; undefined where the text is more than that, or cannot be told. */
function ceiling({ statements }: TextFacts, guard: SessionGuard): string | undefined {
  const [only, ...more] = statements;
  const [change, ...changes] = only?.changes ?? [];
  if (only?.tag !== 'SET' || more.length > 0 || change?.kind !== 'set') return undefined;
  if (only.actions.some(({ command }) => command === 'SET SESSION CHARACTERISTICS')) {
    const alone = [change, ...changes].every((one) => one.kind === 'set' && READ_ONLY.has(one.name));
    return alone ? 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY' : undefined;
  }
  if (changes.length > 0) return undefined;
  const scope = change.local ? 'SET LOCAL' : 'SET';
  const name = change.name.toLowerCase();
  if (name === 'default_transaction_read_only') return `${scope} ${name} = on`;
  const key = TIMEOUTS.find(([setting]) => setting === name)?.[1];
  const most = key && guard[key];
  // What the server would not take for a time is not answered as if it had.
  return most === undefined || timeoutOf(change.value) === undefined
    ? undefined
    : `${scope} ${name} = ${most}`;
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
  return most === undefined || isWithin(change.value, most) ? undefined : name;
}

/** A time that ends, and no later than `most`. */
function isWithin(value: string | undefined, most: number): boolean {
  const ms = timeoutOf(value);
  return ms !== undefined && ms > 0 && ms <= most;
}

/**
 * Why a session that began under `then` may not go on under `now`: its server enforces less than the policy asks for by
 * now. A guard that was loosened meanwhile stays as it was.
 */
export function outgrown(then: SessionGuard | undefined, now: SessionGuard | undefined): string | undefined {
  if (now === undefined) return undefined;
  const stricter =
    (now.readOnly && then?.readOnly !== true) ||
    TIMEOUTS.some(([, key]) => (now[key] ?? Infinity) < (then?.[key] ?? Infinity)) ||
    (now.role !== undefined && !isDeepStrictEqual(now.role, then?.role));
  if (!stricter) return undefined;
  return `guard "${now.names.join('", "')}" came or became stricter after this session began: connect again`;
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
