import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { ActiveMask } from '../../../src/policy/decision.ts';
import { compileGlob } from '../../../src/policy/glob.ts';
import { requestInfo } from '../../../src/protocols/kubernetes/request-info.ts';
import { readTarget } from '../../../src/protocols/kubernetes/request-target.ts';
import { couldMeanField } from '../../../src/protocols/kubernetes/results/field-globs.ts';
import { requireNoInference } from '../../../src/protocols/kubernetes/results/inference.ts';
import { objectMasksFor } from '../../../src/protocols/kubernetes/results/response-masks.ts';

test.each([
  ['*/secrets/*/data.*', 'secrets', 'data', false],
  ['*/secrets/*/data.*', 'secrets', 'data.*', true],
  ['*/secrets/*', 'secrets', '*', true],
  ['*/secrets/*/data.*', 'pods', '*', false],
  ['shop/*', 'pods', 'spec', true],
  ['*', 'pods', 'spec', true],
  ['*.ssn', 'pods', 'spec.*', true],
  ['*.ssn', 'pods', 'spec', false],
  ['public.customers.card', 'pods', '*', false],
  ['a/b/pods/*', 'pods', '*', false],
  ['*/pods/web/spec', 'pods', 'spec', true],
  ['*/widgets.*/*/spec', 'widgets.example.com', 'spec', true],
] as const)('a mask over %s could mean %s, %s: %s', (pattern, resource, field, expected) => {
  expect(couldMeanField(pattern, resource, field)).toBe(expected);
});

test('what a mask without all parts matches it could mean', () => {
  const piece = fc.constantFrom('*', '/', 'pods', 'a', '.', 'shop/', '*/pods/', 'spec');
  fc.assert(
    fc.property(
      fc.array(piece, { maxLength: 8 }),
      fc.array(fc.constantFrom('a', '/', '.', 'spec', 'pods')),
      (pieces, rest) => {
        const pattern = pieces.join('');
        fc.pre(pattern.split('/').length < 3);
        const field = rest.join('');
        if (compileGlob(pattern).matches(`shop/pods/a/${field}`)) {
          expect(couldMeanField(pattern, 'pods', field)).toBe(true);
        }
      },
    ),
    { numRuns: 2000 },
  );
});

const KEY = createSecretKey(Buffer.alloc(32, 7));
const POLICY = { hasMaskOver: () => true, mayMask: () => true };

/** Asks under one mask over fields. */
function ask(columns: readonly string[], raw: string, patch?: string): void {
  const target = readTarget(raw);
  const info = requestInfo(patch === undefined ? 'GET' : 'PATCH', target);
  if (info?.kind !== 'resource') throw new Error('no resource');
  const mask = { name: 'm', columns, detect: [], strategy: 'redact', keepLast: 0 } as unknown as ActiveMask;
  const masks = objectMasksFor(columns.length === 0 ? [] : [mask], info, KEY, POLICY);
  const body =
    patch === undefined ? undefined : { type: 'application/json-patch+json', bytes: Buffer.from(patch) };
  const method = patch === undefined ? 'GET' : 'PATCH';
  requireNoInference({ method, target, body, impersonates: undefined }, masks);
}

const NS = '/api/v1/namespaces/shop';
const COPY = '[{"op":"copy","from":"/data/a","path":"/data/b"}]';

test.each([
  [['*/configmaps/*/data.token'], `${NS}/configmaps/a`, COPY],
  [[], `${NS}/secrets/a`, COPY],
  [
    ['*/pods/*/spec.nodeName'],
    `${NS}/pods?fieldSelector=status.phase%3DRunning,spec.nodeName!%3Dn1`,
    undefined,
  ],
  [['*/pods/*/spec.*'], `${NS}/pods?fieldSelector=spec.nodeName`, undefined],
  [['*/pods/*/metadata.labels.owner'], `${NS}/pods?labelSelector=owner%3Djane`, undefined],
] as const)('masks over %j: %s %s would tell', (columns, raw, patch) => {
  expect(() => ask(columns, raw, patch)).toThrow(/masked/);
});

test.each([
  [[], `${NS}/configmaps/a`, COPY],
  [['*/secrets/*/data.token'], `${NS}/configmaps/a`, COPY],
  [['*/configmaps/*/data.token'], `${NS}/configmaps/a`, '[{"op":"add","path":"/data/b","value":"copy"}]'],
  [
    ['*/pods/*/spec.containers.*'],
    `${NS}/pods?fieldSelector=spec.nodeName%3Dn1&labelSelector=a%3Db`,
    undefined,
  ],
] as const)('masks over %j: %s %s tells nothing', (columns, raw, patch) => {
  ask(columns, raw, patch);
});
