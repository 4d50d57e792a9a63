import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type LineCounter, type Node } from 'yaml';
import type { FilePath, Position } from './problem.ts';

/** Line and column of an offset into the text. */
export function positionOf(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  return { line, column: col };
}

/** Finds where a path stands in a parsed document: the value itself, or the nearest part that contains it. */
export function locator(
  document: Document.Parsed,
  lines: LineCounter,
): (path: FilePath) => Position | undefined {
  return (path) => {
    let node: Node | null = document.contents;
    let start = startOf(node);
    for (const step of path) {
      const child = childOf(document, node, step);
      if (child === undefined) break;
      start = child.start ?? start;
      node = child.node;
    }
    return start === undefined ? undefined : positionOf(lines, start);
  };
}

/** Where the key itself stands, for a key that should not be there. */
export function keyPosition(
  document: Document.Parsed,
  lines: LineCounter,
  path: FilePath,
  key: string,
): Position | undefined {
  let node: Node | null = document.contents;
  for (const step of path) node = childOf(document, node, step)?.node ?? null;
  const map = resolved(document, node);
  if (!isMap(map)) return undefined;
  for (const pair of map.items) {
    if (!isScalar(pair.key) || String(pair.key.value) !== key) continue;
    const start = startOf(pair.key);
    return start === undefined ? undefined : positionOf(lines, start);
  }
  return undefined;
}

interface Child {
  readonly node: Node | null;
  readonly start: number | undefined;
}

function childOf(document: Document.Parsed, parent: Node | null, step: string | number): Child | undefined {
  const node = resolved(document, parent);
  if (isSeq(node) && typeof step === 'number') {
    const item = node.items[step];
    return isNode(item) ? { node: item, start: startOf(item) } : undefined;
  }
  if (!isMap(node)) return undefined;
  for (const pair of node.items) {
    if (!isScalar(pair.key) || String(pair.key.value) !== String(step)) continue;
    const value = isNode(pair.value) ? pair.value : null;
    // An empty value has no place of its own; its key has.
    const start = isScalar(value) && value.source === '' ? undefined : startOf(value);
    return { node: value, start: start ?? startOf(pair.key) };
  }
  return undefined;
}

function resolved(document: Document.Parsed, node: Node | null): Node | null | undefined {
  return isAlias(node) ? (node.resolve(document) as Node | undefined) : node;
}

function startOf(node: Node | null): number | undefined {
  return node?.range?.[0];
}
