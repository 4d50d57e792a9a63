import type { Document, LineCounter } from 'yaml';
import type { z } from 'zod';
import { didYouMean } from '../base/nearest.ts';
import { claimRuleSchema, issuerSchema } from '../identity/issuer-schema.ts';
import { samlProviderSchema } from '../identity/saml-schema.ts';
import { type FilePath, type Problem, problemAt } from './problem.ts';
import {
  functionSchema,
  guardSchema,
  identitySchema,
  limitSchema,
  maskSchema,
  policySchema,
  ruleSchema,
} from './schema.ts';
import { keyPosition, locator } from './source-map.ts';

type Issue = z.core.$ZodIssue;

const KNOWN_KEYS: Readonly<Record<string, readonly string[]>> = {
  file: Object.keys(policySchema.shape),
  rule: Object.keys(ruleSchema.shape),
  mask: Object.keys(maskSchema.shape),
  function: Object.keys(functionSchema.shape),
  limit: Object.keys(limitSchema.shape),
  guard: Object.keys(guardSchema.shape),
  identity: Object.keys(identitySchema.shape),
  issuer: Object.keys(issuerSchema.shape),
  saml: Object.keys(samlProviderSchema.shape),
  claimRule: Object.keys(claimRuleSchema.shape),
};

/** The schema's findings in the file's words, each where it stands. */
export function issueProblems(
  issues: readonly Issue[],
  value: unknown,
  document: Document.Parsed,
  lines: LineCounter,
): Problem[] {
  const locate = locator(document, lines);
  return issues.flatMap((issue) => {
    const path = filePath(issue.path);
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((key) =>
        problemAt('error', keyPosition(document, lines, path, key), unknownKey(path, key, value)),
      );
    }
    if (issue.code === 'invalid_key') {
      const key = String(path.at(-1));
      const why = issue.issues[0]?.message ?? 'not a name';
      return [
        problemAt('error', keyPosition(document, lines, path.slice(0, -1), key), `group "${key}": ${why}`),
      ];
    }
    return [problemAt('error', locate(path), `${prefix(path, value)}${words(issue, path, value)}`)];
  });
}

function unknownKey(path: FilePath, key: string, value: unknown): string {
  const place = placeOf(path);
  const known = KNOWN_KEYS[place] ?? [];
  return `${prefix(path, value)}unknown key "${key}"${didYouMean(key, known)}`;
}

/** What the items of the file's lists are called. */
const LIST_ITEMS: Readonly<Record<string, string>> = {
  rules: 'rule',
  masks: 'mask',
  functions: 'function',
  limits: 'limit',
  guards: 'guard',
};

function placeOf(path: FilePath): string {
  if (path[0] === 'rules') return 'rule';
  if (path[0] === 'identity') {
    if ((path[1] !== 'issuers' && path[1] !== 'saml') || path.length < 3) return 'identity';
    if (path.length > 3) return 'claimRule';
    return path[1] === 'saml' ? 'saml' : 'issuer';
  }
  return path.length > 1 ? (LIST_ITEMS[String(path[0])] ?? 'file') : 'file';
}

function words(issue: Issue, path: FilePath, value: unknown): string {
  const given = at(value, path);
  const key = lastKey(path);
  if (given === undefined && issue.code !== 'custom') return `"${key}" is missing`;
  switch (issue.code) {
    case 'invalid_value': {
      const known = issue.values.map(String);
      if (key === 'version')
        return `version ${shown(given)} is not known; this version of hoopctl reads version 1`;
      return `"${key}" cannot be ${shown(given)}${didYouMean(String(given), known)}; it is one of ${known.join(', ')}`;
    }
    case 'invalid_type':
      return typeWords(issue.expected, key, given);
    case 'too_small':
      return issue.origin === 'array'
        ? emptyListWords(path, key)
        : `"${key}" must be at least ${issue.minimum}${issue.origin === 'string' ? ' characters' : ''}`;
    case 'too_big':
      return `"${key}" must be at most ${issue.maximum}${issue.origin === 'string' ? ' characters' : ''}`;
    default:
      return `${shown(given)}: ${issue.message}`;
  }
}

function emptyListWords(path: FilePath, key: string): string {
  if (path[0] === 'groups') return `group "${key}" has nobody in it`;
  return `"${key}" is empty: leave it out to mean all, or name something`;
}

function typeWords(expected: string, key: string, given: unknown): string {
  switch (expected) {
    case 'array':
      return `"${key}" must be a list: [${typeof given === 'string' ? given : '…'}]`;
    case 'string':
      return `${shown(given)} in "${key}" must be text; put it in quotes`;
    case 'object':
    case 'record':
      return key === '' ? 'the file must be a map of keys' : `"${key}" must be a map of keys`;
    case 'boolean':
      return `"${key}" must be true or false`;
    case 'int':
      return `"${key}" must be a whole number`;
    default:
      return `"${key}" must be a ${expected}`;
  }
}

/** `rule "cards": `, or its number while it has no name. */
function prefix(path: FilePath, value: unknown): string {
  const [list, index] = path;
  if (list === 'identity' && (index === 'issuers' || index === 'saml') && path.length > 2) {
    const called = at(value, [...path.slice(0, 3), 'name']);
    return typeof called === 'string' ? `issuer "${called}": ` : `issuer ${Number(path[2]) + 1}: `;
  }
  if (typeof index !== 'number') return '';
  const named = at(value, [list ?? '', index, 'name']);
  const kind = LIST_ITEMS[String(list)] ?? 'rule';
  return typeof named === 'string' ? `${kind} "${named}": ` : `${kind} ${index + 1}: `;
}

/** The value at a path of plain data; undefined where there is none. */
export function at(value: unknown, path: FilePath): unknown {
  let current = value;
  for (const step of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, step)) return undefined;
    current = (current as Record<string | number, unknown>)[step];
  }
  return current;
}

function lastKey(path: FilePath): string {
  return path.findLast((step) => typeof step === 'string')?.toString() ?? '';
}

function filePath(path: readonly PropertyKey[]): FilePath {
  return path.map((step) => (typeof step === 'number' ? step : String(step)));
}

function shown(given: unknown): string {
  const text = JSON.stringify(given) ?? String(given);
  return text.length > 80 ? `${text.slice(0, 79)}…` : text;
}
