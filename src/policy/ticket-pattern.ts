/**
 * The form that tickets must have: a small part of regular expressions, always about the whole text. Letters stand
 * for themselves; `.` is any character, `\d` a digit, `\w` a letter, digit or `_`, `[A-Z0-9_]` one of these, `\.` the
 * dot itself; behind any of them `?`, `*`, `+`, `{n}`, `{n,}` or `{n,m}`. `^` and `$` may stand at the ends. There are
 * no groups and no alternatives, and matching takes time in proportion to the length of text and pattern.
 */
export interface TicketPattern {
  readonly source: string;
  matches(text: string): boolean;
}

/** Most characters of a pattern, and most repetitions that a `{}` may name: together they bound the work. */
const LONGEST_PATTERN = 200;
const MOST_REPEATS = 100;

type Test = (code: number) => boolean;

/** One character of the text; `many` stays at its place, `optional` may be passed over. */
interface Step {
  readonly test: Test;
  readonly optional: boolean;
  readonly many: boolean;
}

/** Undefined when the text is no such pattern. */
export function compileTicketPattern(source: string): TicketPattern | undefined {
  if (source.length > LONGEST_PATTERN) return undefined;
  const steps = readSteps([...source.replace(/^\^/, '').replace(/(?<!\\)\$$/, '')]);
  return steps && { source, matches: (text) => matches(steps, text) };
}

/** All places of the pattern that the text read so far can stand at, moved on by one character at a time. */
function matches(steps: readonly Step[], text: string): boolean {
  let places = reachable(steps, new Set([0]));
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    const next = new Set<number>();
    for (const place of places) {
      const step = steps[place];
      if (!step?.test(code)) continue;
      next.add(place + 1);
      if (step.many) next.add(place);
    }
    if (next.size === 0) return false;
    places = reachable(steps, next);
  }
  return places.has(steps.length);
}

function reachable(steps: readonly Step[], from: ReadonlySet<number>): Set<number> {
  const all = new Set(from);
  // A set hands out what is added to it while it is walked.
  for (const place of all) if (steps[place]?.optional) all.add(place + 1);
  return all;
}

function readSteps(source: readonly string[]): readonly Step[] | undefined {
  const steps: Step[] = [];
  let at = 0;
  while (at < source.length) {
    const one = readTest(source, at);
    if (one === undefined) return undefined;
    const times = readTimes(source, one.end);
    if (times === undefined) return undefined;
    at = times.end;
    const { test } = one;
    for (let i = 0; i < times.least; i++) steps.push({ test, optional: false, many: false });
    if (times.most === Infinity) steps.push({ test, optional: true, many: true });
    else for (let i = times.least; i < times.most; i++) steps.push({ test, optional: true, many: false });
  }
  return steps;
}

const is = (character: string): Test => {
  const wanted = character.codePointAt(0);
  return (code) => code === wanted;
};
const between = (from: string, to: string): Test => {
  const [low = 0, high = 0] = [from.codePointAt(0), to.codePointAt(0)];
  return (code) => low <= code && code <= high;
};
const anyOf =
  (tests: readonly Test[]): Test =>
  (code) =>
    tests.some((test) => test(code));

const DIGIT = between('0', '9');
const WORD = anyOf([DIGIT, between('a', 'z'), between('A', 'Z'), is('_')]);

function readTest(source: readonly string[], at: number) {
  const character = source[at] ?? '';
  switch (character) {
    case '\\':
      return readEscape(source, at);
    case '.':
      return { test: () => true, end: at + 1 };
    case '[':
      return readClass(source, at + 1);
    default:
      return '()|?*+{}]^$'.includes(character) ? undefined : { test: is(character), end: at + 1 };
  }
}

function readEscape(source: readonly string[], at: number) {
  const escaped = source[at + 1] ?? '';
  if (escaped === 'd') return { test: DIGIT, end: at + 2 };
  if (escaped === 'w') return { test: WORD, end: at + 2 };
  // Another letter behind a backslash means something elsewhere, and nothing here.
  return /^[^A-Za-z0-9\s]$/u.test(escaped) ? { test: is(escaped), end: at + 2 } : undefined;
}

function readClass(source: readonly string[], start: number) {
  const tests: Test[] = [];
  let at = start;
  while (source[at] !== ']') {
    const from = source[at] ?? '';
    if (from === '' || from === '[' || from === '^') return undefined;
    if (from === '\\') {
      const escaped = readEscape(source, at);
      if (escaped === undefined) return undefined;
      tests.push(escaped.test);
      at = escaped.end;
    } else if (source[at + 1] === '-' && source[at + 2] !== ']') {
      const to = source[at + 2] ?? '';
      if (to === '' || to === '\\' || to < from) return undefined;
      tests.push(between(from, to));
      at += 3;
    } else {
      tests.push(is(from));
      at += 1;
    }
  }
  return tests.length === 0 ? undefined : { test: anyOf(tests), end: at + 1 };
}

function readTimes(source: readonly string[], at: number) {
  switch (source[at]) {
    case '?':
      return { least: 0, most: 1, end: at + 1 };
    case '*':
      return { least: 0, most: Infinity, end: at + 1 };
    case '+':
      return { least: 1, most: Infinity, end: at + 1 };
    case '{': {
      const close = source.indexOf('}', at);
      const match = /^(\d{1,3})(?:(,)(\d{1,3})?)?$/.exec(source.slice(at + 1, close).join(''));
      if (close < 0 || match === null) return undefined;
      const least = Number(match[1]);
      const most = match[2] === undefined ? least : match[3] === undefined ? Infinity : Number(match[3]);
      const bounded = least <= MOST_REPEATS && (most === Infinity || most <= MOST_REPEATS);
      return bounded && least <= most ? { least, most, end: close + 1 } : undefined;
    }
    default:
      return { least: 1, most: 1, end: at };
  }
}
