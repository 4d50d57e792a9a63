import { isNumeric, nameIn, setsAtOnce } from './arithmetic.ts';
import { readAtOnce } from './given-up.ts';
import { child, children, flag, number, parseTree, rowsOf, type Tree, text, typeOf } from './grammar.ts';
import { type Delimiter, hereProblem } from './here-documents.ts';
import { type Known, knownOfShells, knownValues } from './known-values.ts';
import { readArray } from './read-array.ts';
import { type RedirectHost, readRedirect } from './read-redirect.ts';
import { readArithmetic, readWord } from './read-word.ts';
import type { Assignment, Script, SimpleCommand } from './script.ts';
import { testWords } from './test-clause.ts';
import { comesWithSessions } from './variables.ts';
import { computedWord, literalWord } from './word.ts';

/** `&&` in the grammar's numbering. */
const AND = 10;

/** Statements inside statements; a line written by hand has a handful. */
const DEEPEST = 200;

export interface ReadingShell {
  /** It is Bash that reads the line, and no other POSIX shell. */
  readonly bash: boolean;
  /** Variables that it may find in its environment with values of anybody's choice. */
  readonly inherited?: ReadonlySet<string>;
}

/** Parses a command line and takes out all that could run. Throws SyntaxError where the grammar does. */
export function readScript(line: string, shell: ReadingShell = { bash: false }): Script {
  const statements = children(parseTree(line), 'Stmts');
  const reader = new ScriptReader(statements, shell);
  reader.line(line, statements);
  const here = hereProblem(line, reader.delimiters);
  if (here !== undefined) reader.problem(here);
  return reader.script();
}

class ScriptReader implements RedirectHost {
  readonly delimiters: Delimiter[] = [];
  readonly #commands: SimpleCommand[] = [];
  readonly #functions = new Set<string>();
  readonly #problems = new Set<string>();
  readonly #whole: readonly Tree[];
  readonly #shell: ReadingShell;
  #values: ReadonlyMap<string, Known> | undefined;
  /** Variables that the line has given a value to, and functions (`f()`) that it has made, whichever way it came here. */
  #settled = new Set<string>();
  /** Of these, those that may have none after all. */
  readonly #doubtful = new Set<string>();
  #depth = 0;
  #inFunction = 0;

  constructor(whole: readonly Tree[], shell: ReadingShell) {
    this.#whole = whole;
    this.#shell = shell;
  }

