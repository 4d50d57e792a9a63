import type { Node } from 'libpg-query';

/** Small readers of the parse tree's own shapes. */

/** A node is an object with one key, its kind; these two take it apart. */
export function kindOf(node: Node): string {
  for (const kind in node) return kind;
  return '';
}

/** What stands under a node's one key. */
export function bodyOf(node: Node): unknown {
  return (node as Record<string, unknown>)[kindOf(node)];
}

/** The string of a `String` node, undefined for anything else. */
export function stringOf(node: Node | undefined): string | undefined {
  if (node === undefined || !('String' in node)) return undefined;
  return node.String.sval ?? '';
}

/** A name's parts: `List` of `String`s, or `String`s. */
export function nameParts(nodes: readonly Node[] | undefined): string[] {
  const parts: string[] = [];
  for (const node of nodes ?? []) {
    const part = stringOf(node);
    if (part !== undefined) parts.push(part);
  }
  return parts;
}

/** A literal's text as the server would read it, casts of literals looked through; undefined where it is computed. */
export function constantText(node: Node | undefined): string | undefined {
  if (node === undefined) return undefined;
  if ('A_Const' in node) {
    const constant = node.A_Const as {
      sval?: { sval?: string };
      ival?: { ival?: number };
      fval?: { fval?: string };
      boolval?: { boolval?: boolean };
      isnull?: boolean;
    };
    if (constant.isnull) return undefined;
    if (constant.sval) return constant.sval.sval ?? '';
    if (constant.ival) return String(constant.ival.ival ?? 0);
    if (constant.fval) return constant.fval.fval ?? '';
    if (constant.boolval) return constant.boolval.boolval ? 'true' : 'false';
    return undefined;
  }
  if ('String' in node) return node.String.sval ?? '';
  if ('Integer' in node) return String(node.Integer.ival ?? 0);
  if ('Float' in node) return node.Float.fval ?? '';
  if ('Boolean' in node) return node.Boolean.boolval ? 'true' : 'false';
  if ('TypeCast' in node) {
    const type = nameParts(node.TypeCast.typeName?.names).at(-1);
    const plain =
      type === 'text' || type === 'varchar' || type === 'regclass' || type === 'name' || type === 'bool';
    return plain ? constantText(node.TypeCast.arg) : undefined;
  }
  if ('TypeName' in node) return nameParts(node.TypeName.names).at(-1);
  return undefined;
}

/** Last option of that name wins, as the server has it for EXPLAIN. */
export function lastOption(options: readonly Node[] | undefined, name: string): { arg?: Node } | undefined {
  let found: { arg?: Node } | undefined;
  for (const option of options ?? []) {
    if ('DefElem' in option && option.DefElem.defname?.toLowerCase() === name) found = option.DefElem;
  }
  return found;
}

/** Every node below this one, by its kind. */
export function visit(node: unknown, found: (kind: string, body: unknown) => void): void {
  if (typeof node !== 'object' || node === null) return;
  for (const [key, child] of Object.entries(node)) {
    if (/^[A-Z]/.test(key)) found(key, child);
    visit(child, found);
  }
}
