import { createHash } from 'node:crypto';
import { type Document, isScalar, LineCounter, parseDocument, visit } from 'yaml';
import { consistencyProblems } from './consistency.ts';
import { issueProblems } from './issues.ts';
import { inFileOrder, type PolicyFile, type Problem, problemAt } from './problem.ts';
import { policySchema } from './schema.ts';
import { locator, positionOf } from './source-map.ts';
import { VOCABULARY, type Vocabulary } from './vocabulary.ts';

/** Longest policy text, in UTF-16 units; the API refuses more as well. */
const LONGEST_TEXT = 1_048_576;
/** More problems than this help nobody. */
const MOST_PROBLEMS = 50;
/** Each alias may be followed so often: enough for shared lists, too little for an alias bomb. */
const MOST_ALIASES = 100;

export interface ParsedPolicy {
  /** Present when no problem is an error. */
  readonly policy?: PolicyFile;
  readonly problems: readonly Problem[];
}

/** SHA-256 (hex) of the text's UTF-8 bytes: the name under which a policy is applied, recorded and audited. */
export function policyHash(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex');
}

/**
 * Reads a policy file by itself: syntax, keys, words, and what contradicts itself. Whether its names exist is
 * `checkPolicy`'s. Never throws; every problem has its line and column where it has one.
 */
export function parsePolicy(text: string, source: string, vocabulary: Vocabulary = VOCABULARY): ParsedPolicy {
  if (text.length > LONGEST_TEXT) {
    return failed([problemAt('error', undefined, 'the file is larger than 1 MiB')]);
  }
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, stringKeys: true });
  const syntax = [...document.errors, ...document.warnings].map((error) =>
    problemAt('error', positionOf(lines, error.pos[0]), syntaxWords(error.code, error.message)),
  );
  if (syntax.length > 0) return failed(syntax);
  if (document.contents === null) {
    return failed([
      problemAt('error', undefined, 'the file is empty; the least there can be is "version: 1"'),
    ]);
  }

  const unreadable = unreadableValues(document, lines);
  if (unreadable.length > 0) return failed(unreadable);
  let value: unknown;
  try {
    value = document.toJS({ maxAliasCount: MOST_ALIASES });
  } catch (error) {
    return failed([problemAt('error', undefined, conversionWords(error))]);
  }

  const read = policySchema.safeParse(value);
  const locate = locator(document, lines);
  const problems = [
    ...(read.success ? [] : issueProblems(read.error.issues, value, document, lines)),
    ...consistencyProblems(value, vocabulary, locate),
  ];
  if (!read.success || problems.some((problem) => problem.severity === 'error')) return failed(problems);
  return { policy: { ...read.data, source, locate }, problems: inFileOrder(problems) };
}

function failed(problems: readonly Problem[]): ParsedPolicy {
  return { problems: inFileOrder(problems).slice(0, MOST_PROBLEMS) };
}

/**
 * A key without a value is a rule half written. `strategy: null` is the one null that means something: YAML
 * reads the strategy's name as its null, so it is turned back into the word.
 */
function unreadableValues(document: Document.Parsed, lines: LineCounter): Problem[] {
  const problems: Problem[] = [];
  visit(document, {
    Pair(_, pair) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      const value = pair.value;
      const empty = value === null || (isScalar(value) && value.value === null);
      if (empty && key === 'strategy' && isScalar(value) && value.source === 'null') {
        value.value = 'null';
        return;
      }
      // Validation drops this key without a word, and a dropped key is an ignored rule.
      if (!empty && key !== '__proto__') return;
      const start = isScalar(pair.key) ? pair.key.range?.[0] : undefined;
      const position = start === undefined ? undefined : positionOf(lines, start);
      problems.push(
        problemAt('error', position, empty ? `"${key}" has no value` : `"${key}" cannot be a key`),
      );
    },
  });
  return problems;
}

function syntaxWords(code: string, message: string): string {
  const plain = message.split('\n')[0] ?? message;
  switch (code) {
    case 'DUPLICATE_KEY':
      return 'this key stands here a second time';
    case 'TAG_RESOLVE_FAILED':
      return `tags are not supported: ${plain}`;
    case 'NON_STRING_KEY':
      return 'a key must be plain text';
    case 'MULTIPLE_DOCS':
      return 'one file holds one policy: take out the second "---" document';
    default:
      return /call stack/i.test(plain) ? 'nested too deeply' : plain;
  }
}

function conversionWords(error: unknown): string {
  if (error instanceof ReferenceError) {
    return /unresolved/i.test(error.message)
      ? 'an alias names an anchor that is not there'
      : 'too many aliases';
  }
  if (error instanceof RangeError) return 'nested too deeply';
  return 'cannot be read as YAML';
}