  script(): Script {
    // It takes functions away, too, and what their names mean then is nothing of the line's.
    const kept = !this.#commands.some(({ words }) => words.some(({ text }) => text === 'unset'));
    const commands = this.#commands.map((one) => ({ ...one, defined: one.defined && kept }));
    return { commands, functions: this.#functions, problems: [...this.#problems] };
  }

  substitution(statements: readonly Tree[]): void {
    this.#apart(() => this.statements(statements));
  }

  assigned(name: string): void {
    this.#commands.push({
      assignments: [{ name, value: undefined, exported: false }],
      words: [],
      redirects: [],
      defined: false,
    });
  }

  readonly known = (name: string): Known | undefined => {
    // A value that cannot be calculated leaves what was there before, and Bash goes on with the next line.
    if (this.#shell.inherited?.has(name) === true || comesWithSessions(name)) return undefined;
    if (!this.#settled.has(name)) return knownOfShells(name);
    this.#values ??= knownValues(this.#whole);
    const value = this.#values.get(name);
    const doubtful = value !== undefined && this.#doubtful.has(name);
    return doubtful ? { ...value, plain: false, empty: true, prefix: '' } : value;
  };

  /** What is settled in there need not be behind it. */
  #apart(read: () => void): void {
    const before = this.#settled;
    this.#settled = new Set(before);
    read();
    this.#settled = before;
  }

  problem(words: string): void {
    this.#problems.add(words);
  }

  /** Goes through the rows that a shell reads at a time. */
  line(whole: string, list: readonly Tree[]): void {
    for (const { givenUp, statements } of readAtOnce(whole, list)) {
      const before = new Set(this.#settled);
      for (const one of statements) this.statements([one]);
      for (const name of givenUp ? this.#settled : []) if (!before.has(name)) this.#doubtful.add(name);
    }
  }

  statements(list: readonly Tree[]): void {
    this.#depth++;
    if (this.#depth > DEEPEST) throw new SyntaxError('it is nested too deeply');
    for (const one of list) this.#statement(one);
    this.#depth--;
  }

  #statement(node: Tree): void {
    const redirects = children(node, 'Redirs').map((redirect) => readRedirect(redirect, this));
    const command = child(node, 'Cmd');
    if (command !== undefined && typeOf(command) === 'CallExpr') {
      const assignments = children(command, 'Assigns').flatMap((one) =>
        this.#assignment(one, children(command, 'Args').length > 0),
      );
      const words = children(command, 'Args').map((word) => readWord(word, this));
      const name = words[0]?.text;
      const made = `${name}()`;
      const defined = name !== undefined && this.#settled.has(made) && !this.#doubtful.has(made);
      this.#commands.push({ assignments, words, redirects, defined });
      // Behind a redirection that fails nothing is set.
      if (words.length === 0 && redirects.length === 0 && !flag(node, 'Background')) {
        // What is added to a value has what was there before in it.
        const whole = children(command, 'Assigns').filter((one) => !flag(one, 'Append'));
        for (const one of whole) this.#settled.add(text(child(one, 'Name')));
      }
      return;
    }
    if (redirects.length > 0) {
      this.#commands.push({ assignments: [], words: [], redirects, defined: false });
    }
    if (command === undefined) return;
    const certain = !flag(node, 'Background') && redirects.length === 0;
    const here = certain && ['Block', 'FuncDecl', 'ArithmCmd', 'DeclClause'].includes(typeOf(command));
    if (here) return this.#compound(command);
    if (typeOf(command) === 'BinaryCmd' && number(command, 'Op') === AND && !flag(node, 'Background')) {
      return this.#apart(() => this.#chain(command));
    }
    this.#apart(() => this.#compound(command));
  }

  #compound(node: Tree): void {
    switch (typeOf(node)) {
      case 'Block':
      case 'Subshell':
        return this.statements(children(node, 'Stmts'));
      case 'BinaryCmd':
        for (const one of [child(node, 'X'), child(node, 'Y')]) {
          if (one !== undefined) this.#apart(() => this.statements([one]));
        }
        return;
      case 'IfClause':
        return this.#if(node);
      case 'WhileClause':
        this.statements(children(node, 'Cond'));
        return this.statements(children(node, 'Do'));
      case 'ForClause':
        return this.#for(node);
      case 'CaseClause':
        return this.#case(node);
      case 'FuncDecl':
        return this.#function(node);
      case 'TimeClause':
        return this.#inner(node, 'Stmt');
      case 'CoprocClause':
        // It sets a variable of any name.
        this.problem('coproc can change a variable that changes what runs');
        return this.#inner(node, 'Stmt');
      case 'DeclClause':
        return this.#declaration(node);
      case 'TestClause': {
        // Where `[[` is no word of the shell, a new line ends it.
        const { first, last } = rowsOf(node);
        const words = first === last ? testWords(child(node, 'X'), this.known) : undefined;
        if (words === undefined)
          return this.problem('this [[ … ]] may mean other things in other shells: write [ … ]');
        for (const word of words) readWord(word, this);
        return;
      }
      case 'ArithmCmd':
        // Other shells take it for a command in two subshells.
        if (!this.#shell.bash)
          this.problem('((…)) is no arithmetic in every shell: write x=$((…)), or [ … ]');
        this.#arithmetic([child(node, 'X')], '((…))');
        return;
      case 'LetClause':
        return this.#arithmetic(children(node, 'Exprs'), 'let');
      default:
        return this.problem(`${typeOf(node)} cannot be judged`);
    }
  }

  /** `a && b && c`: what a part settles holds for those behind it. */
  #chain(node: Tree): void {
    this.#depth++;
    if (this.#depth > DEEPEST) throw new SyntaxError('it is nested too deeply');
    for (const one of [child(node, 'X'), child(node, 'Y')]) {
      const command = one && child(one, 'Cmd');
      const goes = command !== undefined && typeOf(command) === 'BinaryCmd' && number(command, 'Op') === AND;
      if (goes && one !== undefined && children(one, 'Redirs').length === 0) this.#chain(command);
      else if (one !== undefined) this.statements([one]);
    }
    this.#depth--;
  }

  /** What a part sets is set behind it, but what may not be come to. */
  #arithmetic(expressions: readonly (Tree | undefined)[], what: string): void {
    for (const one of expressions) {
      if (!isNumeric(one, this.known)) this.problem(`${what} can run what a variable holds`);
      readArithmetic(one, this);
      const name = setsAtOnce(one);
      if (name !== undefined && this.#shell.bash) this.#settled.add(name);
    }
  }

  /** All of it counts where it is made; the name means it from here on. */
  #function(node: Tree): void {
    const name = text(child(node, 'Name'));
    // Two of one name could run each other without end.
    if (this.#functions.has(name)) this.problem(`${name} is defined twice`);
    this.#functions.add(name);
    const body = child(node, 'Body');
    const kind = typeOf(child(body ?? node, 'Cmd') ?? node);
    // The grammar takes what stands behind the body, by `|` or `&&`, for a part of it.
    const whole = ['Block', 'Subshell'].includes(kind) && !flag(body ?? node, 'Background');
    if (!whole) this.problem('a function is made within a list: end it with ; or a new line');
    this.#inFunction++;
    this.#apart(() => this.#inner(node, 'Body'));
    this.#inFunction--;
    if (whole && !flag(node, 'RsrvWord')) this.#settled.add(`${name}()`);
  }

  #inner(node: Tree, field: string): void {
    const statement = child(node, field);
    if (statement !== undefined) this.statements([statement]);
  }

  #if(node: Tree): void {
    this.statements(children(node, 'Cond'));
    this.#apart(() => this.statements(children(node, 'Then')));
    const otherwise = child(node, 'Else');
    if (otherwise === undefined) return;
    this.#depth++;
    if (this.#depth > DEEPEST) throw new SyntaxError('it is nested too deeply');
    this.#if(otherwise);
    this.#depth--;
  }

  #for(node: Tree): void {
    const loop = child(node, 'Loop');
    if (loop === undefined || typeOf(loop) !== 'WordIter') {
      if (loop !== undefined) this.#counting(loop);
    } else {
      for (const item of children(loop, 'Items')) readWord(item, this);
      // The loop's variable is set like any other.
      const name = text(child(loop, 'Name'));
      this.assigned(name);
      this.#settled.add(name);
    }
    this.statements(children(node, 'Do'));
  }

  /** `for ((i = 0; i < 3; i++))`, which shells that do not know it do not begin to run. */
  #counting(loop: Tree): void {
    const begins = child(loop, 'Init');
    const name = begins && nameIn(child(begins, 'X'));
    if (name !== undefined && /^[a-z_]/.test(name)) this.#settled.add(name);
    this.#arithmetic([begins, child(loop, 'Cond'), child(loop, 'Post')], 'for ((…))');
  }

  #case(node: Tree): void {
    const subject = child(node, 'Word');
    if (subject !== undefined) readWord(subject, this);
    for (const item of children(node, 'Items')) {
      for (const pattern of children(item, 'Patterns')) readWord(pattern, this);
      this.#apart(() => this.statements(children(item, 'Stmts')));
    }
  }

  /** `export A=1`, `readonly B`, `declare -a C=(x y)`. */
  #declaration(node: Tree): void {
    const variant = text(child(node, 'Variant'));
    // The others are no builtins of every shell, or set nothing outside of a function, or by `-p`.
    const everywhere = /^(export|readonly)$/.test(variant) || (variant === 'local' && this.#inFunction > 0);
    const settles = everywhere || (this.#shell.bash && variant !== 'local');
    let plain = true;
    if (variant === 'nameref') this.problem('nameref can give a variable a meaning of its own');
    let exported = variant === 'export';
    const assignments: Assignment[] = [];
    for (const one of children(node, 'Args')) {
      const value = child(one, 'Value');
      if (!flag(one, 'Naked') || value === undefined) {
        const read = this.#assignment(one, exported);
        assignments.push(...read);
        const splits =
          child(one, 'Array') === undefined && read.some(({ value }) => value?.maySplit === true);
        // Older ones than POSIX of 2024 split it, and set what stands behind a blank.
        if (splits && !this.#shell.bash && text(child(one, 'Name')) !== 'PATH')
          this.problem(`${variant} may set more than one variable: quote its value`);
        const whole = !flag(one, 'Naked') && !flag(one, 'Append');
        if (settles && plain && whole) this.#settled.add(text(child(one, 'Name')));
        continue;
      }
      // An option, or a name that is computed. Integers and references would be evaluated whenever they are set.
      const word = readWord(value, this);
      if (!/^-[agprx]+$/.test(word.text ?? '')) this.problem(`${variant} ${word.source} cannot be judged`);
      exported ||= word.text?.includes('x') === true;
      plain &&= word.text?.includes('p') !== true;
    }
    this.#commands.push({ assignments, words: [], redirects: [], defined: false });
  }

  #assignment(node: Tree, exported: boolean): Assignment[] {
    const name = text(child(node, 'Name'));
    if (child(node, 'Index') !== undefined) {
      this.problem('an array index can run what a variable holds');
      readArithmetic(child(node, 'Index'), this);
    }
    const array = child(node, 'Array');
    if (array !== undefined) readArray(array, this);
    // What it comes to is not what stands there.
    if (array !== undefined || flag(node, 'Append')) {
      const added = child(node, 'Value');
      if (added !== undefined) readWord(added, this);
      return [{ name, value: computedWord('…'), exported }];
    }
    const value = child(node, 'Value');
    const empty = flag(node, 'Naked') ? undefined : literalWord('');
    return [{ name, value: value === undefined ? empty : readWord(value, this), exported }];
  }
}
