import type { Client, ClientChannel, ExecOptions, PseudoTtyOptions } from 'ssh2';
import type { Judged } from '../../session/desk.ts';
import { spend } from '../../session/judged.ts';

/** How a program is to be started beside its command line. */
export interface Start {
  readonly environment: ReadonlyMap<string, string>;
  readonly terminal: PseudoTtyOptions | undefined;
}

/**
 * The one door to the target. Whatever makes the target do something opens a channel, and every channel needs the
 * desk's key; nothing else holds the target's connection.
 */
export class Door {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  /** Runs exactly this line. Spends the key. Rejects when the target takes no more channels or has gone. */
  exec(judged: Judged, line: string, start: Start): Promise<ClientChannel> {
    spend(judged);
    return opened((done) => this.#client.exec(line, optionsOf(start), done));
  }

  /** Opens a login shell. Spends the key. */
  shell(judged: Judged, start: Start): Promise<ClientChannel> {
    spend(judged);
    const { env } = optionsOf(start);
    return opened((done) => this.#client.shell(start.terminal ?? false, { env: env ?? {} }, done));
  }

  /** One more request over a stream that is open. Spends the key; the bytes are the caller's to write. */
  request(judged: Judged): void {
    spend(judged);
  }

  /** Opens a subsystem as a plain stream. Spends the key. */
  subsystem(judged: Judged, name: string): Promise<ClientChannel> {
    spend(judged);
    return opened((done) => this.#client.subsys(name, done));
  }

  /** Connects from the target to somewhere else. Spends the key. */
  forward(judged: Judged, host: string, port: number): Promise<ClientChannel> {
    spend(judged);
    return opened((done) => this.#client.forwardOut('127.0.0.1', 0, host, port, done));
  }

  close(): void {
    this.#client.end();
  }
}

function optionsOf({ environment, terminal }: Start): ExecOptions {
  return {
    ...(environment.size === 0 ? {} : { env: Object.fromEntries(environment) }),
    ...(terminal === undefined ? {} : { pty: terminal }),
  };
}

function opened(
  open: (done: (error: Error | undefined, channel: ClientChannel) => void) => unknown,
): Promise<ClientChannel> {
  return new Promise((resolve, reject) => {
    open((error, channel) => (error ? reject(error) : resolve(channel)));
  });
}
