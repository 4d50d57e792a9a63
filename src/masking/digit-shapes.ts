/**
 * In what groups of digits cards, social security, telephone and national numbers are written. Searches look at the
 * digits of a text once, group by group, and ask here which number could end with the present one.
 */

/** A bit for each national id stands below these, by its place in the list that `shapesOf` was made from. */
export const SHAPE_BIT = {
  card: 1 << 24,
  ssn: 1 << 25,
  nineDigits: 1 << 26,
  northAmerican: 1 << 27,
} as const;

/** Digits of the longest group that any number has. */
const LONGEST_GROUP = 19;
/** Groups that a number can have. */
export const MOST_GROUPS = 7;

const SHAPES: readonly (readonly [number, string])[] = [
  // Lists of other numbers pass Luhn's check one time in ten.
  [SHAPE_BIT.card, '13/14/15/16/17/18/19'],
  [SHAPE_BIT.card, '4-4-4-2/3/4'],
  [SHAPE_BIT.card, '4-4-4-4-2/3'],
  [SHAPE_BIT.card, '4-4-5'],
  [SHAPE_BIT.card, '4-6-4/5'],
  [SHAPE_BIT.card, '6-13'],
  [SHAPE_BIT.card, '8-8'],
  [SHAPE_BIT.ssn, '3-2-4'],
  [SHAPE_BIT.nineDigits, '9'],
  [SHAPE_BIT.northAmerican, '3-3-4'],
];

/** A tree over lengths of groups, the last one first. */
export interface Shapes {
  /** `node * (LONGEST_GROUP + 1) + length` -> the next node; 0: no number has these groups. */
  readonly next: Uint16Array;
  /** What a number whose first group is here could be. */
  readonly accepted: Int32Array;
  /** What it could be if a letter or a dash follows. */
  readonly followed: Int32Array;
}

/** The node for one more group before those of `node`; 0 when there is none. */
export function before(shapes: Shapes, node: number, length: number): number {
  return length > LONGEST_GROUP ? 0 : (shapes.next[node * (LONGEST_GROUP + 1) + length] ?? 0);
}

/**
 * The tree of these shapes and of the numbers above. A shape is lengths with `/` between choices, `-` where groups are
 * apart and ` ` where they may be, so that `2 3-4/5` is any of 2-3-4, 5-4, 2-3-5, 5-5. `!` at its end: a letter or a
 * dash follows.
 */
export function shapesOf(national: readonly (readonly string[])[]): Shapes {
  const all = [...SHAPES, ...national.flatMap((list, i) => list.map((shape) => [1 << i, shape] as const))];
  const children: Map<number, number>[] = [new Map()];
  const accepted: number[] = [0];
  const followed: number[] = [0];
  for (const [bit, shape] of all) {
    for (const lengths of spelledOut(shape)) {
      let node = 0;
      for (const length of lengths.toReversed()) {
        let child = children[node]?.get(length);
        if (child === undefined) {
          child = children.push(new Map()) - 1;
          accepted.push(0);
          followed.push(0);
          children[node]?.set(length, child);
        }
        node = child;
      }
      const into = shape.endsWith('!') ? followed : accepted;
      into[node] = (into[node] ?? 0) | bit;
    }
  }
  const next = new Uint16Array(children.length * (LONGEST_GROUP + 1));
  children.forEach((lengths, node) => {
    for (const [length, child] of lengths) next[node * (LONGEST_GROUP + 1) + length] = child;
  });
  return { next, accepted: Int32Array.from(accepted), followed: Int32Array.from(followed) };
}

function spelledOut(shape: string): readonly (readonly number[])[] {
  let found: readonly (readonly number[])[] = [[]];
  for (const [, joint = '', choices = ''] of shape.matchAll(/([ -]?)([\d/]+)/g)) {
    const lengths = choices.split('/').map(Number);
    found = found.flatMap((groups) =>
      lengths.flatMap((length) => {
        const apart = [...groups, length];
        const last = groups.at(-1);
        return joint === ' ' && last !== undefined
          ? [apart, [...groups.slice(0, -1), last + length]]
          : [apart];
      }),
    );
  }
  return found;
}
