import pg from 'pg';
import { Hoopctl } from './hoopctl.ts';
import { type PostgresOptions, startPostgres, type TestPostgres } from './postgres.ts';

/** Agents read; their writes and scratch tables wait for the group dba; nobody drops or truncates. */
export const SHOP_POLICY = `version: 1
groups:
  agents: [devin]
  dba: [ana, ben]
rules:
  - name: agents-read
    who: [group:agents]
    effects: [read, session]
    decision: allow
  - name: writes-need-approval
    who: [group:agents]
    effects: [write]
    decision: approve
    approvers: [group:dba]
  - name: no-destructive-ddl
    commands: [DROP, TRUNCATE]
    decision: block
    message: ask for a migration window
masks:
  - name: cards
    columns: ["public.customers.card_number"]
    strategy: partial
    keep_last: 4
`;

export const CARD_NUMBER = '4242424242424242';
export const TARGET_PASSWORD = 'a-password-of-the-target-77';

/** A shop's database, a gateway before it, and those who ask and decide. */
export interface GovernedShop {
  readonly server: TestPostgres;
  readonly hoopctl: Hoopctl;
  /** The agent: role requester, group agents. */
  readonly devin: string;
  /** Two approvers, in the policy's group dba. */
  readonly ana: string;
  readonly ben: string;
  /** The target's URL without its password. */
  readonly url: string;
  /** The plan of customer 1, asked of the database itself. */
  plan(): Promise<unknown>;
  /** Ids of what waits. */
  pending(): Promise<readonly string[]>;
  stop(): Promise<void>;
}

export async function openShop(options: PostgresOptions = {}): Promise<GovernedShop> {
  const [server, hoopctl] = await Promise.all([startPostgres(options), Hoopctl.initialised()]);
  await server.createRole('app', TARGET_PASSWORD);
  await server.query('CREATE DATABASE shop');
  await server.query(
    `CREATE TABLE customers (id int PRIMARY KEY, email text, card_number text, plan text);
     INSERT INTO customers VALUES (1, 'ana@shop.test', '${CARD_NUMBER}', 'free'),
                                  (2, 'ben@shop.test', '5555555555554444', 'pro');
     GRANT ALL ON customers TO app; GRANT CREATE ON SCHEMA public TO app`,
    'shop',
  );
  const url = `postgres://app@${server.host}:${server.port}/shop`;
  await hoopctl.addConnection('prod-db', url, TARGET_PASSWORD);
  const devin = await hoopctl.createIdentity('devin', 'requester', 'agents');
  const ana = await hoopctl.createIdentity('ana', 'approver');
  const ben = await hoopctl.createIdentity('ben', 'approver');
  await hoopctl.applyPolicy(SHOP_POLICY);
  return {
    server,
    hoopctl,
    devin,
    ana,
    ben,
    url,
    plan: async () => (await server.query('SELECT plan FROM customers WHERE id = 1', 'shop'))[0]?.plan,
    pending: async () => {
      const { approvals } = await hoopctl.json<{ approvals: { id: string }[] }>(['approvals']);
      return approvals.map(({ id }) => id);
    },
    stop: async () => {
      await hoopctl.close();
      await server.stop();
    },
  };
}

export interface ConnectedClient {
  readonly client: pg.Client;
  /** Messages of the notices so far. */
  readonly notices: readonly string[];
  /** When the connection ended, with the error that came before. */
  readonly ended: Promise<(Error & { readonly code?: string }) | undefined>;
  /** The id of the next request that a notice names. */
  nextApproval(): Promise<string>;
}

/** A node-postgres client whose notices and end are kept. */
export async function connectClient(url: string): Promise<ConnectedClient> {
  const client = new pg.Client({ connectionString: url });
  const notices: string[] = [];
  const asked: string[] = [];
  let wake: (() => void) | undefined;
  let failure: (Error & { code?: string }) | undefined;
  client.on('notice', ({ message = '' }) => {
    notices.push(message);
    const id = /needs approval: (ap-\w+)/.exec(message)?.[1];
    if (id !== undefined) asked.push(id);
    wake?.();
  });
  const ended = new Promise<typeof failure>((resolve) => {
    client.on('error', (error) => {
      failure ??= error;
    });
    client.on('end', () => resolve(failure));
  });
  await client.connect();
  return {
    client,
    notices,
    ended,
    async nextApproval() {
      while (asked.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return asked.shift() ?? '';
    },
  };
}
