import { didYouMean } from '../base/nearest.ts';
import { LIMIT_KINDS } from './decision.ts';
import { at } from './issues.ts';
import { type FilePath, type Position, type Problem, problemAt } from './problem.ts';
import type { Vocabulary } from './vocabulary.ts';

type Locate = (path: FilePath) => Position | undefined;

/** Keys that only an approve rule may have. */
const APPROVAL_KEYS = ['approvers', 'all_of', 'approvals', 'expires', 'self_approval', 'at', 'rehearse'];

/**
 * What a schema cannot say: words from other lists, names used twice, keys that would have no meaning where
 * they stand. Works on the raw value, so that it reports beside the schema's own findings.
 */
export function consistencyProblems(value: unknown, vocabulary: Vocabulary, locate: Locate): Problem[] {
  const rules = listAt(value, 'rules');
  const masks = listAt(value, 'masks');
  return [
    ...twice('rules', 'rule', rules, locate),
    ...twice('masks', 'mask', masks, locate),
    ...twice('limits', 'limit', listAt(value, 'limits'), locate),
    ...twice('guards', 'guard', listAt(value, 'guards'), locate),
    ...listAt(value, 'limits').flatMap((limit, i) => limitProblems(limit, ['limits', i], locate)),
    ...listAt(value, 'guards').flatMap((guard, i) => guardProblems(guard, ['guards', i], locate)),
    ...rules.flatMap((rule, i) => ruleProblems(rule, ['rules', i], vocabulary, locate)),
    ...masks.flatMap((mask, i) => maskProblems(mask, ['masks', i], vocabulary, locate)),
  ];
}

function ruleProblems(rule: unknown, path: FilePath, vocabulary: Vocabulary, locate: Locate): Problem[] {
  const decision = at(rule, ['decision']);
  const problems = unknownWords(rule, path, 'when', 'condition', vocabulary.conditions, locate);
  const misplaced = (key: string, wanted: string): void => {
    if (at(rule, [key]) === undefined || typeof decision !== 'string' || decision === wanted) return;
    problems.push(
      problemAt(
        'error',
        locate([...path, key]),
        `${named('rule', rule)}"${key}" means nothing unless decision is ${wanted}`,
      ),
    );
  };
  for (const key of APPROVAL_KEYS) misplaced(key, 'approve');
  misplaced('message', 'block');
  if (at(rule, ['require']) !== undefined && decision === 'block') {
    const message = `${named('rule', rule)}"require" means nothing where decision is block`;
    problems.push(problemAt('error', locate([...path, 'require']), message));
  }
  return problems;
}

/** Keys that only a limit whose decision is approve may have. */
const LIMIT_APPROVAL_KEYS = ['approvers', 'approvals', 'expires'];

function limitProblems(limit: unknown, path: FilePath, locate: Locate): Problem[] {
  const problems: Problem[] = [];
  const label = named('limit', limit);
  if (LIMIT_KINDS.every((kind) => at(limit, [kind]) === undefined)) {
    problems.push(
      problemAt('error', locate(path), `${label}it limits nothing; give one of ${LIMIT_KINDS.join(', ')}`),
    );
  }
  for (const key of LIMIT_APPROVAL_KEYS) {
    if (at(limit, [key]) === undefined || at(limit, ['decision']) === 'approve') continue;
    const message = `${label}"${key}" means nothing unless decision is approve`;
    problems.push(problemAt('error', locate([...path, key]), message));
  }
  return problems;
}

const GUARD_KEYS = [
  'read_only',
  'statement_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'role',
];

function guardProblems(guard: unknown, path: FilePath, locate: Locate): Problem[] {
  const label = named('guard', guard);
  if (GUARD_KEYS.every((key) => at(guard, [key]) === undefined)) {
    return [
      problemAt('error', locate(path), `${label}it guards nothing; give one of ${GUARD_KEYS.join(', ')}`),
    ];
  }
  const role = at(guard, ['role']);
  if (role !== undefined && at(role, ['template']) === undefined && at(role, ['grants']) === undefined) {
    const message = `${label}the role may do nothing; give it a "template" or "grants"`;
    return [problemAt('error', locate([...path, 'role']), message)];
  }
  return [];
}

function maskProblems(mask: unknown, path: FilePath, vocabulary: Vocabulary, locate: Locate): Problem[] {
  const problems = unknownWords(mask, path, 'detect', 'detector', vocabulary.detectors, locate);
  if (at(mask, ['columns']) === undefined && at(mask, ['detect']) === undefined) {
    problems.push(problemAt('error', locate(path), `${named('mask', mask)}"columns" or "detect" is missing`));
  }
  for (const key of ['keep_keys', 'filter', 'min_group']) {
    if (at(mask, [key]) === undefined || at(mask, ['columns']) !== undefined) continue;
    problems.push(
      problemAt('error', locate([...path, key]), `${named('mask', mask)}"${key}" needs "columns"`),
    );
  }
  const strategy = at(mask, ['strategy']);
  if (at(mask, ['keep_last']) !== undefined && typeof strategy === 'string' && strategy !== 'partial') {
    problems.push(
      problemAt(
        'error',
        locate([...path, 'keep_last']),
        `${named('mask', mask)}"keep_last" means nothing unless strategy is partial`,
      ),
    );
  }
  return problems;
}

function unknownWords(
  holder: unknown,
  path: FilePath,
  key: string,
  kind: string,
  known: readonly string[],
  locate: Locate,
): Problem[] {
  const words = at(holder, [key]);
  if (!Array.isArray(words)) return [];
  return words.flatMap((word: unknown, i) => {
    if (typeof word !== 'string' || known.includes(word)) return [];
    const label = named(kind === 'condition' ? 'rule' : 'mask', holder);
    const message = `${label}unknown ${kind} "${word}"${didYouMean(word, known)}; there are ${known.join(', ')}`;
    return [problemAt('error', locate([...path, key, i]), message)];
  });
}

function twice(key: string, kind: string, items: readonly unknown[], locate: Locate): Problem[] {
  const seen = new Set<unknown>();
  return items.flatMap((item, i) => {
    const name = at(item, ['name']);
    if (typeof name !== 'string' || !seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [problemAt('error', locate([key, i, 'name']), `there is another ${kind} named "${name}"`)];
  });
}

function named(kind: string, holder: unknown): string {
  const name = at(holder, ['name']);
  return typeof name === 'string' ? `${kind} "${name}": ` : '';
}

function listAt(value: unknown, key: string): readonly unknown[] {
  const list = at(value, [key]);
  return Array.isArray(list) ? list : [];
}
