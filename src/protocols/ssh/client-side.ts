import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { AuthContext, Connection } from 'ssh2';
import ssh2 from 'ssh2';
import type { EndpointCredentials } from '../protocol.ts';

/** From the first byte to the end of authentication, in milliseconds. */
const LOGIN_MS = 30_000;
/** Wrong passwords and signatures of one connection. */
const MOST_FAILURES = 6;
/** Keys that a client may offer before it shows the right one: an agent may hold many. */
const MOST_OFFERS = 40;
/** A client that answers none of three keepalives is gone, in milliseconds. */
const KEEPALIVE_MS = 30_000;

export interface ClientSideTerms {
  readonly credentials: EndpointCredentials;
  /** The gateway's own private host key, in OpenSSH's form. */
  readonly hostKey: string;
  /** The public key that the client may prove itself with instead of the password, in OpenSSH's one-line form. */
  readonly clientKey: string | undefined;
  /** A wrong password, or a signature that does not fit. */
  loginFailed(): void;
}

/**
 * Takes a socket through key exchange and authentication. Resolves with the connection once the client has proved
 * itself, undefined when it did not. No channel of any kind is accepted before.
 */
export function acceptClient(socket: Socket, terms: ClientSideTerms): Promise<Connection | undefined> {
  return new Promise((resolve) => {
    const server = new ssh2.Server(
      {
        hostKeys: [terms.hostKey],
        ident: 'hoopctl',
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: 3,
      } as ssh2.ServerConfig,
      (connection) => {
        const login = new Login(connection, terms);
        connection.on('authentication', (context) => login.decide(context));
        connection.once('ready', () => {
          clearTimeout(deadline);
          socket.off('close', gone);
          // Until somebody listens, channels would be refused.
          socket.pause();
          resolve(connection);
        });
        // What breaks is told by `close`.
        connection.on('error', () => {});
      },
    );
    const deadline = setTimeout(() => socket.destroy(), LOGIN_MS);
    deadline.unref();
    const gone = () => {
      clearTimeout(deadline);
      resolve(undefined);
    };
    socket.once('close', gone);
    server.injectSocket(socket);
  });
}

class Login {
  readonly #connection: Connection;
  readonly #terms: ClientSideTerms;
  readonly #clientKey: ssh2.ParsedKey | undefined;
  #failures = 0;
  #offers = 0;

  constructor(connection: Connection, terms: ClientSideTerms) {
    this.#connection = connection;
    this.#terms = terms;
    const key = terms.clientKey === undefined ? undefined : ssh2.utils.parseKey(terms.clientKey);
    this.#clientKey = key instanceof Error ? undefined : key;
  }

  decide(context: AuthContext): void {
    const userFits = same(context.username, this.#terms.credentials.user);
    switch (context.method) {
      case 'password':
        if (userFits && same(context.password, this.#terms.credentials.password)) return context.accept();
        return this.#failed(context);
      case 'publickey': {
        const key = this.#clientKey;
        const known = key !== undefined && userFits && context.key.data.equals(key.getPublicSSH());
        if (!known) return this.#offered(context);
        // Without a signature the client only asks whether the key would do; the library answers that and no more.
        if (context.signature === undefined || context.blob === undefined) return context.accept();
        const proved = key.verify(context.blob, context.signature, context.hashAlgo) === true;
        return proved ? context.accept() : this.#failed(context);
      }
      default:
        return this.#offered(context);
    }
  }

  /** A method or key that does not do: nothing was claimed by it. */
  #offered(context: AuthContext): void {
    this.#offers++;
    if (this.#offers > MOST_OFFERS) this.#connection.end();
    else this.#reject(context);
  }

  #failed(context: AuthContext): void {
    this.#failures++;
    this.#terms.loginFailed();
    if (this.#failures >= MOST_FAILURES) this.#connection.end();
    else this.#reject(context);
  }

  #reject(context: AuthContext): void {
    context.reject(this.#clientKey === undefined ? ['password'] : ['publickey', 'password']);
  }
}

/** In a time that tells nothing of where they differ. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
