import { isOperand, staysOne, type Word } from './word.ts';

/** Which options of a program matter, as GNU getopt reads them: clusters, abbreviations, `--name=value`. */
export interface OptionRule {
  /** Letters. */
  readonly short?: string;
  /** Long names without dashes; any abbreviation of one counts. */
  readonly long?: readonly string[];
}

/** What a scan of arguments found. */
export interface Scan {
  /** An argument is, or could be, one of the options. */
  readonly hit: boolean;
  /** An argument that is computed could be any option. */
  readonly open: boolean;
  readonly operands: readonly Word[];
}

/** Looks for options among arguments; over-reads (a value that looks like an option counts as one). */
export function scan(args: readonly Word[], rule: OptionRule): Scan {
  const operands: Word[] = [];
  let hit = false;
  let open = false;
  let ended = false;
  for (const word of args) {
    if (ended) {
      operands.push(word);
      open ||= word.maySplit;
    } else if (word.text === '--') ended = true;
    else if (word.text === undefined ? !isOperand(word) : false) open = true;
    else if (word.text?.startsWith('-') && word.text !== '-') hit ||= matches(word.text, rule);
    else operands.push(word);
  }
  return { hit, open, operands };
}

function matches(option: string, rule: OptionRule): boolean {
  if (option.startsWith('--')) {
    const name = option.slice(2).split('=', 1)[0] ?? '';
    return (rule.long ?? []).some((long) => long.startsWith(name));
  }
  return (
    [...(rule.short ?? '')].some((letter) => option.slice(1).includes(letter)) ||
    (rule.long ?? []).includes(option.slice(1))
  );
}

/** How a program that runs another one takes its own arguments. */
export interface WrapperSyntax {
  /** Letters of options without a value. */
  readonly flags?: string;
  /** Letters of options with a value. */
  readonly values?: string;
  readonly longFlags?: readonly string[];
  readonly longValues?: readonly string[];
  /** Operands before the command: 1 for `timeout 5 ls`. */
  readonly operands?: number;
}

/** The command inside a wrapper's arguments; undefined when the wrapper's own part cannot be told. */
export function unwrap(args: readonly Word[], syntax: WrapperSyntax): readonly Word[] | undefined {
  let at = 0;
  for (; at < args.length; at++) {
    const option = args[at];
    if (option === undefined || option.text === undefined) break;
    if (option.text === '--') {
      at++;
      break;
    }
    if (!option.text.startsWith('-') || option.text === '-') break;
    const read = readOption(option.text, syntax);
    if (read === undefined) return undefined;
    if (read.valueFollows) {
      const value = args[++at];
      if (value === undefined || !staysOne(value)) return undefined;
    }
  }
  for (let operand = 0; operand < (syntax.operands ?? 0); operand++, at++) {
    const word = args[at];
    if (word === undefined || !staysOne(word) || (word.text === undefined && word.mayBeOption))
      return undefined;
  }
  return args.slice(at);
}

/** An option, or a cluster of them. */
export interface OptionRead {
  /** Letters, or the long name. */
  readonly names: readonly string[];
  /** Its value is the next argument. */
  readonly valueFollows: boolean;
}

/** Takes an option apart as GNU getopt does; undefined for one that is not known. */
export function readOption(option: string, syntax: WrapperSyntax): OptionRead | undefined {
  if (option.startsWith('--')) {
    const equals = option.indexOf('=');
    const name = option.slice(2, equals < 0 ? undefined : equals);
    const valued = syntax.longValues?.includes(name) === true;
    if (!valued && syntax.longFlags?.includes(name) !== true) return undefined;
    return { names: [name], valueFollows: valued && equals < 0 };
  }
  const names: string[] = [];
  for (let at = 1; at < option.length; at++) {
    const letter = option[at] ?? '';
    names.push(letter);
    if (syntax.values?.includes(letter)) return { names, valueFollows: at === option.length - 1 };
    if (!syntax.flags?.includes(letter)) return undefined;
  }
  return { names, valueFollows: false };
}
