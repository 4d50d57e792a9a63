import type { Node } from 'libpg-query';
import { nameParts, visit } from './tree.ts';

/** How the code of a trigger or a rule speaks of the row it is fired for: NEW, OLD, and what came out of them. */

/** The words for the row, as the parser gives them. */
export const isRow = (name: string): boolean => name === 'new' || name === 'old';

/** A column of the row, the row itself, or what EXECUTE … USING hands over. */
function mentionsRow(node: Node): boolean {
  return refersTo(node, (parts) => isRow(parts[0] ?? ''));
}

/** A bare name other than the trigger's own words is a variable, or a column of another table. */
export function mentionsVariable(node: Node): boolean {
  return refersTo(node, ([first = '']) => !first.startsWith('tg_') && !isRow(first));
}

function refersTo(node: Node, test: (parts: readonly string[]) => boolean): boolean {
  let found = false;
  visit(node, (kind, body) => {
    if (kind === 'ColumnRef') found ||= test(nameParts((body as { fields?: Node[] }).fields));
    // What EXECUTE … USING hands over.
    if (kind === 'ParamRef') found ||= test(['$']);
  });
  return found;
}

/** A statement that puts values into a table. */
export const putsRows = (node: Node): boolean =>
  'InsertStmt' in node || 'UpdateStmt' in node || 'MergeStmt' in node;

/**
 * The column of NEW that an assignment is made to; the empty name for NEW as a whole, undefined for anything else. An
 * assignment is read as two queries, of its target and of its value.
 */
export function assignedColumn([target, value]: readonly Node[]): string | undefined {
  const [column] = target ? selected(target) : [];
  if (value === undefined || column === undefined || !('ColumnRef' in column)) return undefined;
  const [row, name = ''] = nameParts(column.ColumnRef.fields);
  return row === 'new' ? name : undefined;
}

/** Functions that make a row out of what they are given. */
const MAKES_ROWS: ReadonlySet<string> = new Set([
  'json_populate_record',
  'jsonb_populate_record',
  'populate_record',
  'json_to_record',
  'jsonb_to_record',
]);

/** A query of one value that makes another row out of the row. */
export function makesRow(node: Node): boolean {
  const [value, ...more] = selected(node);
  if (value === undefined || more.length > 0 || !('FuncCall' in value)) return false;
  return MAKES_ROWS.has(nameParts(value.FuncCall.funcname).at(-1) ?? '') && mentionsRow(node);
}

/** `RETURN NEW`, `RETURN COALESCE(NEW, OLD)`: what a trigger ends with. */
export function returnsRow(node: Node): boolean {
  const [value] = selected(node);
  if (value === undefined) return false;
  if ('ColumnRef' in value) return nameParts(value.ColumnRef.fields).length === 1;
  return 'CoalesceExpr' in value && (value.CoalesceExpr.args ?? []).every((arg) => 'ColumnRef' in arg);
}

/** A query, or RETURNING, that tells whoever fired the rule of the row. */
export function showsRow(node: Node): boolean {
  const shows = 'DeleteStmt' in node ? node.DeleteStmt.returningClause !== undefined : true;
  return shows && mentionsRow(node);
}

/** The values of a query's list, in order; undefined where there is none to tell. */
function selected(node: Node): readonly (Node | undefined)[] {
  const list = 'SelectStmt' in node ? (node.SelectStmt.targetList ?? []) : [];
  return list.map((item) => ('ResTarget' in item ? item.ResTarget.val : undefined));
}
