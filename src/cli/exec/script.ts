import type { ScriptStatement } from '../../api/schemas.ts';

/** The statements of a text, as its protocol reads them; undefined when it cannot. */
export type Outline = (text: string) => Promise<readonly ScriptStatement[] | undefined>;

/** What goes to the server in one message. */
export interface Piece {
  readonly text: string;
  /** The line of the script, from 1, on which it begins. */
  readonly line: number;
}

export interface Plan {
  readonly pieces: readonly Piece[];
  /** How the statement begins that keeps the script from being one transaction. */
  readonly apart: string | undefined;
}

/** Words without which no statement needs to run outside a transaction: then nothing has to be read. */
const OUTSIDERS =
  /\b(concurrently|vacuum|database|tablespace|alter\s+system|subscription|cluster|reindex)\b/i;

/**
 * A script is sent whole, so that it is one transaction (PostgreSQL docs 55.2.2.1), unless a statement in it cannot
 * run inside one: then its statements go one by one.
 */
export async function planScript(text: string, outline: Outline): Promise<Plan> {
  const whole: Plan = { pieces: [{ text, line: 1 }], apart: undefined };
  if (!OUTSIDERS.test(text)) return whole;
  const statements = (await outline(text)) ?? [];
  const outsider = statements.find((one) => one.outside);
  if (statements.length < 2 || outsider === undefined) return whole;
  const pieces = statements.map(({ start, end, line }) => ({ text: text.slice(start, end), line }));
  return { pieces, apart: outsider.begins };
}

/** Where in the script something failed. */
export interface FailedPlace {
  /** From 1; undefined when it cannot be told. */
  readonly statement: number | undefined;
  readonly statements: number;
  readonly line: number;
  /** How the statement begins. */
  readonly begins: string | undefined;
}

/**
 * `completed` statements of the piece were answered before the error; `position` is the server's, in characters
 * from 1. Undefined when the script is one statement on one line, which needs no telling.
 */
export async function placeOfFailure(
  piece: Piece,
  completed: number,
  position: number | undefined,
  outline: Outline,
): Promise<FailedPlace | undefined> {
  const statements = (await outline(piece.text)) ?? [];
  if (statements.length < 2 && piece.line === 1 && !piece.text.trim().includes('\n')) return undefined;
  const at =
    position === undefined ? completed : (statementAt(statements, piece.text, position) ?? completed);
  const one = statements[at];
  const line = position === undefined ? one?.line : lineOf(piece.text, position);
  if (line === undefined) return undefined;
  return {
    statement: one && at + 1,
    statements: statements.length,
    line: piece.line - 1 + line,
    begins: one?.begins,
  };
}

/** Characters are code points to the server, and count from 1. */
function lineOf(text: string, position: number): number {
  return before(text, position).split('\n').length;
}

function statementAt(
  statements: readonly ScriptStatement[],
  text: string,
  position: number,
): number | undefined {
  const { length } = before(text, position);
  const found = statements.findIndex(({ end, start }) => start <= length && length < end);
  return found < 0 ? undefined : found;
}

function before(text: string, position: number): string {
  return [...text].slice(0, position - 1).join('');
}
