import type { Socket } from 'node:net';
import type { SessionDesk } from '../session/desk.ts';
import type { CancelKeys, ClientWords, Target } from './protocol.ts';

/** How a protocol serves clients that come to a gateway's own listener, with a token or a short-lived password. */
export interface NativeAccess {
  /** What is kept of a short-lived password, so that a client can prove it without sending it. */
  makeVerifier(password: string): Promise<string>;
  /** True where a public key may stand for the password. */
  readonly takesKeys?: true;
  /** What a client names as its user. */
  user(credentials: NativeCredentials): string;
  /** The URL a client takes; it demands TLS and a certificate that is right. */
  url(host: string, port: number, credentials: NativeCredentials): string;
  /** Serves one accepted socket from its first byte to its last; never throws. */
  serve(socket: Socket, listener: NativeListener): Promise<void>;
}

export interface NativeCredentials {
  readonly user: string;
  readonly password: string;
  /** The connection's name, which stands where the protocol has its database or like place. */
  readonly connection: string;
}

/** A short-lived password that a user name stands for. */
export interface StoredVerifier {
  readonly verifier: string;
}

export type NativeLogin =
  /** A token or a short-lived password, as it came over TLS. */
  | { readonly how: 'shown'; readonly secret: string; readonly connection: string }
  /** The password behind `verifierOf(user)` was proved. */
  | { readonly how: 'proved'; readonly user: string; readonly connection: string };

/** Somebody who may come in. */
export interface NativeAdmission {
  readonly target: Target;
  openDesk(client: ClientWords): Promise<SessionDesk>;
  /** When the session has ended. */
  release(): void;
}

/** What the gateway gives a protocol for one client. */
export interface NativeListener {
  /** One for all clients: guards against floods are kept by it. */
  readonly identity: object;
  /** As it is now; a renewed certificate counts for the next client. */
  readonly tls: { readonly key: string; readonly cert: string };
  readonly cancelKeys: CancelKeys;
  /** The gateway's private host key, for protocols whose listeners prove themselves by it. */
  hostKey(): Promise<string>;
  /** Keys that short-lived passwords of a connection were made with, and the names that these are proved by. */
  keysFor(connection: string): Promise<readonly { readonly user: string; readonly key: string }[]>;
  /** True for a user name whose password is to be proved, whether there is such a one or not. */
  isPasswordName(user: string): boolean;
  verifierOf(user: string): Promise<StoredVerifier | undefined>;
  /** Throws LoginNeeded, NotFound, NotPermitted. */
  admit(login: NativeLogin): Promise<NativeAdmission>;
  /** Told of a client that failed to log in. */
  loginFailed(user: string): void;
  /** Told when a client is no stranger any more. */
  loggedIn(): void;
}
