import { givesNames, givesNumbers } from './counting.ts';
import { child, children, flag, nodesIn, number, type Tree, text, typeOf } from './grammar.ts';

/** What is known of every value that a line gives to one of its variables. */
export interface Known {
  /** A whole number: nothing in it that Bash's arithmetic would look up once more. */
  readonly number: boolean;
  /** It never begins with a dash. */
  readonly operand: boolean;
  /** Neither empty nor anything that a shell splits or expands. */
  readonly plain: boolean;
  /** It may be empty. */
  readonly empty: boolean;
  /** What all of them begin with. */
  readonly prefix: string;
}

const NOTHING: Known = { number: false, operand: false, plain: false, empty: true, prefix: '' };
const NUMBER: Known = { number: true, operand: false, plain: true, empty: false, prefix: '' };

/** Numbers whatever happens; in a shell that does not know one of the latter it is empty. */
const NUMBERS = /^(\?|#|\$|RANDOM|SRANDOM|SECONDS|LINENO|UID|EUID|PPID|EPOCHSECONDS)$/;
const EVERYWHERE = /^[?#$]$/;
/** Paths that begin with a slash, and for HOME there may be none, since a line cannot set these variables without being told of. */
const PLACES = /^(HOME|PWD)$/;

/** Of variables that a shell sets by itself. */
export function knownOfShells(name: string): Known | undefined {
  if (NUMBERS.test(name)) return { ...NUMBER, operand: true, empty: !EVERYWHERE.test(name) };
  if (name === '!') return { ...NUMBER, operand: true, plain: false, number: false, empty: true };
  if (PLACES.test(name))
    return { number: false, operand: true, plain: name === 'HOME', empty: name === 'HOME', prefix: '~' };
  if (name === 'OLDPWD') return { ...NOTHING, operand: true };
  return undefined;
}

/** Numbers of the grammar's operators `${x=y}` and `${x:=y}`. */
const ASSIGNING = [74, 75];
/** Builtins that set variables named in their arguments. */
const SETTING = /^(read|unset|getopts|mapfile|readarray|wait|printf|coproc|let|declare|typeset|local)$/;
/** What `read`, `select`, `mapfile`, a match by `=~` and every command set without their names being written. */
const UNNAMED = ['REPLY', 'MAPFILE', 'BASH_REMATCH', '_'];
/** Goes through a line for every place that gives a variable a value. */
export function knownValues(statements: readonly Tree[]): ReadonlyMap<string, Known> {
  const found = new Map<string, Known>();
  const note = (name: string, value: Known) => {
    const before = found.get(name);
    found.set(name, before === undefined ? value : both(before, value));
  };
  const visit = (node: Tree): void => {
    noteNode(node, note);
    for (const one of nodesIn(node)) visit(one);
  };
  for (const statement of statements) visit(statement);
  // Builtins set them without being told to.
  for (const name of UNNAMED) found.delete(name);
  return found;
}

function noteNode(node: Tree, note: (name: string, value: Known) => void): void {
  switch (typeOf(node)) {
    case 'Assign': {
      const whole = child(node, 'Index') === undefined && child(node, 'Array') === undefined;
      const value = child(node, 'Value');
      note(text(child(node, 'Name')), !whole || flag(node, 'Naked') ? NOTHING : knownOf(value));
      return;
    }
    case 'ForClause': {
      const loop = child(node, 'Loop');
      if (loop === undefined || typeOf(loop) !== 'WordIter') return;
      const items = children(loop, 'Items').map(knownOfItem);
      const [first, ...rest] = items;
      const known = first === undefined || flag(node, 'Select') ? NOTHING : rest.reduce(both, first);
      note(text(child(loop, 'Name')), known);
      return;
    }
    case 'BinaryArithm':
    case 'UnaryArithm': {
      // It may be an assignment, whose value is a number then.
      const name = wordText(child(node, 'X'));
      if (name !== undefined && /^[A-Za-z_]\w*$/.test(name)) note(name, NUMBER);
      return;
    }
    case 'ParamExp': {
      const expansion = node.Exp;
      if (typeof expansion !== 'object' || expansion === null) return;
      if (ASSIGNING.includes(number(expansion as Tree, 'Op')))
        note(text(child(node, 'Param')), knownOf(child(expansion as Tree, 'Word')));
      return;
    }
    case 'CallExpr': {
      const words = children(node, 'Args').map(fixedText);
      if (!words.some((word) => word !== undefined && SETTING.test(word))) return;
      for (const word of words) note(word ?? '', NOTHING);
      return;
    }
    default:
  }
}

function both(a: Known, b: Known): Known {
  let shared = 0;
  while (shared < a.prefix.length && a.prefix[shared] === b.prefix[shared]) shared++;
  return {
    number: a.number && b.number,
    operand: a.operand && b.operand,
    plain: a.plain && b.plain,
    empty: a.empty || b.empty,
    prefix: a.prefix.slice(0, shared),
  };
}

/** Of what a loop takes out of it: what a program prints is split first, so that nothing of it is empty. */
function knownOfItem(word: Tree): Known {
  const [only, ...more] = children(word, 'Parts');
  const known = knownOf(word);
  if (only === undefined || more.length > 0 || typeOf(only) !== 'CmdSubst') return known;
  return givesNames(children(only, 'Stmts')) ? { ...known, plain: true, empty: false } : known;
}

function knownOf(word: Tree | undefined): Known {
  if (word === undefined) return { number: true, operand: true, plain: false, empty: true, prefix: '' };
  const parts = children(word, 'Parts');
  const [only] = parts;
  const maybe = { ...NOTHING, operand: true };
  if (parts.length === 1 && only !== undefined && isNumberPart(only))
    return isComputed(only) ? { ...maybe, number: true } : NUMBER;
  if (parts.length === 1 && only !== undefined && isLastProcess(only)) return { ...maybe, number: true };
  if (parts.length === 1 && only !== undefined && isNames(only)) return maybe;
  // By a catalogue, which may stand anywhere, Bash makes something else of it.
  if (only !== undefined && typeOf(only) === 'DblQuoted' && flag(only, 'Dollar')) return NOTHING;
  const first = only !== undefined && typeOf(only) === 'DblQuoted' ? children(only, 'Parts')[0] : only;
  const kind = first === undefined ? '' : typeOf(first);
  const value = kind === 'Lit' || (kind === 'SglQuoted' && !flag(first ?? {}, 'Dollar')) ? text(first) : '';
  // As far as no quoting or expansion makes anything else of it.
  const prefix = /^[\w./:@%+,-]*/.exec(value)?.[0] ?? '';
  const whole =
    parts.length === 1 && prefix === value && (first === only || children(only ?? {}, 'Parts').length === 1);
  return {
    number: whole && /^-?\d{1,18}$/.test(prefix),
    operand: prefix !== '' && !prefix.startsWith('-'),
    plain: whole && prefix !== '',
    empty: prefix === '',
    prefix,
  };
}

/** `$((…))`, `${#x}`, `$?`, `$(wc -l)`: numbers, also in double quotes. */
function isNumberPart(part: Tree): boolean {
  switch (typeOf(part)) {
    case 'DblQuoted': {
      const [only, ...more] = children(part, 'Parts');
      return only !== undefined && more.length === 0 && isNumberPart(only);
    }
    case 'ArithmExp':
      return true;
    case 'CmdSubst':
      return givesNumbers(children(part, 'Stmts'));
    case 'ParamExp':
      return flag(part, 'Length') || (flag(part, 'Short') && NUMBERS.test(text(child(part, 'Param'))));
    default:
      return false;
  }
}

/** A program that gives it may give nothing, and never a sign; so may the name in a shell that does not know it. */
function isComputed(part: Tree): boolean {
  return (
    typeOf(part) === 'CmdSubst' ||
    (typeOf(part) === 'ParamExp' && !flag(part, 'Length') && !EVERYWHERE.test(text(child(part, 'Param')))) ||
    (typeOf(part) === 'DblQuoted' && children(part, 'Parts').some(isComputed))
  );
}

/** `$(docker ps -q)`, also in double quotes. */
function isNames(part: Tree): boolean {
  const [only, ...more] = typeOf(part) === 'DblQuoted' ? children(part, 'Parts') : [part];
  return (
    only !== undefined &&
    more.length === 0 &&
    typeOf(only) === 'CmdSubst' &&
    givesNames(children(only, 'Stmts'))
  );
}

/** `$!`: a number, or empty. */
function isLastProcess(part: Tree): boolean {
  return typeOf(part) === 'ParamExp' && flag(part, 'Short') && text(child(part, 'Param')) === '!';
}

/** What a word comes to, where its text says that: builtins take names in any quotes. */
export function fixedText(word: Tree): string | undefined {
  let fixed = '';
  for (const part of children(word, 'Parts')) {
    const inner = typeOf(part) === 'DblQuoted' ? children(part, 'Parts') : [part];
    for (const one of inner) {
      if (typeOf(one) !== 'Lit' && typeOf(one) !== 'SglQuoted') return undefined;
      fixed += typeOf(one) === 'Lit' ? text(one).replace(/\\\n?/g, '') : text(one);
    }
  }
  return fixed;
}

/** A word of plain letters only. */
function wordText(word: Tree | undefined): string | undefined {
  if (word === undefined || typeOf(word) !== 'Word') return undefined;
  const [only, ...more] = children(word, 'Parts');
  return only !== undefined && more.length === 0 && typeOf(only) === 'Lit' ? text(only) : undefined;
}
