import { readOption, unwrap, type WrapperSyntax } from './options.ts';
import { READS, unknown, type Verdict, WRITES } from './verdict.ts';
import { isOperand, staysOne, type Word } from './word.ts';

/**
 * Options as a manual page lists them: `-abc` are flags, `-n:` takes a value, `--all` is a flag (also as
 * `--color=always`), `--since:` takes a value.
 */
export type OptionNotation = string;

/**
 * A program whose calls are told by their first operands. Keys are verbs that share the options behind them; a verb of
 * two words has a slash (`image/ls`), one that takes no operand ends with `!`, and the empty one is a call without verbs.
 */
export interface CallTable {
  /** Options that may stand before the verb. */
  readonly before?: OptionNotation;
  readonly reads: Readonly<Record<string, OptionNotation>>;
  readonly writes?: Readonly<Record<string, OptionNotation>>;
  /** Letters and long names of which one has to be there, since without it the program does something else. */
  readonly needs?: string;
  /** Operands that make the call what `otherwise` says. */
  readonly refuses?: RegExp;
  /** Its long options begin with one dash: `-noout`. */
  readonly oneDash?: true;
  /** What every other call is. */
  readonly otherwise: Verdict['effect'];
}

interface Form {
  readonly verdict: Verdict;
  readonly syntax: WrapperSyntax;
  readonly operands: boolean;
}

interface ReadTable {
  readonly before: WrapperSyntax | undefined;
  readonly forms: ReadonlyMap<string, Form>;
}

const read = new Map<CallTable, ReadTable>();

/** What a call of a program does by its table. */
export function callVerdict(name: string, table: CallTable, args: readonly Word[]): Verdict {
  const { before, forms } = readTable(table);
  const words = table.oneDash === true ? args.map(twoDashes) : args;
  // Behind `--` there are no options, so it is taken off only where a verb follows.
  const found = formOf(forms, (before === undefined ? undefined : unwrap(words, before)) ?? words);
  const call = found && readCall(found.rest, found.form.syntax);
  if (found !== undefined && call !== undefined && fits(table, found.form, call)) return found.form.verdict;
  if (table.otherwise !== 'unknown') return { effect: table.otherwise };
  return unknown(`this call of ${name}, or an option of it, may run or write something`);
}

function twoDashes(word: Word): Word {
  return word.text !== undefined && /^-[^-]/.test(word.text) ? { ...word, text: `-${word.text}` } : word;
}

function formOf(
  forms: ReadonlyMap<string, Form>,
  words: readonly Word[],
): { readonly form: Form; readonly rest: readonly Word[] } | undefined {
  const [first, second] = words;
  const both = first?.text !== undefined && second?.text !== undefined;
  const two = both ? forms.get(`${first.text}/${second.text}`) : undefined;
  if (two !== undefined) return { form: two, rest: words.slice(2) };
  const one = first?.text === undefined ? undefined : forms.get(first.text);
  if (one !== undefined) return { form: one, rest: words.slice(1) };
  const plain = forms.get('');
  return plain === undefined ? undefined : { form: plain, rest: words };
}

/** What stands behind a verb. */
interface Call {
  /** Letters and long names. */
  readonly options: readonly string[];
  readonly operands: readonly Word[];
}

function fits({ needs, refuses }: CallTable, form: Form, { operands, options }: Call): boolean {
  if (!form.operands && operands.length > 0) return false;
  if (needs !== undefined && !needs.split(' ').some((one) => options.includes(one))) return false;
  return refuses === undefined || operands.every(({ text }) => text !== undefined && !refuses.test(text));
}

/** Takes options and operands apart; undefined when an option is not known, or a word could turn out to be one. */
function readCall(args: readonly Word[], syntax: WrapperSyntax): Call | undefined {
  const options: string[] = [];
  const operands: Word[] = [];
  let ended = false;
  for (let at = 0; at < args.length; at++) {
    const word = args[at];
    if (word === undefined) break;
    if (ended || word.text === '-' || isOperand(word)) {
      if (word.maySplit) return undefined;
      operands.push(word);
    } else if (word.text === '--') ended = true;
    else {
      const option = word.text === undefined ? undefined : readOption(word.text, syntax);
      if (option === undefined) return undefined;
      options.push(...option.names);
      if (!option.valueFollows) continue;
      const value = args[++at];
      if (value === undefined || !staysOne(value)) return undefined;
    }
  }
  return { options, operands };
}

function readTable(table: CallTable): ReadTable {
  const done = read.get(table);
  if (done !== undefined) return done;
  const forms = new Map<string, Form>();
  const add = (verbs: string, options: OptionNotation, verdict: Verdict) => {
    const syntax = optionSyntax(options);
    for (const verb of verbs.split(' ')) {
      const operands = !verb.endsWith('!');
      forms.set(operands ? verb : verb.slice(0, -1), { verdict, syntax, operands });
    }
  };
  for (const [verbs, options] of Object.entries(table.reads)) add(verbs, options, READS);
  for (const [verbs, options] of Object.entries(table.writes ?? {})) add(verbs, options, WRITES);
  const made = { before: table.before === undefined ? undefined : optionSyntax(table.before), forms };
  read.set(table, made);
  return made;
}

/** Reads the notation. */
function optionSyntax(notation: OptionNotation): WrapperSyntax {
  let flags = '';
  let values = '';
  const longFlags: string[] = [];
  const longValues: string[] = [];
  for (const option of notation.split(/\s+/).filter((one) => one !== '')) {
    const valued = option.endsWith(':');
    const name = valued ? option.slice(0, -1) : option;
    if (name.startsWith('--')) (valued ? longValues : longFlags).push(name.slice(2));
    else if (valued) values += name.slice(1);
    else flags += name.slice(1);
  }
  return { flags, values, longFlags, longValues };
}
