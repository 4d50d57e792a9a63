import { isDeepStrictEqual } from 'node:util';
import { formatDuration } from '../base/quantities.ts';
import { unifiedDiff } from './line-diff.ts';
import { parsePolicy } from './parse.ts';
import type { PolicyDocument } from './schema.ts';

export interface PolicyDiff {
  /** Unified diff lines of the text; empty when nothing changed. */
  readonly diff: string[];
  /** The change of meaning in words: `rule agents-read: decision allow -> approve`. */
  readonly summary: string[];
}

/** Compares a policy text with the one before; `undefined` when there is none yet. A text that does not parse has no summary. */
export function diffPolicies(before: string | undefined, after: string): PolicyDiff {
  const diff = unifiedDiff(before ?? '', after);
  const now = parsePolicy(after, 'new').policy;
  const then = before === undefined ? EMPTY : parsePolicy(before, 'current').policy;
  if (now === undefined || then === undefined) return { diff, summary: [] };
  return { diff, summary: summaryOf(then, now) };
}

const EMPTY: PolicyDocument = {
  version: 1,
  default: 'block',
  groups: {},
  identity: { issuers: [], saml: [], roles: {}, on_behalf_of: [], people: {} },
  rules: [],
  masks: [],
  functions: [],
  limits: [],
  guards: [],
};

function summaryOf(then: PolicyDocument, now: PolicyDocument): string[] {
  const words: string[] = [];
  if (then.default !== now.default) words.push(`default: ${then.default} -> ${now.default}`);
  words.push(...changes('group', groupItems(then), groupItems(now)));
  words.push(...changes('issuer', then.identity.issuers, now.identity.issuers));
  words.push(...changes('saml', then.identity.saml, now.identity.saml));
  words.push(...changes('role', roleItems(then), roleItems(now)));
  if (!isDeepStrictEqual(then.identity.on_behalf_of, now.identity.on_behalf_of)) {
    words.push(`on_behalf_of: ${delegationWords(then)} -> ${delegationWords(now)}`);
  }
  words.push(...changes('rule', then.rules, now.rules));
  words.push(...changes('mask', then.masks, now.masks));
  words.push(...changes('function', then.functions, now.functions));
  words.push(...changes('limit', then.limits, now.limits));
  words.push(...changes('guard', then.guards, now.guards));
  return words;
}

interface Named {
  readonly name: string;
}

function groupItems(document: PolicyDocument): (Named & { readonly members: readonly string[] })[] {
  return Object.entries(document.groups).map(([name, members]) => ({ name, members }));
}

function roleItems(document: PolicyDocument): (Named & { readonly who: readonly string[] })[] {
  return Object.entries(document.identity.roles).map(([name, who]) => ({ name, who }));
}

function delegationWords(document: PolicyDocument): string {
  const each = document.identity.on_behalf_of.map(
    ({ who, acts_for }) => `${who.join(', ')} for ${acts_for.join(', ')}`,
  );
  return each.length === 0 ? 'nobody' : each.join('; ');
}

/** The strictest rule wins whatever the order, so order is no change of meaning. */
function changes(kind: string, then: readonly Named[], now: readonly Named[]): string[] {
  const before = new Map(then.map((item) => [item.name, item]));
  const after = new Map(now.map((item) => [item.name, item]));
  return [
    ...then.filter((item) => !after.has(item.name)).map((item) => `${kind} ${item.name}: removed`),
    ...now.flatMap((item) => {
      const old = before.get(item.name);
      return old === undefined
        ? [`${kind} ${item.name}: added (${contentWords(item)})`]
        : keyChanges(`${kind} ${item.name}`, old, item);
    }),
  ];
}

function keyChanges(label: string, before: Named, after: Named): string[] {
  const old = new Map(Object.entries(before));
  const current = new Map(Object.entries(after));
  const keys = new Set([...old.keys(), ...current.keys()]);
  return [...keys].flatMap((key) => {
    if (isDeepStrictEqual(old.get(key), current.get(key))) return [];
    return [`${label}: ${key} ${valueWords(key, old.get(key))} -> ${valueWords(key, current.get(key))}`];
  });
}

function contentWords(item: Named): string {
  return Object.entries(item)
    .filter(([key]) => key !== 'name')
    .map(([key, value]) => `${key} ${valueWords(key, value)}`)
    .join(', ');
}

function valueWords(key: string, value: unknown): string {
  if (value === undefined) return 'not set';
  if (key === 'expires' && typeof value === 'number') return formatDuration(value);
  if (typeof value === 'object') {
    const plain = Array.isArray(value) && value.every((item) => typeof item !== 'object');
    if (!plain) return JSON.stringify(value);
  }
  if (Array.isArray(value)) return `[${value.join(', ')}]`;
  return String(value);
}
