import { child, children, flag, parseTree, type Tree, text, typeOf } from '../grammar.ts';
import { readScript } from '../read-script.ts';
import { quoted } from '../word.ts';

/** A variable that a line has set for the lines behind it. */
export interface CarriedVariable {
  readonly value: string;
  readonly exported: boolean;
}

export type CarriedVariables = ReadonlyMap<string, CarriedVariable>;

/** What a line is run with. */
export interface LineSetting {
  /** Absolute; undefined for wherever a login begins. */
  readonly directory: string | undefined;
  readonly variables: CarriedVariables;
  /** What the line before has ended with: its `$?`. */
  readonly status: number;
}

/** All values together, in UTF-16 units. */
const MOST_CARRIED = 16 * 1024;

/** Assignments as they stand before a line; judged together with it. */
export function assignmentsText(variables: CarriedVariables): string {
  return [...variables]
    .map(([name, { exported, value }]) => `${exported ? 'export ' : ''}${name}=${quoted(value)}\n`)
    .join('');
}

/**
 * The script that runs one line in a shell of its own. The line stands last and as it is, so nothing of it can be
 * taken for ours and nothing of ours for it. Programs that want a pager get none, since keys do not reach them. The
 * trap reports the directory behind the line, between marks that hold the nonce.
 */
export function lineScript(
  line: string,
  { directory, status, variables }: LineSetting,
  nonce: string,
): string {
  const report = (what: string) => `printf '\\033]7;%s;%s\\007' ${nonce} "${what}"`;
  const enter =
    directory === undefined ? '' : `command cd -- ${quoted(directory)} || { ${report('')}; exit 1; }\n`;
  return [
    enter,
    `trap '${report('$PWD').replaceAll("'", `'\\''`)}' 0\n`,
    'export PAGER=cat GIT_PAGER=cat SYSTEMD_PAGER=cat MANPAGER=cat\n',
    assignmentsText(variables),
    status === 0 ? '' : `(exit ${status})\n`,
    line,
  ].join('');
}

/**
 * The variables after a line has run: those of a line that only sets variables to values it writes out
 * (`a=1`, `export B='x y'`) or takes them away (`unset a`) hold for the lines behind it. Whatever other lines set
 * ends with them.
 */
export function carriedAfter(line: string, before: CarriedVariables): CarriedVariables {
  const statements = children(parseTree(line), 'Stmts');
  if (!statements.every(onlySets)) return before;
  const { commands, problems } = readScript(line);
  if (problems.length > 0) return before;
  // `export a` of one that is set already.
  const bare = new Set(statements.flatMap(bareNames));
  const after = new Map(before);
  for (const { assignments, words } of commands) {
    for (const { exported, name, value } of assignments) {
      const kept = after.get(name);
      const now = bare.has(name) ? kept?.value : value?.text;
      if (now === undefined) return before;
      after.set(name, { value: now, exported: exported || kept?.exported === true });
    }
    for (const { text: name } of words.slice(1)) {
      if (name === undefined || name.startsWith('-')) return before;
      after.delete(name);
    }
  }
  let length = 0;
  for (const [name, { value }] of after) length += name.length + value.length;
  return length > MOST_CARRIED ? before : after;
}

function onlySets(statement: Tree): boolean {
  const command = child(statement, 'Cmd');
  if (command === undefined || children(statement, 'Redirs').length > 0) return false;
  if (['Background', 'Negated', 'Coprocess'].some((field) => flag(statement, field))) return false;
  if (typeOf(command) === 'DeclClause') return text(child(command, 'Variant')) === 'export';
  if (typeOf(command) !== 'CallExpr') return false;
  const [first] = children(command, 'Args');
  return first === undefined || wordText(first) === 'unset';
}

function bareNames(statement: Tree): readonly string[] {
  const command = child(statement, 'Cmd');
  if (command === undefined || typeOf(command) !== 'DeclClause') return [];
  return children(command, 'Args')
    .filter((one) => flag(one, 'Naked'))
    .map((one) => text(child(one, 'Name')));
}

function wordText(word: Tree): string | undefined {
  const [only, ...more] = children(word, 'Parts');
  return only !== undefined && more.length === 0 && typeOf(only) === 'Lit' ? text(only) : undefined;
}
