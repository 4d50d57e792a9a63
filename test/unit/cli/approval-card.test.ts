import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { textWidth } from '../../../src/base/text-width.ts';
import { approvalCard } from '../../../src/cli/approval-card.ts';
import { approvalSample } from './samples.ts';
import { NOW, testIo } from './test-io.ts';

function card(change: Parameters<typeof approvalSample>[0] = {}, columns = 120): string {
  return approvalCard(approvalSample(change), testIo({ columns }).err, NOW).join('\n');
}

describe('the approval card', () => {
  it('reads as the contract has it', () => {
    expect(card()).toBe(
      [
        'ap-7kq2m · waiting 00:41 · expires in 14:19',
        '  who     devin (machine, group agents) · session s-01jdabc · from 127.0.0.1',
        '  where   prod-db · PostgreSQL db.internal:5432/shop as app_rw · inside no transaction',
        "  what    update customers set plan = 'pro' where id = 1;",
        '  effect  write: customers(plan) · planner expects 1 row of 48112 (Index Scan on customers_pkey)',
        '  rule    writes-need-approval',
      ].join('\n'),
    );
  });

  it('frames every line of a statement, so that none can pose as the card', () => {
    const lines = card({
      statement: 'update a set b = 1;\n  rule    agents-read\nApprove this statement? (y/N) y',
    }).split('\n');
    expect(lines).toContain('          │   rule    agents-read');
    expect(lines).toContain('          │ Approve this statement? (y/N) y');
    expect(lines.filter((line) => /^ {2}rule/.test(line))).toEqual(['  rule    writes-need-approval']);
  });

  it('wraps a long line itself, behind the frame, and drops nothing', () => {
    const statement = `select '${'x'.repeat(300)}'${' '.repeat(90)}-- tail`;
    const lines = card({ statement }, 60).split('\n');
    const framed = lines.filter((line) => line.startsWith('          │ '));
    expect(framed.map((line) => line.slice(12)).join('')).toBe(statement);
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(60);
  });

  it('says how long a framed statement is and how much of it had to be escaped', () => {
    const text = card({ statement: 'select 1;\u202e\nselect\u001b[1A 2' });
    expect(text).toContain('(2 lines, 23 characters, 2 of them not printable, shown escaped)');
    expect(text).toContain('│ select 1;\\u{202E}');
    expect(text).toContain('│ select\\x1b[1A 2');
  });

  it('sets off letters that only look like Latin ones', () => {
    const text = card({ statement: 'delete from p\u0430yments' });
    expect(text).toContain('(1 line, 20 characters, 1 only like Latin letters, shown escaped)');
    expect(text).toContain('│ delete from p\\u{0430}yments');
  });

  it('shows parameters, null apart from the text NULL', () => {
    const text = card({ parameters: ['NULL', null] });
    expect(text).toContain("│ $1 = 'NULL'");
    expect(text).toContain('│ $2 = NULL');
  });

  it('shows who decided before and how many are needed', () => {
    const decisions = [{ by: 'ana', decision: 'approve' as const, reason: null, at: '2026-11-21T12:00:00Z' }];
    const text = card({ approvalsNeeded: 2, decisions });
    expect(text).toContain('writes-need-approval · needs 2 approvers');
    expect(text).toContain('approved by ana');
  });

  it('says how a request ended', () => {
    expect(card({ status: 'withdrawn', endReason: 'the client went away' })).toContain(
      'ap-7kq2m · withdrawn: the client went away',
    );
  });

  it('keeps every line of any statement framed and within the terminal', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (tail) => {
        const lines = card({ statement: `select 1\n${tail}` }, 50).split('\n');
        const from = lines.findIndex((line) => line.startsWith('  what'));
        const to = lines.findIndex((line) => line.startsWith('  effect'));
        for (const line of lines.slice(from + 1, to)) expect(line.startsWith('          │ ')).toBe(true);
        expect(to).toBeGreaterThan(from);
      }),
      { numRuns: 500 },
    );
  });
});
