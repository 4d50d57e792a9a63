/** Lines of context around a change. */
const CONTEXT = 3;
/** Beyond this many changed lines the smallest difference is not searched for: memory grows with its square. */
const MOST_EDITS = 500;

type Edit = { readonly kind: ' ' | '-' | '+'; readonly line: string };

/** A unified diff of two texts by lines, hunks with three lines of context; empty when they are equal. */
export function unifiedDiff(before: string, after: string): string[] {
  const edits = editsOf(linesOf(before), linesOf(after));
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
    for (const edit of hunk) lines.push(`${edit.kind}${edit.line}`);
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

/** Myers, "An O(ND) Difference Algorithm and Its Variations" (1986), greedy form; equal ends are cut off first. */
function editsOf(before: readonly string[], after: readonly string[]): Edit[] {
  let head = 0;
  while (head < before.length && head < after.length && before[head] === after[head]) head++;
  let tail = 0;
  while (
    tail < before.length - head &&
    tail < after.length - head &&
    before[before.length - 1 - tail] === after[after.length - 1 - tail]
  ) {
    tail++;
  }
  const same = (line: string): Edit => ({ kind: ' ', line });
  return [
    ...before.slice(0, head).map(same),
    ...shortestEdits(before.slice(head, before.length - tail), after.slice(head, after.length - tail)),
    ...before.slice(before.length - tail).map(same),
  ];
}

function shortestEdits(before: readonly string[], after: readonly string[]): Edit[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const history: Map<number, number>[] = [];
  const most = Math.min(before.length + after.length, MOST_EDITS);
  for (let d = 0; d <= most; d++) {
    history.push(new Map(furthest));
    for (let k = -d; k <= d; k += 2) {
      const down = k === -d || (k !== d && reach(furthest, k - 1) < reach(furthest, k + 1));
      let x = down ? reach(furthest, k + 1) : reach(furthest, k - 1) + 1;
      while (x < before.length && x - k < after.length && before[x] === after[x - k]) x++;
      furthest.set(k, x);
      if (x >= before.length && x - k >= after.length) return retrace(before, after, history);
    }
  }
  return [
    ...before.map((line): Edit => ({ kind: '-', line })),
    ...after.map((line): Edit => ({ kind: '+', line })),
  ];
}

function reach(furthest: ReadonlyMap<number, number>, k: number): number {
  return furthest.get(k) ?? -1;
}

function retrace(
  before: readonly string[],
  after: readonly string[],
  history: readonly ReadonlyMap<number, number>[],
): Edit[] {
  const edits: Edit[] = [];
  let [x, y] = [before.length, after.length];
  for (let d = history.length - 1; d >= 0; d--) {
    const furthest = history[d] ?? new Map();
    const k = x - y;
    const down = k === -d || (k !== d && reach(furthest, k - 1) < reach(furthest, k + 1));
    const fromK = down ? k + 1 : k - 1;
    const fromX = d === 0 ? 0 : reach(furthest, fromK);
    const fromY = d === 0 ? 0 : fromX - fromK;
    while (x > fromX && y > fromY) {
      x -= 1;
      y -= 1;
      edits.push({ kind: ' ', line: before[x] ?? '' });
    }
    if (d === 0) break;
    if (down) edits.push({ kind: '+', line: after[fromY] ?? '' });
    else edits.push({ kind: '-', line: before[fromX] ?? '' });
    [x, y] = [fromX, fromY];
  }
  return edits.reverse();
}
