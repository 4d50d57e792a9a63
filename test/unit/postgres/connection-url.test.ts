import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/base/errors.ts';
import {
  describeConnection,
  type PostgresSettings,
  readSettings,
} from '../../../src/protocols/postgres/connection.ts';
import { parseConnection, urlOf } from '../../../src/protocols/postgres/connection-url.ts';

const read = (text: string) => parseConnection(text, 'me');
const places = (text: string) => read(text).settings.hosts.map(({ host, port }) => `${host} ${port}`);
const problem = (text: string): string => {
  try {
    read(text);
  } catch (error) {
    if (error instanceof UsageError && error.code === 'bad_connection_url') return error.message;
    throw error;
  }
  throw new Error(`${text} was taken`);
};

describe('URLs and keyword strings', () => {
  test('mean the same', () => {
    const url = read(
      "postgresql://app%40x:p%3Aw@db.internal:6432/my%20db?sslmode=require&application_name=o'k",
    );
    const words = read(
      "host=db.internal port=6432 user='app@x' password = p:w dbname='my db' sslmode=require application_name='o\\'k'",
    );
    expect(url).toEqual(words);
    expect(url).toMatchObject({
      secret: 'p:w',
      settings: {
        hosts: [{ host: 'db.internal', port: 6432 }],
        user: 'app@x',
        database: 'my db',
        sslmode: 'require',
        applicationName: "o'k",
      },
    });
  });

  test('have libpq’s defaults', () => {
    expect(read('postgres://')).toMatchObject({
      secret: undefined,
      settings: {
        hosts: [{ host: 'localhost', port: 5432 }],
        user: 'me',
        database: 'me',
        sslmode: 'prefer',
        channelBinding: 'prefer',
        targetSessionAttrs: 'any',
        connectTimeout: 10,
      },
    });
    expect(read('postgres://app@db').settings.database).toBe('app');
    expect(read('').settings.user).toBe('me');
  });

  test.each([
    ['postgres://a:1,b:2,c/db', ['a 1', 'b 2', 'c 5432']],
    ['postgres://a,b/db?port=7', ['a 7', 'b 7']],
    ['postgres://[::1]:5433/db', ['::1 5433']],
    ['postgres://[2001:db8::1],[::1]/db', ['2001:db8::1 5432', '::1 5432']],
    ['postgres://%2Frun%2Fpostgresql/db', ['/run/postgresql 5432']],
    ['postgres:///db?host=/run/postgresql&port=5433', ['/run/postgresql 5433']],
    ['host=a,b port=1,2', ['a 1', 'b 2']],
    ['hostaddr=10.0.0.1 port=7', ['10.0.0.1 7']],
  ])('%s leads to %j', (text, expected) => {
    expect(places(text)).toEqual(expected);
  });

  test('an address goes with its host', () => {
    expect(read('host=db.example hostaddr=10.0.0.1').settings.hosts).toEqual([
      { host: 'db.example', address: '10.0.0.1', port: 5432 },
    ]);
  });

  test.each([
    ['ssl=true', { sslmode: 'require' }],
    ['sslrootcert=system', { sslmode: 'verify-full', sslrootcert: 'system' }],
    ['connect_timeout=0', { connectTimeout: 10 }],
    ['connect_timeout=1', { connectTimeout: 2 }],
    ['connect_timeout=30', { connectTimeout: 30 }],
    ['require_auth=!password,!none', { requireAuth: ['md5', 'scram-sha-256'] }],
    ['require_auth=scram-sha-256', { requireAuth: ['scram-sha-256'] }],
    ['max_protocol_version=latest', { protocolMinor: 2 }],
    ['sslsni=0&keepalives=0', { sslsni: false, keepalives: false }],
    ['keepalives_count=3&tcp_user_timeout=5&gssencmode=disable&client_encoding=UTF8', {}],
    ['options=-c%20geqo%3Doff', { options: '-c geqo=off' }],
  ])('?%s is read', (query, expected) => {
    expect(read(`postgres://app@db/x?${query}`).settings).toMatchObject(expected);
  });

  test.each([
    ['postgres://db/x?sslmod=require', 'there is no parameter "sslmod" (did you mean "sslmode"?)'],
    ['postgres://db/x?sslmode=no-verify', 'sslmode: "no-verify" is none of disable'],
    ['postgres://db/x?sslmode=verify_full', 'did you mean "verify-full"'],
    ['postgres://db/x?service=prod', 'parameter "service" is not supported: write its settings'],
    ['postgres://db/x?replication=database', 'not governed'],
    ['postgres://db/x?constructor=1', 'there is no parameter "constructor"'],
    ['postgres://db:port/x', 'a port is a whole number'],
    ['postgres://db:0/x', 'a port is a whole number'],
    ['postgres://db:65536/x', 'a port is a whole number'],
    ['postgres://a,b,c/x?port=1,2', '3 hosts and 2 ports'],
    ['host=a,b hostaddr=10.0.0.1', '2 hosts and 1 addresses'],
    ['postgres://::1/x', 'IPv6 addresses go in brackets'],
    ['postgres://db/%zz', 'bad percent-encoding'],
    ['postgres://db/%00', 'bad percent-encoding'],
    ['postgres://db/x?sslmode', 'not of the form name=value'],
    ['postgres://db/x?sslmode=require?x', 'two "?"'],
    ['postgres://db/x?sslrootcert=system&sslmode=require', 'needs sslmode=verify-full'],
    ['postgres://db/x?sslnegotiation=direct', 'needs sslmode=require'],
    ['postgres://db/x?sslcert=/a', 'needed together'],
    ['postgres://db/x?sslrootcert=ca.pem', 'must be an absolute path'],
    ['postgres://db/x?require_auth=md5,!none', 'with and without "!"'],
    ['postgres://db/x?require_auth=gss', 'leaves no method'],
    ['postgres://db/x?gssencmode=require', 'GSSAPI is not supported'],
    ['postgres://db/x?client_encoding=LATIN1', 'always UTF8'],
    ['postgres://db/x?ssl_min_protocol_version=TLSv1', 'is none of TLSv1.2'],
    ['postgres://db/x?min_protocol_version=3.2', 'above max_protocol_version'],
    ['postgres://db/x?connect_timeout=soon', 'no whole number'],
    ['http://db/x', 'neither postgres://'],
    ["host='db", 'neither postgres://'],
    ['just words', 'neither postgres://'],
  ])('%s is refused', (text, words) => {
    expect(problem(text)).toContain(words);
  });

  test.each([
    'postgres://app:s3cr@t@db/x',
    'postgres://app:s3cr/t@db/x',
    'postgres://app:%s3cr@db/x',
    'postgres://app:s3cr?t@db/x',
    'password=s3cr t=',
    "password='s3cr",
  ])('no error repeats a password (%s)', (text) => {
    expect(problem(text)).not.toContain('s3cr');
  });

  test('nothing but a UsageError comes of any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.boolean(), (text, url) => {
        try {
          read(url ? `postgres://${text}` : text);
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
        }
      }),
      { numRuns: 1000 },
    );
  });

  test('a long list of backslashes takes no time', () => {
    expect(() => read(`password=${'\\'.repeat(100_000)}'`)).toThrow(UsageError);
  });
});

