import { createRequire } from 'node:module';

/**
 * The shell grammar of mvdan.cc/sh in its JavaScript form, Bash's language with POSIX's inside it. Its nodes are
 * foreign objects whose fields are getters; they are read through `Tree` alone.
 */
export interface Tree {
  readonly [field: string]: unknown;
}

interface Grammar {
  readonly syntax: {
    NewParser(): { Parse(text: string, name: string): Tree };
    NodeType(node: Tree): string;
    IsIncomplete(error: unknown): boolean;
  };
}

let grammar: Grammar | undefined;

function loaded(): Grammar {
  if (grammar === undefined) {
    const { stackTraceLimit } = Error;
    grammar = createRequire(import.meta.url)('mvdan-sh') as Grammar;
    // Its runtime lifts the limit for the whole process, which makes every later error dear.
    Error.stackTraceLimit = stackTraceLimit;
  }
  return grammar;
}

/** Throws a SyntaxError with the grammar's own words: `1:5: reached EOF without closing quote "`. */
export function parseTree(text: string): Tree {
  try {
    return loaded().syntax.NewParser().Parse(text, '');
  } catch (error) {
    if (error instanceof RangeError) throw new SyntaxError('it is nested too deeply');
    throw new SyntaxError(wordsOf(error));
  }
}

/** True for text that a shell would go on reading: an open quote, here-document, `if`, or a backslash at the end. */
export function isUnfinished(text: string): boolean {
  try {
    loaded().syntax.NewParser().Parse(text, '');
  } catch (error) {
    return !(error instanceof RangeError) && loaded().syntax.IsIncomplete(error);
  }
  // Behind a comment a backslash is part of it; a shell that went on reading would only wait for an empty line.
  return /(?:^|[^\\])(?:\\\\)*\\$/.test(text) && !/(?:^|\s)#[^\n]*$/.test(text);
}

function wordsOf(error: unknown): string {
  if (typeof error === 'object' && error !== null && 'Error' in error && typeof error.Error === 'function') {
    return String(error.Error());
  }
  return 'it does not parse';
}

export function typeOf(node: Tree): string {
  return loaded().syntax.NodeType(node);
}

/** A node in a field; undefined for a nil pointer. */
export function child(node: Tree, field: string): Tree | undefined {
  const value = node[field];
  return typeof value === 'object' && value !== null && 'Pos' in value ? (value as Tree) : undefined;
}

/** A node's list of that name; none where it has no such field. */
export function children(node: Tree, field: string): readonly Tree[] {
  const value = node[field];
  return Array.isArray(value) ? (value as readonly Tree[]) : [];
}

/** A field that is text; the empty text where it is none. */
export function text(node: Tree | undefined, field = 'Value'): string {
  const value = node?.[field];
  return typeof value === 'string' ? value : '';
}

export function flag(node: Tree, field: string): boolean {
  return node[field] === true;
}

/** A field that is a number; -1 where it is none. */
export function number(node: Tree, field: string): number {
  const value = node[field];
  return typeof value === 'number' ? value : -1;
}

/** Fields of nodes that hold other nodes. */
const NODES =
  'Stmts Stmt Cmd Args Assigns Redirs Hdoc Parts X Y Cond Then Else Do Loop Items Patterns Word Body Value Array Elems Index Exp Slice Offset Length Repl Orig With Init Post Expr Exprs'.split(
    ' ',
  );

/** The nodes right below one. */
export function nodesIn(node: Tree): readonly Tree[] {
  return NODES.flatMap((field): Tree[] => {
    const one = child(node, field);
    if (one !== undefined) return [one];
    const inner = node[field];
    // A structure of the grammar that is no node itself.
    if (typeof inner === 'object' && inner !== null && !Array.isArray(inner)) {
      const parts = ['Word', 'Orig', 'With', 'Offset', 'Length'];
      return parts.flatMap((part): Tree[] => {
        const deep = child(inner as Tree, part);
        return deep === undefined ? [] : [deep];
      });
    }
    return [...children(node, field)];
  });
}

/** Rows of the text on which a node begins and ends, from 1. */
export function rowsOf(node: Tree): { readonly first: number; readonly last: number } {
  const { End, Pos } = node as { readonly [side in 'Pos' | 'End']: () => { Line(): number } };
  return { first: Pos.call(node).Line(), last: End.call(node).Line() };
}
