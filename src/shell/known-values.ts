import { givesNames, givesNumbers } from './counting.ts';
import { child, children, flag, number, type Tree, text, typeOf } from './grammar.ts';

/** What is known of every value that a line gives to one of its variables. */
export interface Known {
  /** A whole number: nothing in it that Bash's arithmetic would look up once more. */
  readonly number: boolean;
  /** It never begins with a dash. */
  readonly operand: boolean;
  /** Neither empty nor anything that a shell splits or expands. */
  readonly plain: boolean;
  /** What all of them begin with. */
  readonly prefix: string;
}

const NOTHING: Known = { number: false, operand: false, plain: false, prefix: '' };
const NUMBER: Known = { number: true, operand: false, plain: true, prefix: '' };

/** Numbers in every shell, whatever happens; `$!` may be empty. */
const NUMBERS = /^(\?|#|\$|RANDOM|SRANDOM|SECONDS|LINENO|UID|EUID|PPID|EPOCHSECONDS)$/;
/** Paths that begin with a slash, since a line cannot set these variables without being told of. */
const PLACES = /^(HOME|PWD|OLDPWD)$/;

/** Of variables that a shell sets by itself. */
export function knownOfShells(name: string): Known | undefined {
  if (NUMBERS.test(name)) return { ...NUMBER, operand: true };
  if (name === '!') return { ...NUMBER, operand: true, plain: false, number: false };
  if (PLACES.test(name)) return { number: false, operand: true, plain: name === 'HOME', prefix: '~' };
  return undefined;
}

/** Numbers of the grammar's operators `${x=y}` and `${x:=y}`. */
const ASSIGNING = [74, 75];
/** Builtins that set variables named in their arguments. */
const SETTING = /^(read|unset|getopts|mapfile|readarray|wait|printf|coproc|let|declare|typeset|local)$/;
/** What `read`, `select`, `mapfile`, a match by `=~` and every command set without their names being written. */
const UNNAMED = ['REPLY', 'MAPFILE', 'BASH_REMATCH', '_'];
/** Fields of nodes that hold no other nodes, or positions. */
const NODES =
  'Stmts Stmt Cmd Args Assigns Redirs Hdoc Parts X Y Cond Then Else Do Loop Items Patterns Word Body Value Array Elems Index Exp Slice Offset Length Repl Orig With Init Post Expr Exprs'.split(
    ' ',
  );

/** Goes through a line for every place that gives a variable a value. */
export function knownValues(statements: readonly Tree[]): ReadonlyMap<string, Known> {
  const found = new Map<string, Known>();
  const note = (name: string, value: Known) => {
    const before = found.get(name);
    found.set(name, before === undefined ? value : both(before, value));
  };
  const visit = (node: Tree): void => {
    noteNode(node, note);
    for (const field of NODES) {
      const one = child(node, field);
      if (one !== undefined) visit(one);
      else for (const each of children(node, field)) visit(each);
      // A structure of the grammar that is no node itself.
      const inner = node[field];
      if (one === undefined && typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
        for (const part of ['Word', 'Orig', 'With', 'Offset', 'Length']) {
          const deep = child(inner as Tree, part);
          if (deep !== undefined) visit(deep);
        }
      }
    }
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
      const words = children(node, 'Args').map(wordText);
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
    prefix: a.prefix.slice(0, shared),
  };
}

/** Of what a loop takes out of it: what a program prints is split first, so that nothing of it is empty. */
function knownOfItem(word: Tree): Known {
  const [only, ...more] = children(word, 'Parts');
  const known = knownOf(word);
  if (only === undefined || more.length > 0 || typeOf(only) !== 'CmdSubst') return known;
  return givesNames(children(only, 'Stmts')) ? { ...known, plain: true } : known;
}

function knownOf(word: Tree | undefined): Known {
  if (word === undefined) return { number: true, operand: true, plain: false, prefix: '' };
  const parts = children(word, 'Parts');
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && isNumberPart(only))
    return isComputed(only) ? { ...NUMBER, operand: true, plain: false } : NUMBER;
  if (parts.length === 1 && only !== undefined && isLastProcess(only))
    return { ...NUMBER, operand: true, plain: false };
  if (parts.length === 1 && only !== undefined && isNames(only))
    return { number: false, operand: true, plain: false, prefix: '' };
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

/** A program that gives it may give nothing, and never a sign. */
function isComputed(part: Tree): boolean {
  return (
    typeOf(part) === 'CmdSubst' || (typeOf(part) === 'DblQuoted' && children(part, 'Parts').some(isComputed))
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

/** A word of plain letters only. */
function wordText(word: Tree | undefined): string | undefined {
  if (word === undefined || typeOf(word) !== 'Word') return undefined;
  const [only, ...more] = children(word, 'Parts');
  return only !== undefined && more.length === 0 && typeOf(only) === 'Lit' ? text(only) : undefined;
}
