import { settingConditions } from './builtins/settings.ts';
import type { Catalog } from './catalog.ts';
import type { Context } from './context.ts';
import type { SessionChange } from './facts.ts';
import { effectivePath, type TextState } from './text-state.ts';

/** Notes that a setting changes; `value` undefined means computed, reset or default. */
export function changeSetting(
  ctx: Context,
  name: string,
  value: string | undefined,
  local: boolean,
  reset = false,
): void {
  const lower = name.toLowerCase();
  ctx.out.condition(...settingConditions(lower, value, reset));
  if (lower === 'role' || lower === 'session_authorization') ctx.out.changes.push({ kind: 'role' });
  ctx.out.changes.push({ kind: 'set', name: lower, value, local, ...(reset ? { reset: true } : {}) });
}

/** Carries what a statement changed over to the state in which the next one is judged. */
export function applyChanges(state: TextState, changes: readonly SessionChange[], catalog: Catalog): void {
  for (const change of changes) applyChange(state, change, catalog);
}

function applyChange(state: TextState, change: SessionChange, catalog: Catalog): void {
  switch (change.kind) {
    case 'set':
      if (change.name === 'lock_timeout') state.lockTimeout = isPositive(change.value);
      if (change.name !== 'search_path') return;
      state.searchPath =
        change.value === undefined
          ? undefined
          : effectivePath(parseIdentifierList(change.value), state, catalog);
      state.pathIsTransactional = true;
      state.pathIsLocal = change.local;
      return;
    case 'reset-all':
    case 'role':
      // A role may bring settings of its own.
      state.lockTimeout = false;
      state.searchPath = undefined;
      return;
    case 'discard':
      if (change.what === 'all') {
        state.searchPath = undefined;
        state.lockTimeout = false;
        state.deallocateAll();
        state.closeAll();
      }
      return;
    case 'prepare':
      return state.setPrepared(change.name, change.statement);
    case 'deallocate':
      return change.name === undefined ? state.deallocateAll() : state.setPrepared(change.name, undefined);
    case 'declare-cursor':
      return state.setCursor(change.name, change.statement);
    case 'open-cursor':
      return state.opened(change.statement);
    case 'close-cursor':
      return change.name === undefined ? state.closeAll() : state.setCursor(change.name, undefined);
    case 'transaction':
      return endTransaction(state, change.operation);
    case 'opaque':
      state.lockTimeout = false;
      state.searchPath = undefined;
      state.catalogUncertain = true;
      return;
    case 'catalog':
    // What an owner wrote is taken to leave alone what the same text means.
    case 'unread':
      return;
    default:
      change satisfies never;
  }
}

/** A commit takes SET LOCAL back, a rollback every SET since its beginning; to what, is not known here. */
function endTransaction(state: TextState, operation: string): void {
  // What it was before the transaction is not known here.
  if (operation !== 'begin' && operation !== 'savepoint' && operation !== 'release')
    state.lockTimeout = false;
  if (operation === 'commit' || operation === 'prepare') {
    // ON COMMIT DROP takes temporary tables away.
    if (state.pathIsLocal) state.searchPath = undefined;
    state.forgetTemporary();
    state.pathIsTransactional = state.pathIsLocal;
  } else if (operation === 'rollback' || operation === 'rollback-to') {
    // What the text itself has made, changed or dropped may be as it was.
    if (state.pathIsTransactional) state.searchPath = undefined;
    if (state.pathIsTransactional || state.catalogUncertain) state.undone = true;
    else state.forgetChanges();
  }
}

/** A list of identifiers as SET takes it from one string: unquoted parts fold to lower case, `""` is a quote. */
export function parseIdentifierList(text: string): string[] {
  const names: string[] = [];
  for (const match of text.matchAll(/\s*(?:"((?:[^"]|"")*)"|([^",\s]+))\s*(?:,|$)/gu)) {
    const name = match[1]?.replaceAll('""', '"') ?? match[2]?.toLowerCase() ?? '';
    if (name !== '') names.push(name);
  }
  return names;
}

/** A number above zero, with or without a unit: `500`, `2s`, `1 min`. */
const isPositive = (value: string | undefined) => value !== undefined && Number.parseFloat(value) > 0;
