import type { Socket } from 'node:net';
import type { Policy, PolicyTarget, Requester, Stated } from '../policy/decision.ts';
import type { Explanation } from '../policy/explanation.ts';
import type { Frame, ReplayEvent } from '../recording/events.ts';
import type { SessionDesk } from '../session/desk.ts';
import type { ConnectionReport } from './connection-report.ts';
import type { Foreseen, ForesightOf } from './foresight.ts';
import type { NativeAccess } from './native-access.ts';

/** What every protocol gives the daemon; `registry.ts` lists them. */
export interface Protocol {
  readonly name: string;
  /** URL schemes it answers to, without `:`. */
  readonly schemes: readonly string[];
  /**
   * Reads a connection URL or keyword string. Returns settings as JSON text that holds no secret, and the
   * password when the URL carried one. Throws UsageError `bad_connection_url` (unknown parameter: did you mean).
   * `configuration` is the text of a file of the protocol's own kind that the URL is about, such as a kubeconfig.
   */
  parseUrl(
    url: string,
    configuration?: string,
  ): {
    readonly settings: string;
    readonly secret: string | undefined;
    /** The secret came from a file that the URL names, not from the URL. */
    readonly secretOfFile?: true;
  };
  /** The URL without any secret. */
  urlOf(settings: string): string;
  /** `PostgreSQL db.internal:5432/shop as app_ro`. */
  describe(settings: string): string;
  /** Connects, looks around, disconnects. Throws NotReachable or NotPermitted with what was tried. */
  test(settings: string, secret: string | undefined, means: Means): Promise<ConnectionReport>;
  /**
   * One for each connection while it is in use; holds what its sessions share (catalog, decision cache).
   * `maskKey` is the installation's own key (32 random bytes, kept in the vault) for masks of strategy `hash`.
   */
  openTarget(
    settings: string,
    readSecret: () => Promise<string | undefined>,
    maskKey: Uint8Array,
    means: Means,
  ): Target;
  /** The connection of the same protocol that this one is reached through, by name; undefined for none. */
  through?(settings: string): string | undefined;
  /** What is wrong with a connection that can be seen without logging in there, in a few seconds; for `doctor`. */
  weaknesses?(settings: string, means: Means): Promise<readonly Weakness[]>;
  /** Settings that make the daemon's machine use something of its own (a socket, a file) for whoever wrote them. */
  usesMachine?(settings: string): boolean;
  /** Where native clients look for an endpoint's Unix socket inside its directory: `.s.PGSQL.5432`, and the port that name stands for. */
  readonly localSocket: { readonly name: string; readonly port: number };
  /** The URL a native client takes to an endpoint; `host` is an address, or a directory for a Unix socket. */
  endpointUrl(host: string, port: number, credentials: EndpointCredentials): string;
  /** The statements of a script; undefined when it cannot be read. Left out where scripts are not a thing. */
  outlineScript?(text: string): Promise<readonly ScriptStatement[] | undefined>;
  /** Serving a gateway's own listener; undefined where the protocol cannot. */
  readonly native?: NativeAccess;
  /** Its endpoints speak TLS only, to relayed clients too. */
  readonly alwaysTls?: true;
  /** Its endpoints prove themselves by the gateway's host key and not by a certificate. */
  readonly hostKey?: true;
  /**
   * Settings with the key by which the target is known from now on, where a protocol pins one. `accepted` is the
   * fingerprint that somebody has agreed to, `first` for whichever the target shows; with `anew` also instead of
   * the one that was known before. Throws NotPermitted `host_key_unknown`, whose `why` begins with the fingerprint.
   */
  pin?(settings: string, accepted: string | undefined, means: Means, anew: boolean): Promise<string>;
  /** Decodes a recording's frames into what replay shows. */
  replay(frames: AsyncIterable<Frame>): AsyncIterable<ReplayEvent>;
}

/** What a connection may need beside its settings and its secret. */
export interface Means {
  /** What unlocks the secret, where that is a private key under a passphrase. */
  readPassphrase(): Promise<string | undefined>;
  /** Another connection of the same protocol, that this one leads through. Throws NotFound, UsageError. */
  through(name: string): Promise<Waypoint>;
}

/** Something about a connection that an owner is to mend. */
export interface Weakness {
  readonly level: 'warning' | 'problem';
  readonly message: string;
  readonly fix: string | null;
}

/** A connection that another one leads through. */
export interface Waypoint {
  readonly settings: string;
  readSecret(): Promise<string | undefined>;
  readonly means: Means;
}

/** One statement of a script. */
export interface ScriptStatement {
  /** Where it stands in the text, in UTF-16 code units: [start, end). */
  readonly start: number;
  readonly end: number;
  /** From 1. */
  readonly line: number;
  /** Its first words. */
  readonly begins: string;
  /** It cannot run inside a transaction. */
  readonly outside: boolean;
}

/** Where and how an endpoint authenticates its clients. */
export interface EndpointCredentials {
  readonly user: string;
  readonly password: string;
  readonly database: string;
}

/** What crashed sessions left on a target: what is gone now, and what had to stay, with the reason. */
export interface Swept {
  readonly swept: readonly string[];
  readonly left: readonly string[];
}

export interface Target {
  /** `16.4`; connects once if it must. */
  serverVersion(): Promise<string>;
  /** The database a client is to name. */
  readonly database: string;
  /**
   * Serves one accepted client socket from its first byte to its last; never throws. `openDesk` is called
   * once, after the client has authenticated and before the target is dialled.
   */
  serve(socket: Socket, endpoint: ClientEndpoint): Promise<void>;
  /** Judges a text against a policy without a session; uses the catalog cache (loading it if it must). */
  explain(
    policy: Policy,
    requester: Requester,
    target: PolicyTarget,
    statement: string,
  ): Promise<Explanation>;
  /** Judges a text that is to run in a session yet to be opened. Left out where requests cannot be made ahead. */
  foresee?(of: ForesightOf): Promise<Foreseen>;
  /** Removes what a crash left behind on the target; names of what went. Left out where nothing can be left. */
  sweep?(): Promise<Swept>;
  close(): Promise<void>;
}

/** Where a client comes from, and what it says of itself. */
export interface ClientWords {
  readonly address: string;
  readonly application: string;
  /** What it says of its work, where the protocol lets it say so when it comes. */
  readonly stated?: Stated | undefined;
}

export interface ClientEndpoint {
  readonly credentials: EndpointCredentials;
  readonly tls: { readonly key: string; readonly cert: string } | undefined;
  /** Sessions of this endpoint by cancel key, shared by its sockets. */
  /** The gateway's private host key, for protocols whose endpoints prove themselves by it. */
  readonly hostKey?: string | undefined;
  /** A public key that the client may prove itself with instead of the password, one line in OpenSSH's form. */
  readonly clientKey?: string | undefined;
  readonly cancelKeys: CancelKeys;
  /** Opens the session's books: id, recording, audit. Throws when policy or the machine does not allow a session. */
  /** Told of a client that did not know the endpoint's password. */
  loginFailed(): void;
  /** Told of a client that has proved itself and shares a session that is open already. */
  authenticated(): void;
  openDesk(client: ClientWords): Promise<SessionDesk>;
}

/** CancelRequest keys of live sessions. Keys are our own random bytes, never the target's. */
export interface CancelKeys {
  register(
    cancel: () => void,
    keyLength: number,
  ): { readonly processId: number; readonly secret: Uint8Array; release(): void };
  /** Finds by process id and constant-time comparison of the whole key; undefined when there is none. */
  find(processId: number, secret: Uint8Array): (() => void) | undefined;
}
