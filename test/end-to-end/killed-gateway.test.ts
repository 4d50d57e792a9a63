import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Client, openClient } from '../../src/api/client.ts';
import { CLI_CLIENT, type OidcProvider, startOidcProvider } from '../servers/oidc-provider.ts';
import {
  type GatewayProcess,
  openTeamGateway,
  startGateway,
  type TeamGateway,
} from '../servers/team-gateway.ts';

const SESSIONS = 200;
const AGENTS = 10;
const PENDING = 50;
/** The last of the pending statements need two different people. */
const OF_TWO = 10;
/** After so many approved statements have run, in the middle of other decisions, the gateway is killed. */
const KILLED_AFTER = 8;
/** Sessions that go on reading meanwhile; the others have read and are idle. */
const READING = 10;

const AGENT_NAMES = Array.from({ length: AGENTS }, (_, i) => `agent-${i}`);
const policy = (issuer: string) => `version: 1
groups:
  agents: ["agent-*"]
  dba: [ana@example.com, lea@example.com]
identity:
  issuers:
    - name: corp
      issuer: ${issuer}
      allow_http_loopback: true
      domain: example.com
      audiences: [${CLI_CLIENT}]
      identities:
        - match: {email: "*@example.com"}
          name: "{email}"
          kind: person
          roles: [approver]
rules:
  - name: reads
    who: [group:agents]
    effects: [read, session]
    decision: allow
  - name: one-yes
    who: [group:agents]
    effects: [write]
    tables: ["public.ledger"]
    decision: approve
    approvers: [group:dba]
  - name: two-yes
    who: [group:agents]
    effects: [write]
    tables: ["public.big_ledger"]
    decision: approve
    approvers: [group:dba]
    approvals: 2
`;

let team: TeamGateway;
let provider: OidcProvider;
let second: GatewayProcess | undefined;
let agents: readonly string[];

beforeAll(async () => {
  const limits = 'limits: {unauthenticated: 400}\n';
  [team, provider] = await Promise.all([
    openTeamGateway(limits, { settings: { max_connections: '300' } }),
    startOidcProvider(),
  ]);
  const { hoopctl, server } = team.shop;
  await server.query(
    `CREATE TABLE ledger (n int NOT NULL); CREATE TABLE big_ledger (n int NOT NULL);
     GRANT ALL ON ledger, big_ledger TO app`,
    'shop',
  );
  agents = await Promise.all(AGENT_NAMES.map((name) => hoopctl.createIdentity(name, 'requester')));
  await hoopctl.applyPolicy(policy(provider.issuer));
}, 180_000);
afterAll(async () => {
  // The first gateway is gone: its end cannot be waited for as `team.stop` does.
  await second?.stop();
  await Promise.all([team?.devin.close(), team?.ana.close()]);
  await team?.shop.stop();
  await provider?.close();
}, 60_000);

const apiOf = (gateway: GatewayProcess, token: string): Client =>
  openClient({
    gateway: {
      url: `https://localhost:${gateway.ports.api}`,
      trust: { kind: 'authority', pem: team.authority.cert },
      environment: {},
    },
    token,
  });

/** Somebody who decides by a fresh sign-in: no passphrase, whose comparing takes its time. */
async function decider(account: string): Promise<Client> {
  const { access_token, id_token } = await provider.deviceFlow(account, 'openid email');
  const { token } = await apiOf(team.gateway, 'none').call('tokenExchange', {
    body: { token: String(id_token), accessToken: String(access_token) },
  });
  return apiOf(team.gateway, token ?? '');
}

/** A session through the native listener; reads come back, one write may wait. */
class Requester {
  readonly client: pg.Client;
  readonly ended: Promise<void>;
  readonly #asked: Promise<string>;

  constructor(token: string) {
    this.client = new pg.Client({
      host: 'localhost',
      port: team.gateway.ports.postgres ?? 0,
      user: 'any',
      password: token,
      database: 'prod-db',
      ssl: { ca: team.authority.cert },
    });
    this.ended = new Promise((resolve) => {
      this.client.on('end', resolve);
      this.client.on('error', () => {});
    });
    this.#asked = new Promise((resolve) => {
      this.client.on('notice', ({ message = '' }) => {
        const id = /needs approval: (ap-\w+)/.exec(message)?.[1];
        if (id !== undefined) resolve(id);
      });
    });
  }

  /** Sends a write; the id of its request once it waits. */
  async ask(table: string, n: number) {
    const ran = this.client.query(`INSERT INTO ${table} VALUES (${n})`).then(
      () => true,
      () => false,
    );
    return { n, table, id: await this.#asked, ran };
  }

  /** Reads until the gateway is gone; how many came back. */
  async readOn(): Promise<number> {
    for (let reads = 0; ; reads++) {
      try {
        await this.client.query('SELECT count(*) FROM customers');
      } catch {
        return reads;
      }
    }
  }
}

/** In waves: a client does not open two hundred TLS connections in one turn. */
async function inWaves<T>(
  items: readonly T[],
  size: number,
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  for (let at = 0; at < items.length; at += size) {
    await Promise.all(items.slice(at, at + size).map(work));
  }
}

/** One-yes and two-yes statements in turns. */
function inAnyOrder<T>(items: readonly T[]): readonly T[] {
  return items.map((_, i) => items[(i * 7) % items.length] as T);
}

