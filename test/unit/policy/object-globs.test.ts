import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compileGlob } from '../../../src/policy/glob.ts';
import { overlap } from '../../../src/policy/object-globs.ts';
import { action, DEVIN, doing, PROD, policyOf } from './facts.ts';

const allowing = (objects: string) =>
  policyOf(`version: 1\nrules: [{name: r, effects: [read, write], objects: [${objects}], decision: allow}]`);
const decide = (policy: ReturnType<typeof allowing>, effect: 'read' | 'write', name?: string) =>
  policy.decide(DEVIN, PROD, doing(action(effect, 'X', name, 'other'))).outcome;

describe('objects of a rule', () => {
  test('cover a name that a glob matches', () => {
    expect(decide(allowing('"shop/*"'), 'write', 'shop/deployments/web')).toBe('allow');
    expect(decide(allowing('"shop/*"'), 'write', 'kube-system/deployments/web')).toBe('block');
  });

  test('let a request over all names through only when they match all of them', () => {
    expect(decide(allowing('"shop/*"'), 'read', '*/pods/*')).toBe('block');
    expect(decide(allowing('"shop/pods/web"'), 'read', 'shop/pods/*')).toBe('block');
    expect(decide(allowing('"*/pods/*"'), 'read', '*/pods/*')).toBe('allow');
    expect(decide(allowing('"shop/*"'), 'read', 'shop/pods/*')).toBe('allow');
  });

  test('stand against a request over all names when one of them is meant', () => {
    const policy = policyOf(
      'version: 1\nrules:\n  - {name: a, effects: [write], decision: allow}\n' +
        '  - {name: b, objects: ["shop/deployments/web"], decision: block}',
    );
    expect(decide(policy, 'write', 'shop/deployments/*')).toBe('block');
    expect(decide(policy, 'write', '*/deployments/*')).toBe('block');
    expect(decide(policy, 'write', 'shop/pods/*')).toBe('allow');
  });

  test('of an allow rule do not stand against what names nothing and only reads', () => {
    expect(decide(allowing('"shop/*"'), 'read')).toBe('allow');
    expect(decide(allowing('"shop/*"'), 'write')).toBe('block');
  });
});

describe('two patterns', () => {
  test('overlap when one text is matched by both', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 6 });
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
    fc.assert(
      fc.property(pattern, pattern, letters, (a, b, text) => {
        if (compileGlob(a).matches(text) && compileGlob(b).matches(text)) expect(overlap(a, b)).toBe(true);
        if (!a.includes('*')) expect(overlap(a, b)).toBe(compileGlob(b).matches(a));
        expect(overlap(a, b)).toBe(overlap(b, a));
      }),
      { numRuns: 3000 },
    );
  });
});
