import { sourceWords } from '../sql/document-path.ts';
import type { StatementFacts, TextFacts } from '../sql/facts.ts';
import type { ActiveMask, Decision } from './decision.ts';
import type { Explanation } from './explanation.ts';
import { type ColumnMask, exposures, maskOf, masksOver, withGlobs } from './masks.ts';

/**
 * Everything that led to a decision, as data. `masks` are those that hold for the requester
 * (`Policy.masksFor`); columns are listed where a mask changes what the requester sees.
 */
export function explanationOf(
  facts: TextFacts,
  decision: Decision,
  masks: readonly ActiveMask[],
): Explanation {
  const columnMasks = masks.map(withGlobs);
  const actions = facts.statements.flatMap((statement) => statement.actions);
  const blocked = facts.statements.flatMap((statement) => exposures(statement, columnMasks));
  const effects = actions.map((action): string => action.effect);
  if (blocked.length > 0) effects.push('unknown');
  const reasons = facts.statements.flatMap((statement) => statement.reasons);
  return {
    effects: distinct(effects),
    commands: distinct(actions.map((action) => action.command)),
    objects: distinct(actions.flatMap((action) => (action.object ? [objectWords(action.object)] : []))),
    statements: facts.statements.length,
    conditions: distinct(facts.statements.flatMap((statement) => statement.conditions)),
    decision: decision.outcome,
    rule: decision.rule ?? null,
    matched: decision.matched.map(({ name, decision }) => ({ name, decision })),
    masks: facts.statements.flatMap((statement) => maskedOutputs(statement, columnMasks)),
    columns: facts.statements.flatMap((statement) => lineage(statement, columnMasks)),
    reasons: distinct([...reasons, ...blocked.map((exposure) => exposure.reason)]),
    message: decision.outcome === 'block' ? (decision.message ?? null) : null,
  };
}

function maskedOutputs(
  statement: StatementFacts,
  masks: readonly ColumnMask[],
): { readonly column: string; readonly mask: string }[] {
  const masked = new Map<string, string>();
  for (const output of statement.outputs ?? []) {
    for (const source of output.sources) {
      const mask = maskOf(source, masks);
      if (mask !== undefined) masked.set(sourceWords(source), mask.active.name);
    }
  }
  return [...masked].map(([column, mask]) => ({ column, mask }));
}

/** What each result column is derived from, shown with the masks that hold over it. */
function lineage(
  statement: StatementFacts,
  masks: readonly ColumnMask[],
): NonNullable<Explanation['columns']> {
  return (statement.outputs ?? []).map(({ name, sources, plain, counts }) => ({
    name,
    from: [...sources, ...(counts ?? [])].map(sourceWords),
    computed: !plain,
    masks: distinct(sources.flatMap((source) => masksOver(source, masks).map((mask) => mask.active.name))),
  }));
}

function objectWords(object: { readonly name: string; readonly via?: string }): string {
  return object.via === undefined ? object.name : `${object.name} (via ${object.via})`;
}

function distinct(words: readonly string[]): string[] {
  return [...new Set(words)];
}