interface Entry {
  readonly kind: string;
  readonly actor: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

test('200 sessions, 50 pending, two deciders at once, kill -9: nothing twice, nothing unapproved', async () => {
  const requesters = Array.from({ length: SESSIONS }, (_, i) => new Requester(agents[i % AGENTS] ?? ''));
  await inWaves(requesters, 25, ({ client }) => client.connect());
  const asking = requesters.slice(0, PENDING);
  const pending = await Promise.all(
    asking.map((requester, n) => requester.ask(n < PENDING - OF_TWO ? 'ledger' : 'big_ledger', n)),
  );
  await inWaves(requesters.slice(PENDING), 25, ({ client }) =>
    client.query('SELECT count(*) FROM customers'),
  );
  const reading = requesters.slice(-READING).map((requester) => requester.readOn());

  const deciders = await Promise.all([decider('ana'), decider('lea')]);
  const told: { readonly id: string; readonly status: string }[] = [];
  const decide = async (by: Client, id: string, decision: 'approve' | 'deny'): Promise<void> => {
    const { version } = await by.call('approvalShow', { params: { id } });
    const body = { decision, reason: 'by the test', version };
    const { approval } = await by.call('approvalDecide', { params: { id }, body });
    told.push({ id, status: approval.status });
  };
  // The launcher's child is the gateway itself.
  const pid = Number(readFileSync(join(team.shop.hoopctl.home, 'daemon.pid'), 'utf8'));
  let ran = 0;
  const killed = new Promise<void>((resolve) => {
    for (const { ran: one } of pending) {
      void one.then((done) => {
        if (!done || ++ran !== KILLED_AFTER) return;
        process.kill(pid, 'SIGKILL');
        resolve();
      });
    }
  });
  // Both decide everything at the same moment; of every fifth one says no.
  const deciding = Promise.allSettled(
    inAnyOrder(pending).flatMap(({ id }, i) =>
      deciders.map((by, who) => decide(by, id, i % 5 === 4 && who === 1 ? 'deny' : 'approve')),
    ),
  );
  const tooFew = deciding.then((all) => {
    const refusals = all.flatMap((one) => (one.status === 'rejected' ? [String(one.reason)] : []));
    if (all.length - refusals.length < KILLED_AFTER) throw new Error(refusals.join('\n'));
    return killed;
  });
  await Promise.race([killed, tooFew]);
  await Promise.all([team.gateway.ended, deciding]);
  const outcomes = await Promise.all(pending.map(async ({ id, n, ran: one }) => ({ id, n, ran: await one })));
  const reads = await Promise.all(reading);
  await Promise.all(requesters.map(({ ended }) => ended));
  expect(reads.filter((count) => count > 0)).toHaveLength(READING);

  const { hoopctl, server } = team.shop;
  // The target notices a client that is gone at its next read; what it was sent before it still runs.
  for (;;) {
    const [left] = await server.query(
      `SELECT count(*)::int AS n, pg_sleep(0.05) FROM pg_stat_activity WHERE usename = 'app'`,
    );
    if (left?.n === 0) break;
  }
  const written = (await server.query('SELECT n FROM ledger UNION ALL SELECT n FROM big_ledger', 'shop')).map(
    ({ n }) => Number(n),
  );

  second = await startGateway(hoopctl, team.config);
  const entries: Entry[] = [];
  const owner = await hoopctl.ok(['audit', 'export']);
  for (const line of owner.stdout.trim().split('\n')) entries.push(JSON.parse(line) as Entry);
  const of = (id: string, kind: string) =>
    entries.filter((entry) => entry.kind === kind && entry.facts.approval === id);

  expect(new Set(written).size).toBe(written.length);
  for (const { id, n, ran: done } of outcomes) {
    const decided = of(id, 'approval.decided');
    const ending = decided.filter(({ facts }) => facts.status !== 'pending');
    const used = of(id, 'approval.used');
    const needed = n < PENDING - OF_TWO ? 1 : 2;
    // Decided once, by as many different people as the rule asks; used once.
    expect(ending.length).toBeLessThanOrEqual(1);
    expect(used.length).toBeLessThanOrEqual(1);
    expect(new Set(decided.map(({ actor }) => actor)).size).toBe(decided.length);
    const yeses = decided.filter(({ facts }) => facts.decision === 'approve').length;
    if (used.length > 0) expect({ yeses, no: decided.length - yeses }).toEqual({ yeses: needed, no: 0 });
    // What ran was approved before; what a client was told to have run has run.
    if (written.includes(n)) expect(used).toHaveLength(1);
    if (done) expect(written).toContain(n);
  }
  // What a decider was told stands in the books.
  for (const { id, status } of told) {
    expect(of(id, 'approval.decided').some(({ facts }) => facts.status === status)).toBe(true);
  }
  expect(written.length).toBeGreaterThanOrEqual(KILLED_AFTER);

  const all = await hoopctl.json<{ approvals: { id: string; status: string; endReason: string | null }[] }>([
    'approvals',
    '--all',
  ]);
  const byId = new Map(all.approvals.map((approval) => [approval.id, approval]));
  for (const { id } of outcomes) {
    const last = of(id, 'approval.decided').at(-1)?.facts.status ?? 'pending';
    const ended = of(id, 'approval.used').length > 0 ? 'used' : last === 'denied' ? 'denied' : 'expired';
    expect(byId.get(id)?.status).toBe(ended);
    if (ended === 'expired') expect(byId.get(id)?.endReason).toBe('the daemon restarted');
  }
  const { sessions } = await hoopctl.json<{ sessions: { status: string; identity: string }[] }>([
    'session',
    'list',
    '--limit',
    '1000',
  ]);
  const theirs = sessions.filter(({ identity }) => AGENT_NAMES.includes(identity));
  expect(theirs.map(({ status }) => status)).toEqual(Array.from({ length: SESSIONS }, () => 'interrupted'));
  const verified = await hoopctl.json<{ ok: boolean; recordings: number }>(['audit', 'verify']);
  expect(verified).toMatchObject({ ok: true });
  expect(verified.recordings).toBeGreaterThanOrEqual(SESSIONS);
}, 400_000);
