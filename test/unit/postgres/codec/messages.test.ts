import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ProtocolViolation } from '../../../../src/base/errors.ts';
import * as build from '../../../../src/protocols/postgres/codec/backend-builders.ts';
import * as backend from '../../../../src/protocols/postgres/codec/backend-messages.ts';
import * as say from '../../../../src/protocols/postgres/codec/frontend-builders.ts';
import * as frontend from '../../../../src/protocols/postgres/codec/frontend-messages.ts';
import { MessageWriter } from '../../../../src/protocols/postgres/codec/writer.ts';

const whole = <Result>(decode: (buffer: Buffer, start: number, end: number) => Result, message: Buffer) => {
  // Bytes around the message must not matter.
  const around = Buffer.concat([Buffer.from('\0ab'), message, Buffer.from('cd\0')]);
  return decode(around, 3, 3 + message.length);
};
const withBody = (...parts: readonly (number[] | string)[]) => {
  const writer = new MessageWriter().begin(0x58);
  for (const part of parts) writer.bytes(typeof part === 'string' ? Buffer.from(part) : Buffer.from(part));
  return writer.end().take();
};
const violation = (code: string) => expect.objectContaining({ kind: 'protocol-violation', code });

const column: backend.ColumnDescription = {
  name: 'e-mail ✉',
  tableOid: 4_000_000_000,
  columnNumber: -3,
  typeOid: 25,
  typeSize: -1,
  typeModifier: -1,
  format: 1,
};

/** Each message with its decoder and what it must read. */
const examples: readonly [string, Buffer, (b: Buffer, s: number, e: number) => unknown, unknown][] = [
  ['Query', say.queryMessage('select ‘ü’'), frontend.decodeQuery, 'select ‘ü’'],
  [
    'Parse',
    say.parseMessage('s1', 'select $1', [0, 4_000_000_000]),
    frontend.decodeParse,
    { name: 's1', text: 'select $1', parameterTypes: [0, 4_000_000_000] },
  ],
  ['Describe', say.describeMessage('portal', 'p'), frontend.decodeDescribe, { what: 'portal', name: 'p' }],
  ['Close', say.closeMessage('statement', ''), frontend.decodeClose, { what: 'statement', name: '' }],
  ['Execute', say.executeMessage('p', 100), frontend.decodeExecute, { portal: 'p', rowLimit: 100 }],
  ['CopyFail', say.copyFailMessage('no'), frontend.decodeCopyFail, 'no'],
  ['PasswordMessage', say.passwordMessage('pw'), frontend.decodePassword, 'pw'],
  [
    'SASLInitialResponse',
    say.saslInitialResponse('SCRAM-SHA-256', Buffer.from('n,,')),
    frontend.decodeSaslInitialResponse,
    { mechanism: 'SCRAM-SHA-256', data: Buffer.from('n,,') },
  ],
  ['RowDescription', build.rowDescription([column, column]), backend.decodeRowDescription, [column, column]],
  [
    'ParameterDescription',
    build.parameterDescription([23, 25]),
    backend.decodeParameterDescription,
    [23, 25],
  ],
  [
    'DataRow',
    build.dataRow(['a', null, '']),
    backend.decodeDataRow,
    [Buffer.from('a'), null, Buffer.alloc(0)],
  ],
  ['CommandComplete', build.commandComplete('UPDATE 1'), backend.decodeCommandComplete, 'UPDATE 1'],
  [
    'ParameterStatus',
    build.parameterStatus('TimeZone', 'UTC'),
    backend.decodeParameterStatus,
    { name: 'TimeZone', value: 'UTC' },
  ],
  ['ReadyForQuery', build.readyForQuery('failed'), backend.decodeReadyForQuery, 'failed'],
  [
    'CopyOutResponse',
    build.copyResponse('out', 1, [1, 1]),
    backend.decodeCopyResponse,
    { format: 1, columnFormats: [1, 1] },
  ],
  [
    'NotificationResponse',
    build.notificationResponse(-7, 'jobs', 'x'),
    backend.decodeNotificationResponse,
    { processId: -7, channel: 'jobs', payload: 'x' },
  ],
  [
    'NegotiateProtocolVersion',
    build.negotiateProtocolVersion(0x30002, ['_pq_.a']),
    backend.decodeNegotiateProtocolVersion,
    { version: 0x30002, unrecognised: ['_pq_.a'] },
  ],
  ['AuthenticationOk', build.AUTHENTICATION_OK, backend.decodeAuthentication, { kind: 'ok' }],
  [
    'AuthenticationMD5Password',
    build.authenticationMd5(Buffer.from('salt')),
    backend.decodeAuthentication,
    { kind: 'md5', salt: Buffer.from('salt') },
  ],
  [
    'AuthenticationSASL',
    build.authenticationSasl(['A', 'B']),
    backend.decodeAuthentication,
    { kind: 'sasl', mechanisms: ['A', 'B'] },
  ],
];

