import { child, children, number, type Tree, text, typeOf } from './grammar.ts';
import type { Delimiter } from './here-documents.ts';
import { readWord, type WordHost } from './read-word.ts';
import type { Redirect } from './script.ts';
import type { Word } from './word.ts';

export interface RedirectHost extends WordHost {
  /** Told of each word that ends a here-document, in order. */
  readonly delimiters: Delimiter[];
}

/** Operators of redirections in the grammar's numbering. */
const OPERATOR = {
  write: 54,
  append: 55,
  read: 56,
  readWrite: 57,
  duplicateIn: 58,
  duplicateOut: 59,
  clobber: 60,
  here: 61,
  hereDash: 62,
  hereString: 63,
  writeAll: 64,
  appendAll: 65,
} as const;

/** Those that are about the standard input where no number says otherwise. */
const IN: readonly number[] = [
  OPERATOR.read,
  OPERATOR.duplicateIn,
  OPERATOR.here,
  OPERATOR.hereDash,
  OPERATOR.hereString,
];

/** Reads one redirection of a statement; `host` is told of what cannot be judged. */
export function readRedirect(node: Tree, host: RedirectHost): Redirect {
  const target = child(node, 'Word');
  const body = child(node, 'Hdoc');
  const word: Word | undefined = target === undefined ? undefined : readWord(target, host);
  const operator = number(node, 'Op');
  const inward = operator === OPERATOR.readWrite || IN.includes(operator);
  const input = /^0*$/.test(text(child(node, 'N')) || (inward ? '0' : '1'));
  // `{name}>file` sets a variable of any name, and evaluates an index.
  if (!/^\d*$/.test(text(child(node, 'N'))))
    host.problem('a redirection that sets a variable cannot be judged');
  switch (operator) {
    case OPERATOR.here:
    case OPERATOR.hereDash: {
      const quotedWord = target !== undefined && isQuoted(target);
      const plain = word?.text !== undefined && /^[\w. +-]+$/.test(word.text);
      host.delimiters.push({ text: plain ? word.text : undefined, quoted: quotedWord });
      return { kind: 'here', input, body: body === undefined ? '' : hereBody(body, quotedWord, host) };
    }
    case OPERATOR.hereString:
      return { kind: 'here', input, body: word?.text };
    case OPERATOR.read:
      if (word !== undefined) return { kind: 'read', input, target: word };
      break;
    case OPERATOR.duplicateIn:
    case OPERATOR.duplicateOut:
      if (word?.text !== undefined && /^(\d+-?|-)$/.test(word.text)) return { kind: 'duplicate', input };
      if (word !== undefined) return { kind: 'write', input, target: word };
      break;
    case OPERATOR.write:
    case OPERATOR.append:
    case OPERATOR.readWrite:
    case OPERATOR.clobber:
    case OPERATOR.writeAll:
    case OPERATOR.appendAll:
      if (word !== undefined) return { kind: 'write', input, target: word };
      break;
  }
  host.problem('a redirection cannot be judged');
  return { kind: 'duplicate', input };
}

/** A here-document's text, where no expansion changes it. */
function hereBody(body: Tree, verbatim: boolean, host: RedirectHost): string | undefined {
  const parts = children(body, 'Parts');
  for (const part of parts) {
    if (typeOf(part) !== 'Lit') readWord(body, host);
  }
  if (!parts.every((part) => typeOf(part) === 'Lit')) return undefined;
  const whole = parts.map((part) => text(part)).join('');
  return verbatim || !whole.includes('\\') ? whole : undefined;
}

function isQuoted(word: Tree): boolean {
  const parts = children(word, 'Parts');
  return parts.some((part) => typeOf(part) !== 'Lit' || text(part).includes('\\'));
}
