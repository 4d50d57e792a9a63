import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { diffPolicies } from '../../../src/policy/diff.ts';
import { unifiedDiff } from '../../../src/policy/line-diff.ts';

/** Applies a unified diff as patch(1) would. */
function patched(before: readonly string[], diff: readonly string[]): string[] {
  const result: string[] = [];
  let at = 0;
  for (const line of diff) {
    const hunk = /^@@ -(\d+),(\d+) /.exec(line);
    if (hunk) {
      const start = Number(hunk[1]) - (hunk[2] === '0' ? 0 : 1);
      while (at < start) result.push(before[at++] ?? '');
    } else if (line.startsWith('+')) {
      result.push(line.slice(1));
    } else {
      expect(line.slice(1)).toBe(before[at]);
      if (line.startsWith(' ')) result.push(before[at] ?? '');
      at += 1;
    }
  }
  return [...result, ...before.slice(at)];
}

describe('unifiedDiff', () => {
  const lines = fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 25 });

  test('turns the one text into the other', () => {
    fc.assert(
      fc.property(lines, lines, (before, after) => {
        const text = (all: readonly string[]): string => all.map((line) => `${line}\n`).join('');
        expect(patched(before, unifiedDiff(text(before), text(after)))).toEqual(after);
      }),
      { numRuns: 2000 },
    );
  });

  test('of equal texts is empty', () => {
    fc.assert(
      fc.property(lines, (all) => {
        expect(unifiedDiff(all.join('\n'), all.join('\n'))).toEqual([]);
      }),
    );
  });

  test('shows three lines of context and says where', () => {
    const before = Array.from({ length: 20 }, (_, i) => `l${i + 1}`);
    const after = before.with(9, 'changed');
    expect(unifiedDiff(before.join('\n'), after.join('\n'))).toEqual([
      '@@ -7,7 +7,7 @@',
      ' l7',
      ' l8',
      ' l9',
      '-l10',
      '+changed',
      ' l11',
      ' l12',
      ' l13',
    ]);
  });

  test('of texts that share nothing ends soon, whatever their size', () => {
    const many = (letter: string): string => Array.from({ length: 5000 }, (_, i) => letter + i).join('\n');
    const started = performance.now();
    expect(unifiedDiff(many('a'), many('b'))).toHaveLength(10_001);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});

const BEFORE = `version: 1
groups: {agents: [devin]}
rules:
  - {name: read, who: [group:agents], decision: allow}
  - {name: write, effects: [write], decision: approve, expires: 15m}
`;

describe('diffPolicies', () => {
  test('says in words what changed', () => {
    const after = `version: 1
default: approve
groups: {agents: [devin, "ci-*"]}
rules:
  - {name: read, who: [group:agents], effects: [read], decision: approve}
  - {name: drop, commands: [DROP], decision: block}
masks:
  - {name: m, columns: ["*.ssn"], strategy: redact}
`;
    expect(diffPolicies(BEFORE, after).summary).toEqual([
      'default: block -> approve',
      'group agents: members [devin] -> [devin, ci-*]',
      'rule write: removed',
      'rule read: decision allow -> approve',
      'rule read: effects not set -> [read]',
      'rule drop: added (commands [DROP], decision block)',
      'mask m: added (columns [*.ssn], strategy redact)',
    ]);
  });

  test('writes durations as people do', () => {
    expect(diffPolicies(BEFORE, BEFORE.replace('15m', '1h30m')).summary).toEqual([
      'rule write: expires 15m -> 1h 30m',
    ]);
  });

  test('of a comment or another order is no change of meaning, but a change of text', () => {
    const { diff, summary } = diffPolicies(BEFORE, `# why\n${BEFORE}`);
    expect(summary).toEqual([]);
    expect(diff).toContain('+# why');
  });

  test('of the first policy adds everything', () => {
    const { diff, summary } = diffPolicies(undefined, 'version: 1\ngroups: {a: [b]}\n');
    expect(diff).toEqual(['@@ -0,0 +1,2 @@', '+version: 1', '+groups: {a: [b]}']);
    expect(summary).toEqual(['group a: added (members [b])']);
  });

  test('of a text that cannot be read still shows the lines', () => {
    const { diff, summary } = diffPolicies(BEFORE, 'version: 1\nruels: []');
    expect(summary).toEqual([]);
    expect(diff).toContain('+ruels: []');
  });
});
