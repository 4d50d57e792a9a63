import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { OID } from '../../../../src/masking/postgres-types.ts';
import { hashKey, REDACTED } from '../../../../src/masking/strategies.ts';
import type { MaskStrategy } from '../../../../src/policy/decision.ts';
import { type CopyColumn, openCopyOut } from '../../../../src/protocols/postgres/results/copy-out.ts';
import type { CopyFacts } from '../../../../src/sql/facts.ts';
import { startPostgres, type TestPostgres } from '../../../servers/postgres.ts';
import { psql } from '../../../servers/psql.ts';

/** Column types of the table `every`, with OID and typmod as pg_attribute gives them. */
const EVERY: readonly (readonly [type: string, oid: number, typmod: number, value: string])[] = [
  ['text', OID.text, -1, `'zq.alice.k7@corp-example.test'`],
  ['varchar(5)', OID.varchar, 9, `'abcde'`],
  ['char(12)', OID.bpchar, 16, `'abc'`],
  ['name', OID.name, -1, `'a name'`],
  ['json', OID.json, -1, `'{"a": 1}'`],
  ['jsonb', OID.jsonb, -1, `'{"a": 1}'`],
  ['xml', OID.xml, -1, `'<a>b</a>'`],
  ['bytea', OID.bytea, -1, `'\\x00ff61'`],
  ['int4', OID.int4, -1, '42'],
  ['int8', OID.int8, -1, '4539148803436467'],
  ['uuid', OID.uuid, -1, `'550e8400-e29b-41d4-a716-446655440000'`],
  ['numeric(10,2)', 1700, 655366, '12.34'],
  ['date', 1082, -1, `'2025-01-02'`],
  ['boolean', 16, -1, 'true'],
  ['text[]', 1009, -1, `'{a,b}'`],
  ['inet', 869, -1, `'10.0.0.1'`],
  ['int4range', 3904, -1, `'[1,5)'`],
];

const FORMATS: Readonly<Record<string, { readonly options: string; readonly copy: CopyFacts }>> = {
  text: {
    options: '',
    copy: {
      direction: 'out',
      format: 'text',
      delimiter: '\t',
      nullText: '\\N',
      quote: '"',
      escape: '"',
      header: false,
    },
  },
  'text with marks of its own': {
    options: `with (delimiter '|', null '')`,
    copy: {
      direction: 'out',
      format: 'text',
      delimiter: '|',
      nullText: '',
      quote: '"',
      escape: '"',
      header: false,
    },
  },
  csv: {
    options: 'with (format csv, header)',
    copy: {
      direction: 'out',
      format: 'csv',
      delimiter: ',',
      nullText: '',
      quote: '"',
      escape: '"',
      header: true,
    },
  },
  'csv with marks of its own': {
    options: `with (format csv, delimiter 'e', quote '@', escape '!', null 'nil', force_quote *)`,
    copy: {
      direction: 'out',
      format: 'csv',
      delimiter: 'e',
      nullText: 'nil',
      quote: '@',
      escape: '!',
      header: false,
    },
  },
  binary: {
    options: 'with (format binary)',
    copy: {
      direction: 'out',
      format: 'binary',
      delimiter: '\t',
      nullText: '\\N',
      quote: '"',
      escape: '"',
      header: false,
    },
  },
};

const key = hashKey(Buffer.alloc(32, 7));
const folder = mkdtempSync(join(tmpdir(), 'hoopctl-copy-'));
let server: TestPostgres;

/** Text that is hard to carry: every separator, quote and escape, newlines, other scripts, the null texts. */
const HARD = `E'tab\\tnl\\ncr\\rback\\\\slash "quo""te" ,;|@!e nil \\\\N zażółć 日本語 🙂'`;

beforeAll(async () => {
  server = await startPostgres();
  await server.query(`
    create table every (id int primary key, ${EVERY.map(([type], i) => `c${i} ${type}`).join(', ')});
    insert into every values (1, ${EVERY.map(([, , , value]) => value).join(', ')});
    insert into every (id) values (2);
    create table hard (id int, before text, secret text, after text);
    insert into hard select g, ${HARD} || g, 'secret' || g || ${HARD}, ${HARD} from generate_series(1, 50) g;
    insert into hard values (51, '', '', ''), (52, null, null, null), (53, 'nil', 'nil', '\\N');
  `);
});

afterAll(async () => {
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Copies a table out, masks the data in pieces of 7 bytes and copies them into the empty table `masked`. */
async function throughMasks(table: string, columns: readonly CopyColumn[], format: string): Promise<void> {
  const { options, copy } = FORMATS[format]!;
  const file = join(folder, 'data');
  const out = await psql(server.url(), [
    '-v',
    'ON_ERROR_STOP=1',
    '-c',
    `\\copy ${table} to '${file}' ${options}`,
  ]);
  expect(out).toMatchObject({ code: 0, stderr: '' });
  const terms = { detection: undefined, key };
  const rows = openCopyOut(
    copy,
    { binary: copy.format === 'binary', columns: columns.length },
    columns,
    terms,
    1e6,
  )!;
  const data = readFileSync(file);
  const parts: Buffer[] = [];
  for (let at = 0; at < data.length; at += 7) parts.push(Buffer.from(rows.write(data.subarray(at, at + 7))));
  rows.end();
  writeFileSync(file, Buffer.concat(parts));
  await server.query(`drop table if exists masked; create table masked (like ${table})`);
  const back = options.replace(', force_quote *', '');
  const into = await psql(server.url(), [
    '-v',
    'ON_ERROR_STOP=1',
    '-c',
    `\\copy masked from '${file}' ${back}`,
  ]);
  expect(into).toMatchObject({ code: 0, stderr: '' });
}

describe('what PostgreSQL copied out, masked, it takes back in', () => {
  for (const format of Object.keys(FORMATS)) {
    for (const strategy of ['redact', 'partial', 'hash', 'null'] as const satisfies MaskStrategy[]) {
      it(`in ${format}, every type under ${strategy}`, async () => {
        const columns: CopyColumn[] = [
          { typeOid: OID.int4, typmod: -1 },
          ...EVERY.map(([, typeOid, typmod]) => ({
            typeOid,
            typmod,
            mask: { detect: [], strategy, keepLast: 4 },
          })),
        ];
        await throughMasks('every', columns, format);
        const same = EVERY.map((_, i) => `m.c${i}::text = e.c${i}::text`).join(' or ');
        const clear = await server.query(`select * from masked m join every e using (id) where ${same}`);
        expect(clear).toEqual([]);
        const [empty] = await server.query('select * from masked where id = 2');
        expect(Object.values(empty!).filter((value) => value !== null)).toEqual([2]);
      });
    }

    it(`in ${format}, rows that are hard to carry`, async () => {
      const open: CopyColumn = { typeOid: OID.text, typmod: -1 };
      const secret: CopyColumn = { ...open, mask: { detect: [], strategy: 'redact', keepLast: 0 } };
      await throughMasks('hard', [{ typeOid: OID.int4, typmod: -1 }, open, secret, open], format);
      // Copying out and in again may itself turn an empty text into NULL, where the null text is empty.
      const empty = format === 'text with marks of its own';
      const kept = empty ? `nullif(h.before, '')` : 'h.before';
      const wrong = await server.query(`
        select h.id, m.before, m.secret from hard h left join masked m using (id)
        where m.before is distinct from ${kept} or m.after is distinct from ${kept.replace('before', 'after')}
           or m.secret is distinct from case when ${empty ? `nullif(h.secret, '')` : 'h.secret'} is null then null else '${REDACTED}' end`);
      expect(wrong).toEqual([]);
    });
  }
});
