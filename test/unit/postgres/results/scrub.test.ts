import { describe, expect, it } from 'vitest';
import { detectionOf } from '../../../../src/masking/detectors.ts';
import { hashKey, REDACTED } from '../../../../src/masking/strategies.ts';
import {
  maskErrorTexts,
  scrubErrorFields,
  WITHHELD,
} from '../../../../src/protocols/postgres/results/scrub.ts';
import { message } from './messages.ts';

const secret = 'zq.alice.k7@corp-example.test';

function response(type: 'E' | 'N', fields: Readonly<Record<string, string>>): Buffer {
  const parts = Object.entries(fields).map(([code, text]) => Buffer.from(`${code}${text}\0`));
  return message(type, ...parts, Buffer.of(0));
}

function readFields(bytes: Buffer): Readonly<Record<string, string>> {
  expect(bytes.readInt32BE(1)).toBe(bytes.length - 1);
  expect(bytes.at(-1)).toBe(0);
  const texts = bytes
    .toString('utf8', 5, bytes.length - 1)
    .split('\0')
    .slice(0, -1);
  return Object.fromEntries(texts.map((text) => [text[0], text.slice(1)]));
}

describe('scrubbing an error of a statement that touches masked columns', () => {
  const duplicate = {
    S: 'ERROR',
    V: 'ERROR',
    C: '23505',
    M: `duplicate key value violates unique constraint "users_email_key" (${secret})`,
    D: `Key (email)=(${secret}) already exists.`,
    H: `try not ${secret}`,
    W: `PL/pgSQL function f(${secret})`,
    q: `SELECT '${secret}'`,
    P: '12',
    p: '3',
    s: 'public',
    t: 'users',
    c: 'email',
    d: 'text',
    n: 'users_email_key',
    F: 'nbtinsert.c',
    L: '664',
    R: 'report_duplicate',
  };

  const mistyped = {
    S: 'ERROR',
    V: 'ERROR',
    C: '42703',
    M: 'column "nmae" does not exist',
    H: 'Perhaps you meant to reference the column "users.name".',
    P: '8',
    F: 'parse_relation.c',
    L: '3722',
    R: 'errorMissingColumn',
  };

  it('leaves what the server says about the words of the statement itself', () => {
    const told = response('E', mistyped);
    expect(scrubErrorFields(told)).toBe(told);
  });

  it('withholds the same about a text that something made while it ran', () => {
    const made = [
      { ...mistyped, W: 'PL/pgSQL function f() line 1 at EXECUTE' },
      { ...mistyped, q: `SELECT ${secret}` },
      { ...mistyped, p: '8' },
      { ...mistyped, F: 'namespace.c' },
      { ...mistyped, F: 'pl_exec.c', R: 'exec_stmt_raise' },
      Object.fromEntries(Object.entries(mistyped).filter(([code]) => code !== 'P')),
      Object.fromEntries(Object.entries(mistyped).filter(([code]) => code !== 'F')),
    ];
    for (const fields of made) expect(readFields(scrubErrorFields(response('E', fields))).M).toBe(WITHHELD);
  });

  it('keeps what names and places it and no text that could quote a value', () => {
    const scrubbed = scrubErrorFields(response('E', duplicate));
    expect(scrubbed[0]).toBe(0x45);
    expect(scrubbed.includes(secret)).toBe(false);
    const { M: _m, D: _d, H: _h, W: _w, q: _q, p: _p, ...kept } = duplicate;
    const { M, H, ...rest } = readFields(scrubbed);
    expect(rest).toEqual(kept);
    expect(M).toBe(WITHHELD);
    expect(H).toMatch(/SQLSTATE/);
  });

  it('keeps a message that names a constraint, and not the values in its details', () => {
    const M = 'duplicate key value violates unique constraint "users_email_key"';
    const named = { ...duplicate, M, R: '_bt_check_unique' };
    const scrubbed = scrubErrorFields(response('E', named));
    expect(readFields(scrubbed).M).toBe(M);
    expect(scrubbed.includes(secret)).toBe(false);
    const raised = scrubErrorFields(response('E', { ...named, R: 'exec_stmt_raise' }));
    expect(readFields(raised).M).toBe(WITHHELD);
    const other = scrubErrorFields(response('E', { ...named, C: '22P02' }));
    expect(readFields(other).M).toBe(WITHHELD);
  });

  it('keeps a notice a notice', () => {
    const scrubbed = scrubErrorFields(response('N', { S: 'NOTICE', C: '00000', M: secret }));
    expect(scrubbed[0]).toBe(0x4e);
    expect(readFields(scrubbed)).toMatchObject({ S: 'NOTICE', C: '00000', M: WITHHELD });
  });

  it('drops names that a RAISE chose itself', () => {
    const raised = response('E', {
      S: 'ERROR',
      C: 'P0001',
      M: 'x',
      t: secret,
      c: secret,
      n: secret,
      R: 'exec_stmt_raise',
    });
    const scrubbed = scrubErrorFields(raised);
    expect(scrubbed.includes(secret)).toBe(false);
    expect(readFields(scrubbed)).toMatchObject({ C: 'P0001', R: 'exec_stmt_raise' });
  });

  it('drops fields that nobody knows yet', () => {
    expect(scrubErrorFields(response('E', { S: 'ERROR', M: 'x', Z: secret })).includes(secret)).toBe(false);
  });
});

describe('detectors over error texts', () => {
  const detection = detectionOf([{ detect: ['email', 'phone'], strategy: 'redact', keepLast: 0 }])!;
  const key = hashKey(Buffer.alloc(32, 7));

  it('mask what they find in any text and keep the rest', () => {
    const error = response('E', {
      S: 'ERROR',
      C: '22P02',
      M: 'invalid input syntax for type integer: "call +1-202-555-0178 before delivery"',
      W: secret,
      R: 'pg_strtoint32',
    });
    expect(readFields(maskErrorTexts(error, detection, key))).toEqual({
      S: 'ERROR',
      C: '22P02',
      M: `invalid input syntax for type integer: "call ${REDACTED} before delivery"`,
      W: REDACTED,
      R: 'pg_strtoint32',
    });
  });

  it('give the same buffer back when they find nothing', () => {
    const notice = response('N', { S: 'NOTICE', C: '00000', M: 'rows 5' });
    expect(maskErrorTexts(notice, detection, key)).toBe(notice);
  });
});

describe('a malformed error', () => {
  it('is refused, cut at any byte or with bytes after its end', () => {
    const good = response('E', { S: 'ERROR', C: '23505', M: 'm' });
    for (let end = 0; end < good.length; end++) {
      const cut = Buffer.from(good.subarray(0, end));
      if (end >= 5) cut.writeInt32BE(end - 1, 1);
      expect(() => scrubErrorFields(cut)).toThrow(expect.objectContaining({ code: 'bad_error_response' }));
    }
    const longer = message('E', good.subarray(5), Buffer.from('x'));
    expect(() => scrubErrorFields(longer)).toThrow(expect.objectContaining({ code: 'bad_error_response' }));
  });
});
