import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { issueCertificate, makeAuthority } from '../servers/certificates.ts';
import { TestGateway } from '../servers/gateway.ts';
import { startPostgres, type TestPostgres } from '../servers/postgres.ts';
import { loginOf, WireClient } from '../servers/wire-client.ts';
import { type MaskingCase, type Outcome, SECRETS } from './cases.ts';
import { type Answer, bytesOf, converse, type Mode, shows } from './conversation.ts';
import { relayThroughTls } from './tls-relay.ts';

/** What the corpus assumes: everything is allowed that can be told, and three masks. */
export const CORPUS_POLICY = `version: 1
rules:
  - {name: all, effects: [read, write, ddl, admin, session], decision: allow}
masks:
  - {name: pii, columns: [public.users.email, public.users.ssn, public.users.phone, public.users.card_number, public.users.api_key], strategy: redact}
  - {name: profile, columns: [public.users.profile], strategy: redact, keep_keys: [theme, lang, beta]}
  - {name: free-text, columns: [public.orders.note], detect: [email, phone, credit_card, us_ssn, api_key], strategy: redact}
`;

export interface Finding {
  readonly id: string;
  readonly technique: string;
  readonly outcome: Outcome;
  /** The secrets that came through. */
  readonly leaked: readonly string[];
  /** Refused although it had to run, or changed although it had to stay the same. */
  readonly overBlocked: boolean;
  /** The variant's answer differed. */
  readonly told: boolean;
  readonly answer: Answer;
}

const PASSWORD = 'corpus-password-1';
const WRITES =
  /\b(?:insert|update|delete|merge|create|alter|drop|truncate|copy \S+(?: \([^)]*\))? from|setval|nextval|do|call|lo_|execute)\b/i;

interface Place {
  readonly database: string;
  readonly gateways: Map<string, TestGateway>;
  readonly relays: Map<string, { readonly port: number; stop(): Promise<void> }>;
}

/** A server with the corpus's schema, gateways before it, and databases made anew after each case that may change them. */
export class MaskingBench {
  readonly server: TestPostgres;
  readonly #certificate: { readonly key: string; readonly cert: string };
  readonly #policy: string;
  #place: Place | undefined;
  #count = 0;

  private constructor(
    server: TestPostgres,
    certificate: { readonly key: string; readonly cert: string },
    policy: string,
  ) {
    this.server = server;
    this.#certificate = certificate;
    this.#policy = policy;
  }

  static async start(
    version: 'debian' | 'embedded',
    policy = CORPUS_POLICY,
    schema = new URL('../corpus/schema.sql', import.meta.url),
  ): Promise<MaskingBench> {
    const server = await startPostgres({ version });
    const dir = mkdtempSync(join(tmpdir(), 'hoopctl-masking-'));
    const { key, cert } = issueCertificate(dir, makeAuthority(dir), 'localhost', ['IP:127.0.0.1']);
    await server.query('CREATE DATABASE corpus');
    const sql = readFileSync(schema, 'utf8').replaceAll(':DBNAME', 'corpus');
    await server.query(sql, 'corpus');
    for (const role of ['hc_owner', 'hc_app', 'hc_ro', 'hc_other'])
      await server.query(`ALTER ROLE ${role} PASSWORD '${PASSWORD}'`);
    mkdirSync(`/tmp/hoopctl-corpus/fx${server.port}`, { recursive: true, mode: 0o777 });
    execFileSync('chmod', ['-R', '777', '/tmp/hoopctl-corpus']);
    return new MaskingBench(server, { key, cert }, policy);
  }

