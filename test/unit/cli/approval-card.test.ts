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

  it('says what an open transaction locks while it waits', () => {
    expect(card({ transaction: 'open', locks: ['public.orders (RowExclusiveLock)'] })).toContain(
      '  locks   public.orders (RowExclusiveLock): kept from others while it waits',
    );
  });

  it('shows whole and framed what a statement runs by name', () => {
    const named = [{ name: 'p\u001b', text: 'PREPARE p AS DELETE FROM carts\n  rule    agents-read' }];
    const lines = card({ statement: 'EXECUTE p', named }).split('\n');
    expect(lines).toContain('  runs    the prepared statement p\\x1b:');
    expect(lines).toContain('          │ PREPARE p AS DELETE FROM carts');
    expect(lines).toContain('          │   rule    agents-read');
  });

  describe('beside what was approved before', () => {
    const nearest = { approval: 'ap-4hx2k', by: 'ana', at: '2026-11-21T11:57:00Z', more: 0 };
    const difference = { part: 'statement' as const, wasLength: 0, was: '' };
    const framed = (text: string) =>
      text.split('\n').slice(text.split('\n').findIndex((line) => /before/.test(line)));

    it('marks the one byte that changed', () => {
      const statement = 'delete from carts where id = 11';
      const differences = [{ ...difference, start: 30, length: 1, is: '1' }];
      const text = card({ statement, precedent: { among: 9, nearest: { ...nearest, differences } } });
      expect(framed(text).slice(0, 5)).toEqual([
        '  before  differs from ap-4hx2k, approved 3m ago by ana, in 1 place:',
        '          character 31',
        '          │ - where id = 1',
        '          │ + where id = 11',
        '          │               ^',
      ]);
    });

    it('stays inert, framed and within its width, whatever stood and stands there', () => {
      const was = '\u001b[2J\r\n  rule    agents-read\n\u202e'.repeat(9).slice(0, 200);
      const statement = `a\u001b[1A\u200b${was}`;
      const differences = [
        { ...difference, start: 5, length: 1, was, wasLength: 90_000, is: '\u200b' },
        {
          ...difference,
          part: 'value' as const,
          number: 1,
          start: 0,
          length: 0,
          was,
          wasLength: 3,
          is: null,
        },
        { ...difference, part: 'effect' as const, start: 0, length: 0, was: null, is: was },
      ];
      const by = 'ana\u001b[2J';
      const text = card({ statement, precedent: { among: 1, nearest: { ...nearest, by, differences } } }, 60);
      expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f\u200b\u202e]/);
      const lines = text.split('\n');
      expect(lines.filter((line) => /^ {2}rule/.test(line))).toEqual(['  rule    writes-need-approval']);
      expect(framed(text).filter((line) => textWidth(line) > 60)).toEqual([]);
      expect(text).toContain('… (90000 characters)');
    });

    it('says that it is the same, or like nothing that was approved', () => {
      expect(card({ precedent: { among: 9, nearest: { ...nearest, differences: [] } } })).toContain(
        'the same as ap-4hx2k, approved 3m ago by ana',
      );
      expect(card({ precedent: { among: 9, nearest: null } })).toContain(
        'unlike the last 9 that were approved',
      );
    });
  });

  it('shows parameters, null apart from the text NULL', () => {
    const text = card({ parameters: ['NULL', null] });
    expect(text).toContain("│ $1 = 'NULL'");
    expect(text).toContain('│ $2 = NULL');
  });

  it('shows who decided before and how many are needed', () => {
    const decisions = [{ by: 'ana', decision: 'approve' as const, reason: null, at: '2026-11-21T12:00:00Z' }];
    const approvers = ['each of group:dba, group:leads'];
    const text = card({ approvalsNeeded: 2, approvers, decisions });
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      'writes-need-approval · needs 2 approvers: each of group:dba, group:leads',
    );
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
