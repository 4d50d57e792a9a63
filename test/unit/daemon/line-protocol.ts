import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { NotReachable, UsageError } from '../../../src/base/errors.ts';
import type { ConnectionReport } from '../../../src/protocols/connection-report.ts';
import type { ClientEndpoint, Protocol, Target } from '../../../src/protocols/protocol.ts';
import { FRAME } from '../../../src/recording/events.ts';
import type { SessionDesk } from '../../../src/session/desk.ts';
import { spend } from '../../../src/session/judged.ts';
import { lineFacts } from '../session/line-facts.ts';

/**
 * The smallest protocol there could be, to prove what the daemon does without any database: the first line is
 * the endpoint's password, every further one a statement whose first word says its effect.
 */
export class LineProtocol implements Protocol {
  readonly name = 'line';
  readonly schemes = ['line'];
  readonly localSocket = { name: '.s.LINE', port: 1 };
  /** Statements that reached the target, in order. */
  readonly executed: string[] = [];
  readonly secretsRead: (string | undefined)[] = [];
  readonly maskKeys: string[] = [];
  openTargets = 0;
  report: Partial<ConnectionReport> = {};

  parseUrl(url: string) {
    const { hostname, pathname, password, username } = new URL(url);
    if (hostname === 'bad') throw new UsageError('bad_connection_url', 'bad host');
    return {
      settings: JSON.stringify({ host: hostname, user: username, database: pathname.slice(1) }),
      secret: password === '' ? undefined : password,
    };
  }

  urlOf(settings: string): string {
    const { host, user, database } = JSON.parse(settings);
    return `line://${user}@${host}/${database}`;
  }

  describe(settings: string): string {
    const { host, user, database } = JSON.parse(settings);
    return `Line ${host}/${database} as ${user}`;
  }

  async test(settings: string, secret: string | undefined): Promise<ConnectionReport> {
    const { host, user } = JSON.parse(settings);
    if (host === 'down') throw new NotReachable('target_down', 'nothing answers at down');
    if (secret !== 'right') throw new NotReachable('wrong_password', 'the target refused the password');
    const report = { server: '1.0', address: host, tls: null, latencyMs: 1, role: user };
    return { ...report, superuser: false, canWrite: false, warnings: [], ...this.report };
  }

  endpointUrl(
    host: string,
    port: number,
    { user, password, database }: ClientEndpoint['credentials'],
  ): string {
    return `line://${user}:${password}@${encodeURIComponent(host)}:${port}/${database}`;
  }

  openTarget(settings: string, readSecret: () => Promise<string | undefined>, maskKey: Uint8Array): Target {
    this.openTargets += 1;
    this.maskKeys.push(Buffer.from(maskKey).toString('hex'));
    return {
      database: JSON.parse(settings).database,
      serverVersion: async () => {
        if (JSON.parse(settings).host === 'down') throw new NotReachable('target_down', 'nothing answers');
        return '1.0';
      },
      serve: async (socket, endpoint) => {
        await this.#serve(socket, endpoint, readSecret).catch(() => socket.destroy());
      },
      explain: async (policy, requester, target, statement) => {
        const decision = policy.decide(requester, target, lineFacts(statement));
        return {
          effects: lineFacts(statement).statements.flatMap(({ actions }) =>
            actions.map(({ effect }) => effect),
          ),
          commands: [],
          objects: [],
          statements: 1,
          conditions: [],
          decision: decision.outcome,
          rule: decision.rule ?? null,
          matched: [...decision.matched],
          masks: [],
          reasons: [],
          message: null,
        };
      },
      close: async () => {
        this.openTargets -= 1;
      },
    };
  }

  async *replay(frames: Parameters<Protocol['replay']>[0]): ReturnType<Protocol['replay']> {
    for await (const frame of frames) {
      if (frame.kind !== FRAME.server) continue;
      yield { type: 'note', at: frame.at, message: Buffer.from(frame.payload).toString().trim() };
    }
  }

  async #serve(socket: Socket, endpoint: ClientEndpoint, readSecret: () => Promise<string | undefined>) {
    const lines = createInterface({ input: socket })[Symbol.asyncIterator]();
    const { value: password } = await lines.next();
    if (password === undefined) return;
    if (password !== endpoint.credentials.password) {
      socket.end('wrong password\n');
      return;
    }
    const desk = await endpoint.openDesk({ address: socket.remoteAddress ?? 'local', application: 'line' });
    this.secretsRead.push(await readSecret());
    desk.onCut((reason) => {
      socket.end(`cut: ${reason}\n`);
      void desk.close(reason);
    });
    socket.write(`hello ${desk.id}\n`);
    for await (const line of { [Symbol.asyncIterator]: () => lines }) await this.#run(desk, socket, line);
    await desk.close('the client left');
  }

  async #run(desk: SessionDesk, socket: Socket, text: string): Promise<void> {
    const say = (line: string) => {
      desk.record(FRAME.server, Buffer.from(`${line}\n`));
      socket.write(`${line}\n`);
    };
    const facts = lineFacts(text);
    const decision = desk.decide(facts);
    const statement = { text, decision, effects: [text.split(' ')[0] ?? ''] };
    switch (decision.outcome) {
      case 'allow':
        spend(desk.pass(statement));
        this.executed.push(text);
        return say(`done ${text}`);
      case 'block':
        desk.refuse(statement);
        return say(`blocked by ${decision.rule}`);
      case 'approve': {
        const card = {
          requester: desk.requester.name,
          requesterKind: desk.requesterKind,
          requesterGroups: [],
          clientAddress: 'local',
          target: 'Line',
          transaction: 'none' as const,
          statement: text,
          parameters: [],
          effects: [...statement.effects],
          estimate: 'none',
        };
        const hold = await desk.hold(statement, card, () => [text]);
        say(`waits ${hold.id}`);
        const outcome = await hold.outcome;
        if (outcome.outcome !== 'approved') return say(`not run: ${outcome.outcome}`);
        spend(outcome.judged);
        this.executed.push(text);
        return say(`done ${text} (${outcome.by})`);
      }
    }
  }
}
