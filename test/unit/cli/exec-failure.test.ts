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
    expect(failure).toMatchObject({
      kind: 'statement-failed',
      why: 'a detail\nSQLSTATE 42P01',
      details: { sqlstate: '42P01' },
      next: 'a hint',
    });
  });

  it('says which of several texts it was of, and where in it', () => {
    const place = { statement: 2, statements: 3, line: 4, begins: 'SELECT 1/0' };
    expect(failureOf(serverError({ code: '22012' }), place, { nth: 2, of: 5 })).toMatchObject({
      why: '-c 2 of 5, statement 2 of 3, line 4: SELECT 1/0\nSQLSTATE 22012',
      details: { sqlstate: '22012', command: 2, statement: 2, line: 4 },
    });
    const blocked = serverError({ code: '42501', routine: 'hoopctl_blocked' });
    expect(failureOf(blocked, undefined, { nth: 1, of: 2 }).why).toBe('-c 1 of 2');
  });

  it('has the SQLSTATE also where the gateway said in the server’s place that something does not exist', () => {
    const absent = serverError({ code: '42P01', routine: 'hoopctl_refused' });
    expect(failureOf(absent)).toMatchObject({ kind: 'statement-failed', why: 'SQLSTATE 42P01' });
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
