import { afterAll, beforeAll, expect, test } from 'vitest';
import type { SamplePostgres } from '../../../src/demo/sample-postgres.ts';
import { startSamplePostgres } from '../../../src/demo/sample-postgres.ts';
import { openShop, type Shop } from '../../../src/demo/shop.ts';
import { shopTables } from '../../../src/demo/shop-rows.ts';

let server: SamplePostgres;
let shop: Shop;
beforeAll(async () => {
  server = await startSamplePostgres({ prefer: ['embedded', 'system'] });
  shop = await openShop(server);
});
afterAll(async () => {
  await shop.direct.end();
  await server.stop();
});

function luhn(card: string): boolean {
  const digits = [...card.replaceAll(' ', '')].reverse().map(Number);
  const sum = digits.reduce(
    (total, digit, i) => total + (i % 2 === 0 ? digit : digit > 4 ? digit * 2 - 9 : digit * 2),
    0,
  );
  return sum % 10 === 0;
}

test('the shop is the same one every time', () => {
  expect(shopTables()).toEqual(shopTables());
});

test('every card number passes the Luhn check, so that a detector takes it for a card', () => {
  const customers = shopTables().find((table) => table.name === 'customers');
  const cards = (customers?.rows ?? []).map((row) => String(row[4]));
  expect(cards.length).toBeGreaterThan(1000);
  expect(cards.filter((card) => !luhn(card))).toEqual([]);
});

test('every SSN is one that is never given out', async () => {
  const { rows } = await shop.direct.query(
    "select count(*)::int as n from customers where ssn !~ '^9\\d\\d-\\d\\d-\\d{4}$'",
  );
  expect(rows).toEqual([{ n: 0 }]);
});

test('the tables hold the rows that the demo says', async () => {
  for (const [table, count] of Object.entries(shop.counts)) {
    const { rows } = await shop.direct.query(`select count(*)::int as n from ${table}`);
    expect(rows, table).toEqual([{ n: count }]);
  }
});

test('the role of the connection may read and write rows and owns nothing', async () => {
  const { rows } = await shop.direct.query(`
    select has_table_privilege('app_rw', 'customers', 'SELECT, UPDATE') as rw,
           (select count(*)::int from pg_class where relowner = 'app_rw'::regrole) as owns,
           (select rolsuper from pg_roles where rolname = 'app_rw') as super`);
  expect(rows).toEqual([{ rw: true, owns: 0, super: false }]);
});