  /** Runs one case through the gateway and says what came of it. */
  async run(one: MaskingCase, mode: Mode): Promise<Finding> {
    const answer = await this.#through(one, one.statements, mode);
    const sent = one.statements.join('\n') + one.parameters.join('\n');
    const leaked = [...new Set([...SECRETS, ...one.secrets])].filter(
      (secret) => !sent.includes(secret) && shows(answer, secret),
    );
    const outcome = await this.#outcome(one, answer, mode);
    const told = one.variant !== undefined && !(await this.#sameAnswer(one, one.variant, answer, mode));
    return {
      id: one.id,
      technique: one.technique,
      outcome,
      leaked,
      overBlocked: outcome !== one.expect && !one.alsoOk.includes(outcome) && leaked.length === 0,
      told,
      answer,
    };
  }

  /** URLs of the same database behind and before a gateway, for sessions of a test's own. */
  async open(role: string): Promise<{ readonly through: string; readonly direct: string }> {
    const place = await this.#freshPlace();
    return { through: (await this.#gateway(place, role)).url(), direct: this.#url(role, place.database) };
  }

  async #outcome(one: MaskingCase, answer: Answer, mode: Mode): Promise<Outcome> {
    if (answer.refused) return 'blocked';
    if (one.expect !== 'clean') return 'masked';
    const direct = await this.#directly(one, mode);
    return bytesOf(direct).equals(bytesOf(answer)) ? 'clean' : 'masked';
  }

  async #sameAnswer(
    one: MaskingCase,
    variant: readonly string[],
    answer: Answer,
    mode: Mode,
  ): Promise<boolean> {
    const other = await this.#through(one, variant, mode);
    if (answer.refused && other.refused) return true;
    return bytesOf(answer).equals(bytesOf(other));
  }

  async #through(one: MaskingCase, statements: readonly string[], mode: Mode): Promise<Answer> {
    const place = await this.#freshPlace();
    const gateway = await this.#gateway(place, one.role);
    let { port } = gateway;
    if (mode.tls) {
      const relay = place.relays.get(one.role) ?? (await relayThroughTls(gateway.port));
      place.relays.set(one.role, relay);
      port = relay.port;
    }
    const others = await this.#otherSession(one, place);
    const client = await WireClient.login({ ...loginOf(gateway.url()), port });
    return this.#finish(one, statements, mode, place, client, others);
  }

  async #directly(one: MaskingCase, mode: Mode): Promise<Answer> {
    const place = await this.#freshPlace();
    const client = await WireClient.login(loginOf(this.#url(one.role, place.database)));
    return this.#finish(one, one.statements, mode, place, client, undefined);
  }

  async #finish(
    one: MaskingCase,
    statements: readonly string[],
    mode: Mode,
    place: Place,
    client: WireClient,
    others: WireClient | undefined,
  ): Promise<Answer> {
    const texts = statements.map((sql) =>
      sql.replaceAll('@PORT@', String(this.server.port)).replaceAll('@DB@', place.database),
    );
    try {
      return await converse(client, texts, one.parameters, mode);
    } finally {
      client.destroy();
      others?.destroy();
      if (texts.some((sql) => WRITES.test(sql))) await this.#leave();
    }
  }

  async #otherSession(one: MaskingCase, place: Place): Promise<WireClient | undefined> {
    if (one.otherSession.length === 0) return undefined;
    const client = await WireClient.login(loginOf(this.#url('postgres', place.database)));
    await converse(client, one.otherSession, [], { protocol: 'simple', format: 'text', tls: false });
    return client;
  }

  #url(role: string, database: string): string {
    return role === 'postgres'
      ? this.server.url('postgres', undefined, database)
      : this.server.url(role, PASSWORD, database);
  }

  async #gateway(place: Place, role: string): Promise<TestGateway> {
    const known = place.gateways.get(role);
    if (known) return known;
    const gateway = await TestGateway.start(this.#url(role, place.database), {
      policy: this.#policy,
      tls: this.#certificate,
    });
    place.gateways.set(role, gateway);
    return gateway;
  }

  async #freshPlace(): Promise<Place> {
    if (this.#place) return this.#place;
    const database = `corpus_${++this.#count}`;
    await this.server.query(`CREATE DATABASE ${database} TEMPLATE corpus STRATEGY file_copy`);
    this.#place = { database, gateways: new Map(), relays: new Map() };
    return this.#place;
  }

  async #leave(): Promise<void> {
    const place = this.#place;
    this.#place = undefined;
    if (!place) return;
    for (const relay of place.relays.values()) await relay.stop();
    for (const gateway of place.gateways.values()) await gateway.stop();
    await this.server.query(`DROP DATABASE ${place.database} WITH (FORCE)`);
  }

  async stop(): Promise<void> {
    await this.#leave();
    await this.server.stop();
  }
}
