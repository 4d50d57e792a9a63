import pg from 'pg';
import { Internal } from '../base/errors.ts';
import { printedResult } from './printed-result.ts';
import { type OpenProxy, type Stage, wrapLine } from './stage.ts';

/** How long a notice or an answer may take before the demo calls it missing. */
const ANSWER_MS = 15_000;

export interface Refusal {
  readonly sqlState: string;
  readonly message: string;
}

/** The agent's client: node-postgres on the gateway's endpoint, its answers printed as psql prints them. */
export class GovernedClient {
  private readonly client: pg.Client;
  private readonly stage: Stage;
  private onNotice: (text: string) => void = () => {};

  private constructor(client: pg.Client, stage: Stage) {
    this.client = client;
    this.stage = stage;
    client.on('error', () => {});
    client.on('notice', (notice) => {
      const words = fourParts('NOTICE', notice);
      this.stage.aside(words);
      this.onNotice(words);
    });
  }

  static async connect(proxy: OpenProxy, stage: Stage): Promise<GovernedClient> {
    const { host, port, user, password, database } = proxy.endpoint;
    const client = new pg.Client({ host, port, user, password, database, application_name: 'devin' });
    const governed = new GovernedClient(client, stage);
    await client.connect();
    return governed;
  }

  /** Settles with the first notice that `pattern` finds from now on, as its match. */
  notice(pattern: RegExp): Promise<RegExpExecArray> {
    return inTime(
      `a notice like ${pattern}`,
      new Promise((resolve) => {
        this.onNotice = (text) => {
          const match = pattern.exec(text);
          if (match !== null) resolve(match);
        };
      }),
    );
  }

  /** Runs a statement and prints its answer. Throws when it is refused. */
  async query(sql: string): Promise<pg.QueryArrayResult> {
    this.stage.print(`shop=> ${sql};`);
    const result = await inTime(`the answer to ${sql}`, this.send(sql));
    this.stage.print(printedResult(result));
    return result;
  }

  /** Starts a statement that will wait for an approval; the caller awaits it. */
  begin(sql: string): Promise<pg.QueryArrayResult> {
    this.stage.print(`shop=> ${sql};`);
    const running = this.send(sql);
    // The caller looks at it later; until then a refusal is not unhandled.
    running.catch(() => {});
    return running;
  }

  /** Runs a statement that must be refused, and prints how. */
  async refused(sql: string): Promise<Refusal> {
    this.stage.print(`shop=> ${sql};`);
    try {
      await inTime(`the answer to ${sql}`, this.send(sql));
    } catch (error) {
      if (!(error instanceof pg.DatabaseError)) throw error;
      this.stage.print(fourParts('ERROR', error));
      return { sqlState: error.code ?? '', message: error.message };
    }
    throw new Internal('demo_failed', `"${sql}" was to be refused and was not`);
  }

  async close(): Promise<void> {
    await this.client.end();
  }

  private send(sql: string): Promise<pg.QueryArrayResult> {
    return this.client.query({ text: sql, rowMode: 'array' });
  }
}

function fourParts(
  severity: string,
  answer: { message?: string | undefined; detail?: string | undefined; hint?: string | undefined },
): string {
  const lines = [`${severity}:  ${answer.message ?? ''}`];
  if (answer.detail) lines.push(`DETAIL:  ${answer.detail}`);
  if (answer.hint) lines.push(`HINT:  ${answer.hint}`);
  return lines.map(wrapLine).join('\n');
}

/** `work`, unless it takes too long: a demo must end with a word rather than hang. */
export function inTime<T>(what: string, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(
      () => reject(new Internal('demo_failed', `${what} did not come within ${ANSWER_MS / 1000} s`)),
      ANSWER_MS,
    );
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}
