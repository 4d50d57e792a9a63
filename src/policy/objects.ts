import type { Action, ObjectRef } from '../sql/facts.ts';
import { compileGlob, type Glob } from './glob.ts';

/**
 * How well a rule covers an action. `possible`: it cannot be told, so the rule may make the decision stricter
 * but is never the ground on which something is let through.
 */
export type Coverage = 'sure' | 'possible' | 'none';

/** What two selectors of one rule cover together. */
export function weaker(a: Coverage, b: Coverage): Coverage {
  if (a === 'none' || b === 'none') return 'none';
  return a === 'possible' ? a : b;
}

export interface TableSelector {
  /** `grants` is true for an allow rule, which covers only what certainly is meant. */
  covers(action: Action, grants: boolean): Coverage;
}

interface TablePattern {
  readonly whole: Glob;
  /** The part after the schema, for names whose schema is not known. */
  readonly table: Glob;
  readonly everything: boolean;
}

/** The schema that analysis writes where it could not resolve a name. */
const UNRESOLVED = '?.';

/** Compiles the `tables` of a rule: globs over `schema.name`, letter case as PostgreSQL stores names. */
export function compileTables(patterns: readonly string[]): TableSelector {
  const compiled = patterns.map(compilePattern);
  const everything = compiled.some((pattern) => pattern.everything);

  function covers(action: Action, grants: boolean): Coverage {
    const object = action.object;
    if (object === undefined || !hasSchema(object)) return coversWithoutTable(action, grants);
    if (object.name.startsWith(UNRESOLVED)) {
      if (grants) return everything ? 'sure' : 'none';
      const table = object.name.slice(UNRESOLVED.length);
      return compiled.some((pattern) => pattern.table.matches(table)) ? 'sure' : 'none';
    }
    return compiled.some((pattern) => pattern.whole.matches(object.name)) ? 'sure' : 'none';
  }

  function coversWithoutTable(action: Action, grants: boolean): Coverage {
    // `SELECT 1`, `SET timezone`: no table is touched, so no table can stand against it.
    if (action.effect === 'read' || action.effect === 'session') return grants ? 'sure' : 'none';
    if (grants) return everything ? 'sure' : 'none';
    switch (action.object?.kind) {
      case 'role':
        return 'none';
      case 'schema': {
        const prefix = `${action.object.name}.`;
        return compiled.some((pattern) => pattern.whole.canContinue(prefix)) ? 'possible' : 'none';
      }
      default:
        // `DROP DATABASE`, `VACUUM`, a DO block: may touch any table there is.
        return 'possible';
    }
  }

  return { covers };
}

function compilePattern(pattern: string): TablePattern {
  const dot = pattern.indexOf('.');
  return {
    whole: compileGlob(pattern),
    table: compileGlob(dot < 0 ? pattern : pattern.slice(dot + 1)),
    everything: pattern === '*' || pattern === '*.*',
  };
}

/** Kinds that live in a schema and so can be meant by `schema.name`. */
function hasSchema(object: ObjectRef): boolean {
  switch (object.kind) {
    case 'schema':
    case 'role':
    case 'database':
      return false;
    case 'table':
    case 'view':
    case 'sequence':
    case 'function':
    case 'type':
      return true;
    case 'other':
      return object.name.includes('.');
    default:
      return object.kind satisfies never;
  }
}
