import type { Node } from 'libpg-query';
import { loadParser, type ParsedStatement, parseText } from '../../sql/parse.ts';
import type { ScriptStatement } from '../protocol.ts';

/** Characters shown of a statement. */
const SHOWN = 60;

/** The statements of a script, by the server's own grammar; undefined when that does not take it. */
export async function outlineScript(text: string): Promise<readonly ScriptStatement[] | undefined> {
  await loadParser();
  const parsed = parseText(text);
  if (!parsed.ok) return undefined;
  const bytes = Buffer.from(text);
  let line = 1;
  let counted = 0;
  let start = 0;
  return parsed.statements.map((one) => {
    const from = firstToken(bytes, one);
    for (let i = bytes.indexOf(0x0a, counted); i >= 0 && i < from; i = bytes.indexOf(0x0a, i + 1)) line++;
    start += bytes.toString('utf8', counted, from).length;
    counted = from;
    const own = bytes.toString('utf8', from, one.end);
    return { start, end: start + own.length, line, begins: beginning(own), outside: runsOutside(one.node) };
  });
}

/** Where a statement of a text begins, in characters from 1, as ErrorResponse tells it (docs 55.8, field P). */
export function positionIn(text: string, statement: Pick<ParsedStatement, 'start' | 'end'>): number {
  const bytes = Buffer.from(text);
  return [...bytes.toString('utf8', 0, firstToken(bytes, statement))].length + 1;
}

/** Statements that PostgreSQL refuses inside a transaction block (PreventInTransactionBlock in its sources). */
function runsOutside(node: Node): boolean {
  if ('IndexStmt' in node) return node.IndexStmt.concurrent === true;
  if ('DropStmt' in node) return node.DropStmt.concurrent === true;
  if ('VacuumStmt' in node) return node.VacuumStmt.is_vacuumcmd === true;
  if ('ReindexStmt' in node) {
    const { kind, params = [] } = node.ReindexStmt;
    const concurrently = params.some((one) => 'DefElem' in one && one.DefElem.defname === 'concurrently');
    return concurrently || (kind !== 'REINDEX_OBJECT_INDEX' && kind !== 'REINDEX_OBJECT_TABLE');
  }
  if ('ClusterStmt' in node) return node.ClusterStmt.relation === undefined;
  return (
    'CreatedbStmt' in node ||
    'DropdbStmt' in node ||
    'AlterSystemStmt' in node ||
    'CreateTableSpaceStmt' in node ||
    'DropTableSpaceStmt' in node ||
    'CreateSubscriptionStmt' in node ||
    'DropSubscriptionStmt' in node
  );
}

/** Behind the white space and comments that the grammar counts to a statement; comments nest (docs 4.1.5). */
function firstToken(bytes: Buffer, { start, end }: Pick<ParsedStatement, 'start' | 'end'>): number {
  let at = start;
  for (;;) {
    while (at < end && SPACE.has(bytes[at] ?? 0)) at++;
    if (bytes.toString('latin1', at, at + 2) === '--') {
      const newline = bytes.indexOf(0x0a, at);
      if (newline < 0 || newline >= end) return start;
      at = newline + 1;
    } else if (bytes.toString('latin1', at, at + 2) === '/*') {
      const behind = endOfComment(bytes, at, end);
      if (behind === undefined) return start;
      at = behind;
    } else return at < end ? at : start;
  }
}

const SPACE: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0b, 0x0c, 0x0d]);

function endOfComment(bytes: Buffer, from: number, end: number): number | undefined {
  let depth = 0;
  for (let at = from; at + 1 < end; at++) {
    const pair = bytes.toString('latin1', at, at + 2);
    if (pair === '/*') depth++;
    else if (pair === '*/') depth--;
    else continue;
    at++;
    if (depth === 0) return at + 1;
  }
  return undefined;
}

function beginning(text: string): string {
  const words = text
    .slice(0, 4 * SHOWN)
    .replace(/\s+/g, ' ')
    .trim();
  return words.length > SHOWN ? `${words.slice(0, SHOWN - 1)}…` : words;
}
