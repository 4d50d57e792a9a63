/** `-` only before, `+` only after, a space in both. */
export type Edit = { readonly kind: ' ' | '-' | '+'; readonly item: string };

/**
 * How one list becomes another, by the fewest edits. Myers, "An O(ND) Difference Algorithm and Its Variations" (1986),
 * greedy form; equal ends are cut off first. Beyond `most` edits the smallest difference is not searched for (memory
 * grows with its square): then all between the equal ends is taken out and put in anew.
 */
export function editsOf(before: readonly string[], after: readonly string[], most: number): Edit[] {
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
  const same = (item: string): Edit => ({ kind: ' ', item });
  return [
    ...before.slice(0, head).map(same),
    ...shortestEdits(before.slice(head, before.length - tail), after.slice(head, after.length - tail), most),
    ...before.slice(before.length - tail).map(same),
  ];
}

function shortestEdits(before: readonly string[], after: readonly string[], bound: number): Edit[] {
  const furthest = new Map<number, number>([[1, 0]]);
  const history: Map<number, number>[] = [];
  const most = Math.min(before.length + after.length, bound);
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
    ...before.map((item): Edit => ({ kind: '-', item })),
    ...after.map((item): Edit => ({ kind: '+', item })),
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
      edits.push({ kind: ' ', item: before[x] ?? '' });
    }
    if (d === 0) break;
    if (down) edits.push({ kind: '+', item: after[fromY] ?? '' });
    else edits.push({ kind: '-', item: before[fromX] ?? '' });
    [x, y] = [fromX, fromY];
  }
  return edits.reverse();
}
