import { createHash, timingSafeEqual } from 'node:crypto';
import type { Socket } from 'node:net';
import type { AuthContext, Connection, KeyboardAuthContext } from 'ssh2';
import ssh2 from 'ssh2';
import type { EndpointCredentials } from '../protocol.ts';
import { CIPHERS } from './ciphers.ts';

/** From the first byte to the end of authentication, in milliseconds. */
const LOGIN_MS = 30_000;
/** Wrong passwords and signatures of one connection. */
const MOST_FAILURES = 6;
/** Keys that a client may offer before it shows the right one: an agent may hold many. */
const MOST_OFFERS = 40;
/** OpenSSH reads so much of what is typed and drops the rest (readpass.c), without a word. In characters. */
const LONGEST_PASSWORD = 1023;
const CUT_WORDS =
  'hoopctl: ssh sends no more than 1023 characters of a password, and so many came: a token longer than that is cut. ' +
  'Exchange it for a short one (hoopctl login --token-stdin, then hoopctl credential NAME).';
/** A client that answers none of three keepalives is gone, in milliseconds. */
const KEEPALIVE_MS = 30_000;

/** How a client shows who it is; one question at a time. */
export interface ClientProof {
  password(user: string, password: string): boolean | Promise<boolean>;
  /** Public keys that the user may prove itself with, in OpenSSH's one-line form. */
  keys(user: string): readonly string[] | Promise<readonly string[]>;
  /** The user has signed with one of them; false turns it away all the same. */
  signed(user: string, key: string): boolean | Promise<boolean>;
}

/** What may wait for a client that does not read, in bytes; output of programs stops long before. */
const MOST_UNREAD = 32 * 1024 * 1024;

export interface ClientSideTerms {
  readonly proof: ClientProof;
  /** The gateway's own private host key, in OpenSSH's form. */
  readonly hostKey: string;
  /** A wrong password, or a signature that does not fit. */
  loginFailed(user: string): void;
}

/** An endpoint's own password, and the one key that may stand for it. */
export function endpointProof(credentials: EndpointCredentials, clientKey: string | undefined): ClientProof {
  return {
    password: (user, password) => same(user, credentials.user) && same(password, credentials.password),
    keys: (user) => (clientKey !== undefined && same(user, credentials.user) ? [clientKey] : []),
    signed: () => true,
  };
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
        algorithms: { cipher: CIPHERS },
        ident: 'hoopctl',
        keepaliveInterval: KEEPALIVE_MS,
        keepaliveCountMax: 3,
      } as ssh2.ServerConfig,
      (connection) => {
        const login = new Login(connection, terms);
        connection.on('authentication', (context) => void login.decide(context));
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
    // Every request is answered, also to a client that reads no answer.
    socket.on('data', () => {
      if (socket.writableLength > MOST_UNREAD) socket.destroy();
    });
  });
}

class Login {
  readonly #connection: Connection;
  readonly #terms: ClientSideTerms;
  #failures = 0;
  #offers = 0;
  /** It is to be told that its password may have been cut. */
  #cut = false;

  constructor(connection: Connection, terms: ClientSideTerms) {
    this.#connection = connection;
    this.#terms = terms;
  }

  /** The library asks the next question when this one was answered. */
  async decide(context: AuthContext): Promise<void> {
    try {
      await this.#decide(context);
    } catch {
      this.#failed(context);
    }
  }

  async #decide(context: AuthContext): Promise<void> {
    const { proof } = this.#terms;
    switch (context.method) {
      case 'password':
        if (await proof.password(context.username, context.password)) return context.accept();
        this.#cut = context.password.length === LONGEST_PASSWORD;
        return this.#failed(context);
      case 'publickey': {
        const known = await this.#keyOf(context.username, context.key.data);
        if (known === undefined) return this.#offered(context);
        // Without a signature the client only asks whether the key would do; the library answers that and no more.
        if (context.signature === undefined || context.blob === undefined) return context.accept();
        const signed = known.key.verify(context.blob, context.signature, context.hashAlgo) === true;
        if (signed && (await proof.signed(context.username, known.line))) return context.accept();
        return this.#failed(context);
      }
      case 'keyboard-interactive':
        return this.#explain(context);
      default:
        return this.#offered(context);
    }
  }

  /** RFC 4256, section 3.2: an instruction without a question; it proves nothing, whatever comes back. */
  #explain(context: KeyboardAuthContext): void {
    if (!this.#cut) return this.#offered(context);
    this.#cut = false;
    context.prompt([], '', CUT_WORDS, (answers: unknown) => {
      // Anything else is a client that gave this up and tries something new.
      if (Array.isArray(answers)) this.#offered(context);
    });
  }

  async #keyOf(user: string, offered: Buffer) {
    for (const line of await this.#terms.proof.keys(user)) {
      const key = ssh2.utils.parseKey(line);
      if (!(key instanceof Error) && offered.equals(key.getPublicSSH())) return { key, line };
    }
    return undefined;
  }

  /** A method or key that does not do: nothing was claimed by it. */
  #offered(context: AuthContext): void {
    this.#offers++;
    if (this.#offers > MOST_OFFERS) this.#connection.end();
    else this.#reject(context);
  }

  #failed(context: AuthContext): void {
    this.#failures++;
    this.#terms.loginFailed(context.username);
    if (this.#failures >= MOST_FAILURES) this.#connection.end();
    else this.#reject(context);
  }

  #reject(context: AuthContext): void {
    context.reject(this.#cut ? ['keyboard-interactive'] : ['publickey', 'password']);
  }
}

/** In a time that tells nothing of where they differ. */
function same(a: string, b: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(a), digest(b));
}
