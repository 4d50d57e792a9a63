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