describe.each(examples)('%s', (_name, message, decode, expected) => {
  test('is read as it was written', () => {
    expect(whole(decode, message)).toEqual(expected);
  });

  test('is refused when it is cut short anywhere, or goes on', () => {
    // What ends in free bytes is read to whatever end there is.
    for (let length = 5; length < message.length; length++) {
      const short = message.subarray(0, length);
      expect(() => whole(decode, short), `${length} bytes`).toThrow(ProtocolViolation);
    }
    expect(() => whole(decode, Buffer.concat([message, Buffer.from([0])]))).toThrow(ProtocolViolation);
  });

  test('never fails otherwise than by a ProtocolViolation when bytes are changed', () => {
    const changes = fc.array(fc.tuple(fc.nat(message.length - 1), fc.integer({ min: 0, max: 255 })), {
      minLength: 1,
      maxLength: 4,
    });
    fc.assert(
      fc.property(changes, (list) => {
        const changed = Buffer.from(message);
        for (const [at, value] of list) changed[at] = value;
        try {
          whole(decode, changed);
        } catch (error) {
          expect(error).toBeInstanceOf(ProtocolViolation);
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe('Bind', () => {
  const message = say.bindMessage({
    portal: 'p',
    statement: 's',
    parameterFormats: [0, 1, 0],
    parameters: ['héllo', Buffer.from([0, 1]), null],
    resultFormats: [1],
  });

  test('gives its parameters as places in the buffer', () => {
    const bind = whole(frontend.decodeBind, message);
    expect(bind).toMatchObject({ portal: 'p', statement: 's', parameterCount: 3, resultFormats: [1] });
    expect(frontend.parameterText(bind, 0)).toBe('héllo');
    expect(frontend.parameterBytes(bind, 1)).toEqual(Buffer.from([0, 1]));
    expect(frontend.parameterBytes(bind, 2)).toBeNull();
    expect(frontend.parameterBytes(bind, 1)?.buffer).toBe(bind.buffer.buffer);
    expect([0, 1, 2].map((i) => frontend.formatAt(bind.parameterFormats, i))).toEqual([0, 1, 0]);
    expect([0, 1].map((i) => frontend.formatAt(bind.resultFormats, i))).toEqual([1, 1]);
    expect(frontend.formatAt([], 5)).toBe(0);
  });

  test('is refused when it is cut short anywhere, or goes on', () => {
    for (let length = 5; length < message.length; length++) {
      expect(() => whole(frontend.decodeBind, message.subarray(0, length))).toThrow(ProtocolViolation);
    }
    expect(() => whole(frontend.decodeBind, Buffer.concat([message, Buffer.from([0])]))).toThrow(
      violation('trailing_bytes'),
    );
  });

  test('takes 65 535 parameters', () => {
    const parameters = new Array<string>(65_535).fill('1');
    expect(whole(frontend.decodeBind, say.bindMessage({ parameters })).parameterCount).toBe(65_535);
  });

  test.each([
    [
      'a count with fewer bytes',
      [
        [0, 0],
        [0, 0],
        [0xff, 0xff],
      ],
      'message_too_short',
    ],
    [
      'a format code that is none',
      [
        [0, 0],
        [0, 1, 0, 2],
        [0, 0],
        [0, 0],
      ],
      'bad_format_code',
    ],
    [
      'two formats for three parameters',
      [
        [0, 0],
        [0, 2, 0, 0, 0, 0],
        [0, 3],
        [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255],
        [0, 0],
      ],
      'bad_format_count',
    ],
    [
      'a parameter of length -2',
      [
        [0, 0],
        [0, 0],
        [0, 1],
        [255, 255, 255, 254],
        [0, 0],
      ],
      'bad_value_length',
    ],
    [
      'a parameter of 2 GB',
      [
        [0, 0],
        [0, 0],
        [0, 1],
        [127, 255, 255, 255],
        [0, 0],
      ],
      'message_too_short',
    ],
  ])('is refused with %s', (_what, parts, code) => {
    expect(() => whole(frontend.decodeBind, withBody(...parts))).toThrow(violation(code));
  });

  test('a text parameter with a NUL or bad UTF-8 is refused when it is read as text', () => {
    const bind = whole(
      frontend.decodeBind,
      say.bindMessage({ parameters: ['a\0b', Buffer.from([0xc0, 0x80])] }),
    );
    expect(() => frontend.parameterText(bind, 0)).toThrow(violation('nul_in_text'));
    expect(() => frontend.parameterText(bind, 1)).toThrow(violation('invalid_utf8'));
  });
});

describe('texts', () => {
  test.each([
    ['no terminator', ['select 1'], 'unterminated_string'],
    ['a NUL in the middle', ['select 1\0; drop table t\0'], 'trailing_bytes'],
    ['nothing at all', [[]], 'unterminated_string'],
    ['an overlong slash', [[0xc0, 0xaf, 0]], 'invalid_utf8'],
    ['a lone surrogate', [[0xed, 0xa0, 0x80, 0]], 'invalid_utf8'],
    ['a byte above U+10FFFF', [[0xf4, 0x90, 0x80, 0x80, 0]], 'invalid_utf8'],
    ['a character cut in two', [[0x61, 0xe2, 0x82, 0]], 'invalid_utf8'],
    ['a real replacement character and a bad byte', [[0xef, 0xbf, 0xbd, 0xff, 0]], 'invalid_utf8'],
  ])('a Query with %s is refused', (_what, parts, code) => {
    expect(() => whole(frontend.decodeQuery, withBody(...parts))).toThrow(violation(code));
  });

  test('a replacement character that was sent as such is a text like any other', () => {
    expect(whole(frontend.decodeQuery, say.queryMessage("select '\ufffd'"))).toBe("select '\ufffd'");
  });

  test('the empty query is a query', () => {
    expect(whole(frontend.decodeQuery, say.queryMessage(''))).toBe('');
  });

  test('a builder does not let a NUL end a field early', () => {
    expect(() => say.queryMessage('a\0b')).toThrow(expect.objectContaining({ code: 'nul_in_string' }));
  });
});

describe('what is not as documented', () => {
  test.each([
    [
      'Parse with 65 535 types and no bytes',
      frontend.decodeParse,
      withBody('\0\0', [255, 255]),
      'message_too_short',
    ],
    ['Describe of kind x', frontend.decodeDescribe, withBody('xname\0'), 'bad_describe_kind'],
    ['Execute of -1 rows', frontend.decodeExecute, say.executeMessage('', -1), 'bad_row_limit'],
    [
      'SASL data of length -2',
      frontend.decodeSaslInitialResponse,
      withBody('M\0', [255, 255, 255, 254]),
      'bad_value_length',
    ],
    [
      'a row value of length -2',
      backend.decodeDataRow,
      withBody([0, 1, 255, 255, 255, 254]),
      'bad_value_length',
    ],
    ['ReadyForQuery with status X', backend.decodeReadyForQuery, withBody('X'), 'bad_transaction_status'],
    [
      'unknown authentication',
      backend.decodeAuthentication,
      withBody([0, 0, 0, 99]),
      'bad_authentication_request',
    ],
    [
      '2^31-1 protocol options',
      backend.decodeNegotiateProtocolVersion,
      withBody([0, 3, 0, 0, 127, 255, 255, 255]),
      'message_too_short',
    ],
    [
      'an error without SQLSTATE',
      backend.decodeResponseFields,
      withBody('SERROR\0Mno\0\0'),
      'bad_error_response',
    ],
    [
      'an error with a bad SQLSTATE',
      backend.decodeResponseFields,
      withBody('SERROR\0C42\0Mno\0\0'),
      'bad_error_response',
    ],
    [
      'an error without terminator',
      backend.decodeResponseFields,
      withBody('SERROR\0C42501\0Mno\0'),
      'message_too_short',
    ],
    [
      'an error of a thousand fields',
      backend.decodeResponseFields,
      withBody(Array.from({ length: 200 }, (_, i) => [i + 1, 0]).flat(), [0]),
      'bad_error_response',
    ],
  ] as const)('%s is refused', (_what, decode, message, code) => {
    expect(() => whole<unknown>(decode, message)).toThrow(violation(code));
  });

  test('a cancel key is 4 bytes in 3.0 and 4 to 256 in 3.2', () => {
    const read = (length: number, minor: number) => {
      const message = build.backendKeyData(7, Buffer.alloc(length, 1));
      return backend.decodeBackendKeyData(message, 0, message.length, minor).secret.length;
    };
    expect([read(4, 0), read(4, 2), read(256, 2)]).toEqual([4, 4, 256]);
    for (const [length, minor] of [
      [3, 0],
      [5, 0],
      [32, 0],
      [0, 2],
      [3, 2],
      [257, 2],
    ] as const) {
      expect(() => read(length, minor)).toThrow(violation('bad_cancel_key'));
    }
  });
});

describe('errors and notices', () => {
  test('carry every part, and a NUL in a text shows instead of ending it', () => {
    const message = build.errorResponse({
      severity: 'ERROR',
      sqlstate: '42501',
      message: 'blocked',
      detail: 'because\0of',
      hint: 'ask',
      position: 8,
      routine: 'hoopctl_blocked',
    });
    const read = whole(backend.decodeResponseFields, message);
    expect(read).toMatchObject({
      severity: 'ERROR',
      sqlstate: '42501',
      message: 'blocked',
      detail: 'because\u2400of',
      hint: 'ask',
    });
    expect(Object.fromEntries(read.fields)).toMatchObject({ S: 'ERROR', P: '8', R: 'hoopctl_blocked' });
  });

  test('in another encoding are read loosely', () => {
    const message = withBody('SFATAL\0C28000\0M', [0xe9], 'chec\0', [0]);
    expect(whole(backend.decodeResponseFields, message).message).toBe('\ufffdchec');
  });
});
