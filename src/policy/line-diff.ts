import { type Edit, editsOf } from '../base/edits.ts';

/** Lines of context around a change. */
const CONTEXT = 3;
/** Changed lines beyond which the smallest difference is not searched for. */
const MOST_EDITS = 500;

/** A unified diff of two texts by lines, hunks with three lines of context; empty when they are equal. */
export function unifiedDiff(before: string, after: string): string[] {
  const edits = editsOf(linesOf(before), linesOf(after), MOST_EDITS);
  const lines: string[] = [];
  let at = 0;
  let [oldLine, newLine] = [1, 1];
  while (at < edits.length) {
    const start = edits.findIndex((edit, i) => i >= at && edit.kind !== ' ');
    if (start < 0) break;
    const from = Math.max(at, start - CONTEXT);
    const to = hunkEnd(edits, start);
    for (const edit of edits.slice(at, from)) {
      if (edit.kind !== '+') oldLine += 1;
      if (edit.kind !== '-') newLine += 1;
    }
    const hunk = edits.slice(from, to);
    const oldCount = hunk.filter((edit) => edit.kind !== '+').length;
    const newCount = hunk.filter((edit) => edit.kind !== '-').length;
    lines.push(`@@ -${range(oldLine, oldCount)} +${range(newLine, newCount)} @@`);
    for (const edit of hunk) lines.push(`${edit.kind}${edit.item}`);
    oldLine += oldCount;
    newLine += newCount;
    at = to;
  }
  return lines;
}

function linesOf(text: string): string[] {
  const lines = text.split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  return lines;
}

/** An empty side counts from the line before it, as diff(1) writes it. */
function range(line: number, count: number): string {
  return count === 0 ? `${line - 1},0` : `${line},${count}`;
}

/** Changes that are nearer than twice the context share a hunk. */
function hunkEnd(edits: readonly Edit[], start: number): number {
  let last = start;
  for (let i = start; i < edits.length && i <= last + 2 * CONTEXT; i++) {
    if (edits[i]?.kind !== ' ') last = i;
  }
  return Math.min(edits.length, last + CONTEXT + 1);
}
