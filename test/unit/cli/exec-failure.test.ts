import { describe, expect, it } from 'vitest';
import { failureOf } from '../../../src/cli/exec/failure.ts';

const serverError = (fields: object) => Object.assign(new Error('hoopctl: said so'), fields);

describe('a failed statement', () => {
  it('is of the kind that the gateway’s routine names', () => {
    const kinds = ['blocked', 'denied', 'expired', 'withdrawn'].map(
      (word) => failureOf(serverError({ code: '42501', routine: `hoopctl_${word}` })).kind,
    );
    expect(kinds).toEqual(['policy-blocked', 'approval-denied', 'approval-pending', 'approval-pending']);
  });

  it('names the SQLSTATE and the hint of a database’s own error', () => {
    const failure = failureOf(serverError({ code: '42P01', detail: 'a detail', hint: 'a hint' }));
    expect(failure).toMatchObject({ kind: 'internal', why: 'a detail\nSQLSTATE 42P01', next: 'a hint' });
  });

  it('that found no connection may be tried again', () => {
    for (const code of ['57P03', '08001', 'ECONNREFUSED', 'ENOENT']) {
      expect(failureOf(serverError({ code }))).toMatchObject({
        kind: 'not-reachable',
        next: 'hoopctl daemon status',
        retryable: true,
      });
    }
  });

  it('of which the connection is lost may have run, and says where to look', () => {
    for (const code of [undefined, '57P01', '08006', 'ECONNRESET']) {
      expect(failureOf(serverError({ code }))).toMatchObject({
        kind: 'not-reachable',
        why: expect.stringContaining('whether what was on its way has run is not known'),
        next: expect.stringContaining('hoopctl replay'),
        retryable: false,
      });
    }
  });
});
