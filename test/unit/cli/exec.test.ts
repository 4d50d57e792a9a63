import { describe, expect, it } from 'vitest';
import type { EndpointEvent } from '../../../src/api/endpoint-schemas.ts';
import { ApprovalWait } from '../../../src/cli/exec/approval-wait.ts';
import { failureOf } from '../../../src/cli/exec/failure.ts';
import { jsonResult, jsonValue } from '../../../src/cli/exec/json-values.ts';
import { exitCodeOf } from '../../../src/cli/exit-codes.ts';
import { testIo } from './test-io.ts';

function serverError(fields: Record<string, string>): Error {
  return Object.assign(new Error('hoopctl: no'), { severity: 'ERROR', code: '42501', ...fields });
}

describe("a statement's failure", () => {
  it.each([
    ['hoopctl_blocked', 6],
    ['hoopctl_denied', 7],
    ['hoopctl_expired', 8],
    ['hoopctl_withdrawn', 8],
    ['aclcheck_error', 1],
  ])('with routine %s ends with exit code %i', (routine, exitCode) => {
    expect(exitCodeOf(failureOf(serverError({ routine })).kind)).toBe(exitCode);
  });

  it('carries rule, detail and hint', () => {
    const error = serverError({
      routine: 'hoopctl_denied',
      detail: 'rule "writes": not today',
      hint: 'talk to ana',
    });
    expect(failureOf(error)).toMatchObject({
      rule: 'writes',
      why: 'rule "writes": not today',
      next: 'talk to ana',
    });
  });

  it('names the SQLSTATE of the database', () => {
    expect(failureOf(serverError({ code: '22012' }))).toMatchObject({
      code: 'sql_error',
      why: 'SQLSTATE 22012',
    });
  });
});

describe('values as JSON', () => {
  it.each([
    ['42', 23, 42],
    ['9007199254740993', 20, '9007199254740993'],
    ['1.5', 701, 1.5],
    ['NaN', 701, 'NaN'],
    ['1.10', 1700, '1.10'],
    ['t', 16, true],
    ['{"a":1}', 3802, { a: 1 }],
    ['{broken', 114, '{broken'],
    ['text', 25, 'text'],
    [null, 23, null],
  ])('%s of type %i is %j', (text, type, value) => {
    expect(jsonValue(text, type)).toEqual(value);
  });

  it('numbers column names that come twice', () => {
    const columns = ['a', 'a', 'a_2'].map((name) => ({ name, typeOid: 25 }));
    expect(jsonResult({ columns, rows: [['x', 'y', 'z']], tag: 'SELECT 1' })).toEqual({
      command: 'SELECT 1',
      columns: ['a', 'a_2', 'a_2_2'],
      rows: [{ a: 'x', a_2: 'y', a_2_2: 'z' }],
    });
  });
});

describe('waiting for an approval', () => {
  const event: Extract<EndpointEvent, { type: 'approval' }> = {
    type: 'approval',
    session: 's-1',
    approval: 'ap-1',
    status: 'pending',
    rule: 'writes',
    approvers: ['group:dba'],
    expiresAt: '2026-11-21T12:15:00Z',
    by: null,
    reason: null,
  };

  it('is one JSON line per change off a terminal', () => {
    const io = testIo();
    const wait = new ApprovalWait(io, undefined, () => {});
    wait.tell(event);
    wait.tell({ ...event, status: 'denied', by: 'ana', reason: 'no' });
    wait.close();
    const lines = io
      .stderr()
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines.map(({ status }) => status)).toEqual(['pending', 'denied']);
  });

  it('is a redrawn line with expiry and approvers on a terminal', () => {
    const io = testIo({ tty: true, columns: 100 });
    const wait = new ApprovalWait(io, undefined, () => {});
    wait.tell(event);
    wait.close();
    expect(io.stderr()).toContain(
      'waiting 00:00 · expires in 15:00 · group:dba may approve · Ctrl-C withdraws',
    );
    expect(io.stderr().endsWith('\r\u001b[2K')).toBe(true);
  });

  it('ends at its limit', async () => {
    const timedOut = await new Promise<string>((resolve) => {
      new ApprovalWait(testIo(), 1, resolve).tell(event);
    });
    expect(timedOut).toBe('ap-1');
  });
});
