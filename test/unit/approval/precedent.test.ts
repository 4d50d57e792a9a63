import { describe, expect, test } from 'vitest';
import { precedentOf } from '../../../src/approval/precedent.ts';
import type { ApprovalRequest } from '../../../src/approval/request.ts';
import { decideRequest, openRequest } from '../../../src/approval/state.ts';
import { decider, DRAFT as draft } from './request.ts';

const approver = decider('ana');

function approved(id: string, change: Partial<ApprovalRequest['card']>, more: Partial<ApprovalRequest> = {}) {
  const asked = openRequest({ ...draft, ...more, id, card: { ...draft.card, ...change } }, 0);
  return decideRequest(asked, approver, { decision: 'approve', reason: undefined, version: 1 }, 1000);
}
const asking = (change: Partial<ApprovalRequest['card']>) => ({
  ...draft,
  card: { ...draft.card, ...change },
});
const text = (id: string) => `UPDATE customers SET plan = 'pro' WHERE id = ${id}`;

describe('what a request is compared with', () => {
  test('is the most similar of the approved ones, though others came behind it', () => {
    const earlier = [
      approved('ap-00003', { statement: 'DELETE FROM carts WHERE abandoned_at < now()' }),
      approved('ap-00002', { statement: text('1') }),
    ];
    const precedent = precedentOf(asking({ statement: text('1 OR true') }), earlier);
    expect(precedent).toMatchObject({
      among: 2,
      nearest: {
        approval: 'ap-00002',
        by: approver.name,
        differences: [{ part: 'statement', start: text('1').length, was: '', is: ' OR true' }],
      },
    });
  });

  test('says so when it is the same, and when nothing is like it', () => {
    const earlier = [approved('ap-00001', { statement: text('1') })];
    expect(precedentOf(asking({ statement: text('1') }), earlier)?.nearest?.differences).toEqual([]);
    expect(precedentOf(asking({ statement: 'TRUNCATE orders' }), earlier)).toEqual({
      among: 1,
      nearest: null,
    });
    expect(precedentOf(asking({ statement: text('1') }), [])).toBeUndefined();
  });

  test('counts values, effects and target as parts of it', () => {
    const before = { statement: text('$1'), parameters: ['1'], effects: ['write: a'] };
    const now = { statement: text('$1'), parameters: [null], effects: ['write: b'], target: 'other' };
    const { differences = [] } = precedentOf(asking(now), [approved('ap-00001', before)])?.nearest ?? {};
    expect(differences.map(({ part }) => part)).toEqual(['value', 'target', 'effect', 'effect']);
  });

  test('looks through a name at what it stands for', () => {
    const executing = (where: string) => ({
      statement: 'EXECUTE p',
      named: [{ name: 'p', text: `PREPARE p AS DELETE FROM t ${where}` }],
    });
    const nearest = precedentOf(asking(executing('WHERE true')), [
      approved('ap-00001', executing('WHERE id = 1')),
    ])?.nearest;
    expect(nearest?.differences).toMatchObject([{ part: 'named', number: 1, was: 'id = 1', is: 'true' }]);
  });

  test('is nothing that other people were asked about, that runs for another person, or that was denied', () => {
    const others = { ...draft.terms, approvers: ['group:security'] };
    const earlier = [
      { ...approved('ap-00001', { statement: text('1') }), terms: others },
      approved('ap-00002', { statement: text('1') }, { endUserId: 'id-somebody' }),
      { ...approved('ap-00003', { statement: text('1') }), decisions: [] },
    ];
    expect(precedentOf(asking({ statement: text('1') }), earlier)).toBeUndefined();
  });

  test('keeps little of what differs much', () => {
    const long = `${text('1')} /* ${'x'.repeat(100_000)} */`;
    const now = long.replaceAll('x', 'y');
    const { nearest } =
      precedentOf(asking({ statement: now + now }), [approved('ap-00001', { statement: now + long })]) ?? {};
    expect(JSON.stringify(nearest).length).toBeLessThan(10_000);
    expect(nearest?.differences[0]).toMatchObject({ wasLength: 100_000, length: 100_000 });
  });
});