describe('the URL of settings', () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1 }).filter((text) => !text.includes('\0'));
  const settings: fc.Arbitrary<Partial<PostgresSettings>> = fc.record({
    user: name,
    database: name,
    applicationName: fc.option(name, { nil: undefined }),
    sslmode: fc.constantFrom('disable', 'prefer', 'require', 'verify-full'),
    sslrootcert: fc.constantFrom(undefined, '/etc/ca & co.pem'),
    requireAuth: fc.constantFrom(undefined, ['md5'] as const),
    connectTimeout: fc.integer({ min: 2, max: 600 }),
    targetSessionAttrs: fc.constantFrom('any', 'standby'),
    sslsni: fc.boolean(),
    keepalives: fc.boolean(),
    options: fc.option(name, { nil: undefined }),
    hosts: fc.array(
      fc.record({
        host: fc.constantFrom('db', '::1', '10.0.0.1', '/run/pg sql', 'ü.example'),
        port: fc.integer({ min: 1, max: 65_535 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
  });

  test('gives the same settings back', () => {
    const plain = read('postgres://app@db/x').settings;
    fc.assert(
      fc.property(settings, (some) => {
        const given = JSON.parse(JSON.stringify({ ...plain, ...some })) as PostgresSettings;
        expect(JSON.parse(JSON.stringify(read(urlOf(given)).settings))).toEqual(given);
      }),
    );
  });

  test('holds no password and stays readable', () => {
    const { settings: some } = read('postgres://app:hush@db:5432,other:5433/shop?sslmode=require');
    expect(urlOf(some)).toBe('postgresql://app@db,other:5433/shop?sslmode=require');
    expect(describeConnection(some)).toBe('PostgreSQL db:5432,other:5433/shop as app');
    expect(JSON.stringify(some)).not.toContain('hush');
  });

  test('settings survive their JSON text, and damaged text is told as such', () => {
    const { settings: some } = read('postgres://app@db/shop');
    expect(readSettings(JSON.stringify(some))).toEqual(some);
    for (const text of ['{', '{}', '{"hosts":[]}', JSON.stringify({ ...some, extra: 1 })]) {
      expect(() => readSettings(text)).toThrow(expect.objectContaining({ code: 'bad_connection_settings' }));
    }
  });
});
