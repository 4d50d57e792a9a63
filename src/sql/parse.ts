import type { Node } from 'libpg-query';
import type { SyntaxRefusal } from './facts.ts';
import { grammarParse, grammarParsePlpgsql, loadGrammar } from './grammar.ts';

/** Longest text that is parsed, in UTF-8 bytes: 1 MiB takes the grammar about 0.15 s, and the gateway waits for it. */
export const MAX_TEXT_BYTES = 1 << 20;

export interface ParsedStatement {
  /** [start, end) in UTF-8 bytes of the text. */
  readonly start: number;
  readonly end: number;
  readonly node: Node;
}

export type Parsed =
  | { readonly ok: true; readonly statements: readonly ParsedStatement[] }
  | {
      readonly ok: false;
      readonly bytes: number;
      readonly reason: string;
      readonly syntaxError?: SyntaxRefusal;
    };

/** Loads PostgreSQL's grammar (WebAssembly, about 25 ms). Needed once before anything is analysed. */
export async function loadParser(): Promise<void> {
  await loadGrammar();
}

/** Splits and parses a text as the server's own grammar does. Never throws: what cannot be parsed is a reason. */
export function parseText(text: string): Parsed {
  if (text === '') return { ok: true, statements: [] };
  if (text.length > MAX_TEXT_BYTES)
    return { ok: false, bytes: text.length, reason: 'the text is over 1 MiB' };
  const bytes = Buffer.byteLength(text);
  const refuse = (reason: string) => ({ ok: false, bytes, reason }) as const;
  if (bytes > MAX_TEXT_BYTES) return refuse('the text is over 1 MiB');
  // A NUL would end the text for the parser, but perhaps not for whoever forwards it.
  if (text.includes('\0')) return refuse('the text holds a NUL character');
  if (!text.isWellFormed()) return refuse('the text is not valid Unicode');
  const parsed = grammarParse(text);
  if (!parsed.ok) {
    const message = shorten(parsed.message);
    const refused = refuse(`it does not parse: ${message}`);
    return parsed.position === undefined
      ? refused
      : { ...refused, syntaxError: { message, position: parsed.position } };
  }
  const statements: ParsedStatement[] = [];
  for (const raw of parsed.tree.stmts ?? []) {
    const start = raw.stmt_location ?? 0;
    const end = raw.stmt_len ? start + raw.stmt_len : bytes;
    if (!raw.stmt || start < 0 || end > bytes || start >= end) return refuse('the parser gave no tree');
    statements.push({ start, end, node: raw.stmt });
  }
  return { ok: true, statements };
}

/** What libpg-query prints of a PL/pgSQL function: nested objects with one key each. */
export type PlTree = { readonly [key: string]: unknown };

/** Parses `CREATE FUNCTION … LANGUAGE plpgsql` or `DO`; undefined where the grammar refuses it. */
export function parsePlpgsql(statement: string): PlTree | undefined {
  if (statement.length > MAX_TEXT_BYTES || statement.includes('\0')) return undefined;
  const parsed = grammarParsePlpgsql(statement);
  return parsed.ok ? (parsed.tree as PlTree) : undefined;
}

/** A syntax error may quote a literal at length. */
const shorten = (message: string) => (message.length > 120 ? `${message.slice(0, 117)}…` : message);
