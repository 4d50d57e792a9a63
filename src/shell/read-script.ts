import { isNumeric } from './arithmetic.ts';
import { child, children, flag, number, parseTree, type Tree, text, typeOf } from './grammar.ts';
import { type Delimiter, hereProblem } from './here-documents.ts';
import { type Known, knownOfShells, knownValues } from './known-values.ts';
import { type RedirectHost, readRedirect } from './read-redirect.ts';
import { readArithmetic, readWord } from './read-word.ts';
import type { Assignment, Script, SimpleCommand } from './script.ts';
import { testWords } from './test-clause.ts';
import { computedWord } from './word.ts';

/** `&&` in the grammar's numbering. */
const AND = 10;

/** Statements inside statements; a line written by hand has a handful. */
const DEEPEST = 200;

/** Parses a command line and takes out all that could run. Throws SyntaxError where the grammar does. */
export function readScript(line: string): Script {
  const statements = children(parseTree(line), 'Stmts');
  const reader = new ScriptReader(statements);
  reader.statements(statements);
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
  #values: ReadonlyMap<string, Known> | undefined;
  /** Variables that the line has given a value to, whichever way it came here. */
  #settled = new Set<string>();
  #depth = 0;

  constructor(whole: readonly Tree[]) {
    this.#whole = whole;
  }

  script(): Script {
    return { commands: this.#commands, functions: this.#functions, problems: [...this.#problems] };
  }

  substitution(statements: readonly Tree[]): void {
    this.#apart(() => this.statements(statements));
  }

  assigned(name: string): void {
    this.#commands.push({
      assignments: [{ name, value: undefined, exported: false }],
      words: [],
      redirects: [],
    });
  }

  readonly known = (name: string): Known | undefined => {
    if (!this.#settled.has(name)) return knownOfShells(name);
    this.#values ??= knownValues(this.#whole);
    return this.#values.get(name);
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
      this.#commands.push({ assignments, words, redirects });
      if (words.length === 0 && !flag(node, 'Background')) {
        for (const { name } of assignments) this.#settled.add(name);
      }
      return;
    }
    if (redirects.length > 0) this.#commands.push({ assignments: [], words: [], redirects });
    if (command === undefined) return;
    if (typeOf(command) === 'Block' && !flag(node, 'Background')) return this.#compound(command);
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
        this.#functions.add(text(child(node, 'Name')));
        return this.#inner(node, 'Body');
      case 'TimeClause':
        return this.#inner(node, 'Stmt');
      case 'CoprocClause':
        // It sets a variable of any name.
        this.problem('coproc can change a variable that changes what runs');
        return this.#inner(node, 'Stmt');
      case 'DeclClause':
        return this.#declaration(node);
      case 'TestClause': {
        const words = testWords(child(node, 'X'));
        if (words === undefined)
          return this.problem('this [[ … ]] may mean other things in other shells: write [ … ]');
        for (const word of words) readWord(word, this);
        return;
      }
      case 'ArithmCmd':
      case 'LetClause':
        return this.problem('((…)) and let can run what a variable holds');
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

  #inner(node: Tree, field: string): void {
    const statement = child(node, field);
    if (statement !== undefined) this.statements([statement]);
  }

  #if(node: Tree): void {
    this.statements(children(node, 'Cond'));
    this.statements(children(node, 'Then'));
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
    const counter = begins === undefined ? undefined : child(begins, 'X');
    const [name] = counter === undefined ? [] : children(counter, 'Parts');
    if (name !== undefined && typeOf(name) === 'Lit' && /^[a-z_]\w*$/.test(text(name)))
      this.#settled.add(text(name));
    const parts = [begins, child(loop, 'Cond'), child(loop, 'Post')];
    if (parts.every((one) => isNumeric(one, this.known))) return;
    this.problem('for ((…)) can run what a variable holds');
    for (const one of parts) readArithmetic(one, this);
  }

  #case(node: Tree): void {
    const subject = child(node, 'Word');
    if (subject !== undefined) readWord(subject, this);
    for (const item of children(node, 'Items')) {
      for (const pattern of children(item, 'Patterns')) readWord(pattern, this);
      this.statements(children(item, 'Stmts'));
    }
  }

  /** `export A=1`, `readonly B`, `declare -x C`. */
  #declaration(node: Tree): void {
    const variant = text(child(node, 'Variant'));
    if (!['export', 'readonly', 'local'].includes(variant)) {
      this.problem(`${variant} can give a variable a meaning of its own`);
    }
    const assignments = children(node, 'Args').flatMap((one) => {
      const value = child(one, 'Value');
      if (!flag(one, 'Naked') || value === undefined) return this.#assignment(one, variant === 'export');
      // An option (`-p`), or a name that is computed.
      const word = readWord(value, this);
      if (word.text !== '-p') this.problem(`${variant} ${word.source} cannot be judged`);
      return [];
    });
    this.#commands.push({ assignments, words: [], redirects: [] });
  }

  #assignment(node: Tree, exported: boolean): Assignment[] {
    const name = text(child(node, 'Name'));
    if (child(node, 'Index') !== undefined) {
      this.problem('an array index can run what a variable holds');
      readArithmetic(child(node, 'Index'), this);
    }
    const array = child(node, 'Array');
    if (array !== undefined) {
      for (const element of children(array, 'Elems')) {
        const value = child(element, 'Value');
        if (value !== undefined) readWord(value, this);
        const index = child(element, 'Index');
        if (index === undefined || isNumeric(index, this.known)) continue;
        this.problem('an array index can run what a variable holds');
        readArithmetic(index, this);
      }
    }
    // What it comes to is not what stands there.
    if (array !== undefined || flag(node, 'Append')) {
      const added = child(node, 'Value');
      if (added !== undefined) readWord(added, this);
      return [{ name, value: computedWord('…'), exported }];
    }
    const value = child(node, 'Value');
    return [{ name, value: value === undefined ? undefined : readWord(value, this), exported }];
  }
}
