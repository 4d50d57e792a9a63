import { compilePolicy } from '../../../src/policy/compile.ts';
import type { Policy, PolicyTarget, Requester } from '../../../src/policy/decision.ts';
import { parsePolicy } from '../../../src/policy/parse.ts';
import type { PolicyFile } from '../../../src/policy/problem.ts';
import type { Action, Effect, ObjectRef, StatementFacts, TextFacts } from '../../../src/sql/facts.ts';

/** Builders of facts, so that a test names only what it is about. */

export function action(
  effect: Effect,
  command: string,
  name?: string,
  kind: ObjectRef['kind'] = 'table',
): Action {
  return name === undefined ? { effect, command } : { effect, command, object: { kind, name } };
}

export function statement(facts: Partial<StatementFacts> & Pick<StatementFacts, 'actions'>): StatementFacts {
  return {
    start: 0,
    end: 1,
    tag: facts.actions[0]?.command.split(' ')[0] ?? '',
    conditions: [],
    functions: [],
    columnUses: [],
    changes: [],
    reasons: [],
    explainable: false,
    dependsOnSession: false,
    ...facts,
  };
}

export function text(...statements: readonly StatementFacts[]): TextFacts {
  return { statements };
}

/** A text of one statement that does these things. */
export function doing(...actions: readonly Action[]): TextFacts {
  return text(statement({ actions }));
}

export const DEVIN: Requester = { id: 'id-1', name: 'devin', groups: ['agents'] };
export const ANA: Requester = { id: 'id-2', name: 'ana@example.com', groups: [] };
export const BOB: Requester = { id: 'id-3', name: 'bob', groups: ['dba'] };
export const PROD: PolicyTarget = { connection: 'prod-db', labels: { env: 'prod' }, protocol: 'postgres' };
export const STAGE: PolicyTarget = { connection: 'stage', labels: { env: 'stage' }, protocol: 'postgres' };

export function fileOf(yaml: string): PolicyFile {
  const { policy, problems } = parsePolicy(yaml, 'test.yaml');
  if (policy === undefined)
    throw new Error(problems.map((p) => `${p.line}:${p.column} ${p.message}`).join('\n'));
  return policy;
}

export function policyOf(yaml: string): Policy {
  return compilePolicy(fileOf(yaml), 'hash-1');
}
