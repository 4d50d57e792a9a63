import type { Ask } from './estimate.ts';
import type { TargetConnection } from './target-side.ts';
import { simpleQuery } from './target-side-query.ts';

/** Sessions of a target wait for each other here: nobody's lock may hold them all up, in milliseconds. */
const LOCK_MS = 2000;

/**
 * A connection of the gateway's own beside those of sessions: catalog, plans, roles. What runs on it runs one after
 * the other; a broken connection is opened anew the next time. Mutable; one for each target.
 */
export class SideConnection {
  readonly #connect: () => Promise<TargetConnection>;
  #open: Promise<TargetConnection> | undefined;
  #queue: Promise<unknown> = Promise.resolve();

  constructor(connect: () => Promise<TargetConnection>) {
    this.#connect = connect;
  }

  readonly ask: Ask = (sql) => this.run((ask) => ask(sql));

  run<T>(work: (ask: Ask) => Promise<T>): Promise<T> {
    const result = this.#queue.then(async () => {
      this.#open ??= this.#connectBounded();
      const side = this.#open;
      let connection: TargetConnection | undefined;
      try {
        connection = await side;
        const open = connection;
        return await work((sql) => simpleQuery(open, sql));
      } catch (error) {
        if (connection === undefined || connection.socket.destroyed || !connection.socket.writable) {
          if (this.#open === side) this.#open = undefined;
        }
        throw error;
      }
    });
    this.#queue = result.catch(() => {});
    return result;
  }

  /** Set once it is open, since poolers refuse parameters that they do not know at startup. */
  async #connectBounded(): Promise<TargetConnection> {
    const connection = await this.#connect();
    await simpleQuery(connection, `SET lock_timeout = ${LOCK_MS}`);
    return connection;
  }

  async close(): Promise<void> {
    const side = this.#open;
    this.#open = undefined;
    (await side?.catch(() => undefined))?.socket.destroy();
  }
}
