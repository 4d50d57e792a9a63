import { readFileSync } from 'node:fs';
import pg from 'pg';
import { newSecret } from '../base/ids.ts';
import type { SamplePostgres } from './sample-postgres.ts';
import { type ShopTable, shopTables } from './shop-rows.ts';

export interface Shop {
  readonly database: 'shop';
  /** The role that production code would use: reads and writes rows, owns nothing. */
  readonly user: 'app_rw';
  readonly password: string;
  /** Rows by table. */
  readonly counts: Readonly<Record<string, number>>;
  /** Looks at the database past hoopctl, to tell what really happened. */
  readonly direct: pg.Client;
}

const SCHEMA = new URL('./assets/shop.sql', import.meta.url);

/** Makes the database `shop` with its rows and the role `app_rw`. The caller ends `direct`. */
export async function openShop(server: SamplePostgres): Promise<Shop> {
  const password = newSecret(18);
  const admin = await connect(server, 'postgres');
  await admin.query(`CREATE ROLE app_rw LOGIN PASSWORD ${pg.escapeLiteral(password)}`);
  await admin.query('CREATE DATABASE shop');
  await admin.end();

  const direct = await connect(server, 'shop');
  await direct.query(readFileSync(SCHEMA, 'utf8'));
  const tables = shopTables();
  for (const table of tables) await direct.query(insertOf(table));
  await direct.query('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO app_rw');
  await direct.query('ANALYZE');
  const counts = Object.fromEntries(tables.map((table) => [table.name, table.rows.length]));
  return { database: 'shop', user: 'app_rw', password, counts, direct };
}

async function connect(server: SamplePostgres, database: string): Promise<pg.Client> {
  const { host, port, password } = server;
  const client = new pg.Client({ host, port, user: 'postgres', password, database });
  // The server is stopped on purpose at the end; a connection that breaks then is no news.
  client.on('error', () => {});
  await client.connect();
  return client;
}

function insertOf(table: ShopTable): string {
  const literal = (cell: string | number) =>
    typeof cell === 'number' ? String(cell) : pg.escapeLiteral(cell);
  const rows = table.rows.map((row) => `(${row.map(literal).join(',')})`);
  return `INSERT INTO ${table.name} VALUES ${rows.join(',')}`;
}
