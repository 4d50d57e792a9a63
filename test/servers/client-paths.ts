import { readFileSync } from 'node:fs';
import { TestGateway } from './gateway.ts';
import { type PostgresOptions, startPostgres, type TestPostgres } from './postgres.ts';

/** Lets everything through: what a client sees must then be what the server says. */
export const ALLOW_ALL = `version: 1
default: block
rules:
  - name: everything
    effects: [read, write, ddl, admin, session, unknown]
    decision: allow
`;

export const READ_ONLY_AGENT = readFileSync(
  new URL('../../templates/policies/read-only-agent.yaml', import.meta.url),
  'utf8',
);

/** One database with every kind of object, and three ways to it. */
export interface ClientPaths {
  readonly server: TestPostgres;
  /** Straight to the server. */
  readonly direct: string;
  /** Through a gateway that allows everything. */
  readonly open: TestGateway;
  /** Through a gateway under the template for agents that only read, with its masks. */
  readonly agent: TestGateway;
  stop(): Promise<void>;
}

/** Starts a server with the shop of `test/end-to-end/clients/shop.sql` and both gateways. */
export async function startClientPaths(options: PostgresOptions = {}): Promise<ClientPaths> {
  const server = await startPostgres(options);
  await server.query('CREATE DATABASE shop');
  const shop = readFileSync(new URL('../end-to-end/clients/shop.sql', import.meta.url), 'utf8');
  await server.query(shop, 'shop');
  const direct = server.url('postgres', server.password, 'shop');
  const open = await TestGateway.start(direct, { policy: ALLOW_ALL });
  const agent = await TestGateway.start(direct, { policy: READ_ONLY_AGENT });
  return {
    server,
    direct,
    open,
    agent,
    async stop() {
      await open.stop();
      await agent.stop();
      await server.stop();
    },
  };
}
