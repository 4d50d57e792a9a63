import { createServer, type Server, type Socket } from 'node:net';
import { NotPermitted } from '../../base/errors.ts';
import { isIssuerToken } from '../../identity/signed-token.ts';
import type { NativeAdmission, NativeListener, NativeLogin } from '../../protocols/native-access.ts';
import type { Protocol } from '../../protocols/protocol.ts';
import { policyTarget, requireMayConnect } from '../../session/open-desk.ts';
import { requesterOf } from '../../session/requester.ts';
import type { ConnectionRow, IdentityRow, PasswordRow } from '../../store/store.ts';
import type { CallPeer } from '../api-server.ts';
import type { TokenHolder } from '../authorize.ts';
import { createCancelKeys } from '../cancel-keys.ts';
import { findConnection } from '../find-rows.ts';
import type { Parts } from '../parts.ts';
import { hasRole } from '../views.ts';
import type { DoorKeeper } from './door-keeper.ts';
import type { LoginThrottle } from './login-throttle.ts';
import { ShortPasswords } from './short-passwords.ts';

export interface NativeListenerDeps {
  readonly parts: Pick<
    Parts,
    'store' | 'policy' | 'targets' | 'openDesk' | 'passwords' | 'hostKey' | 'signIns'
  >;
  readonly protocol: Protocol;
  /** As the API has it. Throws LoginNeeded. */
  readonly authenticate: (token: string, from: CallPeer) => Promise<TokenHolder>;
  readonly certificate: () => { readonly key: string; readonly cert: string };
  readonly keeper: DoorKeeper;
  readonly throttle: LoginThrottle;
  readonly loginFailed: (facts: { readonly user: string; readonly address: string }) => void;
  readonly turnedAway: () => void;
  readonly failed: (error: unknown) => void;
}

/** Serves clients that come without hoopctl: any driver, with a token or a short-lived password. */
export function createNativeServer(deps: NativeListenerDeps): Server {
  const { native } = deps.protocol;
  const cancelKeys = createCancelKeys();
  const identity = {};
  // Half-open: a client that has sent all it wants may close its side and still read the answers.
  return createServer({ noDelay: true, allowHalfOpen: true, keepAlive: true }, (socket) => {
    socket.on('error', () => {});
    const address = socket.remoteAddress ?? 'gone';
    if (deps.throttle.waitFor(address) > 0 || !deps.keeper.enter(socket) || native === undefined) {
      deps.turnedAway();
      socket.destroy();
      return;
    }
    const listener: NativeListener = {
      identity,
      tls: deps.certificate(),
      cancelKeys,
      hostKey: async () => (await deps.parts.hostKey()).private,
      keysFor: (name) => keysFor(deps, name),
      isPasswordName: ShortPasswords.isName,
      verifierOf: (user) => deps.parts.passwords.find(user),
      admit: (login) => admit(deps, login, socket),
      loginFailed: (user) => {
        deps.throttle.failed(address);
        deps.loginFailed({ user: user.slice(0, 64), address });
      },
      loggedIn: () => deps.keeper.known(socket),
    };
    native.serve(socket, listener).catch((error: unknown) => {
      deps.failed(error);
      socket.destroy();
    });
  });
}

interface Admitted {
  readonly identity: IdentityRow;
  readonly connection: ConnectionRow;
  /** Undefined for somebody who came with a token. */
  readonly password: PasswordRow | undefined;
}

async function admit(deps: NativeListenerDeps, login: NativeLogin, socket: Socket): Promise<NativeAdmission> {
  const { parts, protocol } = deps;
  const { connection, identity, password } = await identify(deps, login, socket);
  // As the contract has it for `endpointOpen`.
  if (!hasRole(identity, 'owner', 'approver', 'requester')) {
    throw new NotPermitted('role_missing', `${identity.name} may open no sessions`);
  }
  requireMayConnect(
    parts.policy.current().mayConnect(requesterOf(identity), policyTarget(connection)),
    identity.name,
    connection.name,
  );
  const lease = await parts.targets.lease(connection);
  return {
    target: lease.target,
    release: () => lease.release(),
    async openDesk(client) {
      const desk = await parts.openDesk({ connection, identity, protocol }, client);
      if (password !== undefined) await parts.passwords.bind(password, desk);
      return desk;
    },
  };
}

/** Nothing for a connection that there is not, as for one without keys. */
async function keysFor({ parts, protocol }: NativeListenerDeps, name: string) {
  const connection = await parts.store.connections.find(name);
  if (connection === undefined || connection.protocol !== protocol.name) return [];
  return parts.passwords.keysFor(connection.id);
}

/** Nobody learns which connections there are before having shown who they are. */
async function identify(deps: NativeListenerDeps, login: NativeLogin, socket: Socket): Promise<Admitted> {
  const { passwords, store } = deps.parts;
  const byPassword = async (password: PasswordRow | undefined): Promise<Admitted> => {
    const named = await store.connections.find(login.connection);
    // A password for another connection is a wrong one here.
    const identity = await passwords.identityOf(password, named?.id);
    return { identity, connection: await spoken(deps, login.connection), password };
  };
  if (login.how === 'proved') return byPassword(await passwords.find(login.user));
  if (ShortPasswords.isPassword(login.secret)) return byPassword(await passwords.bySecret(login.secret));
  if (isIssuerToken(login.secret)) {
    const identity = await deps.parts.signIns.ofIssuerToken(login.secret);
    return { identity, connection: await spoken(deps, login.connection), password: undefined };
  }
  const holder = await deps.authenticate(login.secret, socket);
  if (holder.kind !== 'identity') throw new NotPermitted('not_initialized', 'there is no owner yet');
  const connection = await spoken(deps, login.connection);
  return { identity: holder.identity, connection, password: undefined };
}

/** The connection, when this listener speaks its protocol. */
async function spoken(deps: NativeListenerDeps, name: string): Promise<ConnectionRow> {
  const connection = await findConnection(deps.parts.store, name);
  if (connection.protocol === deps.protocol.name) return connection;
  throw new NotPermitted('other_protocol', `${connection.name} is no ${deps.protocol.name} connection`);
}
