import { createHash } from 'node:crypto';
import { NotPermitted, ProtocolViolation } from '../../base/errors.ts';
import {
  type AuthenticationMessage,
  decodeAuthentication,
  decodeNegotiateProtocolVersion,
  decodeResponseFields,
  type ResponseFields,
} from './codec/backend-messages.ts';
import { passwordMessage, saslInitialResponse, saslResponse } from './codec/frontend-builders.ts';
import { BACKEND } from './codec/message-types.ts';
import { PROTOCOL_3_0 } from './codec/startup-packet.ts';
import type { AUTHENTICATION_METHODS, PostgresSettings } from './connection.ts';
import type { HandshakeStream } from './handshake-stream.ts';
import { newNonce, SCRAM, SCRAM_PLUS } from './scram.ts';
import { type ChannelBinding, ScramClient } from './scram-client.ts';

export interface LoginFacts {
  readonly settings: PostgresSettings;
  readonly secret: string | undefined;
  /** TLS is on. */
  readonly tls: boolean;
  /** The bytes go through a Unix socket. */
  readonly unix: boolean;
  /** tls-server-end-point data. */
  readonly binding: Buffer | undefined;
}

/** Taken until AuthenticationOk; the first answer may be a refusal of the way we came (no encryption, wrong host). */
export type LoginOutcome =
  | { readonly ok: true; readonly protocolMinor: 0 | 2 }
  | { readonly ok: false; readonly first: boolean; readonly fields: ResponseFields };

type Method = (typeof AUTHENTICATION_METHODS)[number];

/** States in the order of the exchange (docs 54.2.1, 54.3). */
type State =
  | { readonly at: 'start' }
  /** A password was sent, in clear or hashed: only the verdict may follow. */
  | { readonly at: 'answered' }
  | { readonly at: 'scram-first'; readonly scram: ScramClient }
  | { readonly at: 'scram-final'; readonly scram: ScramClient }
  /** The target has proved that it knows the password. */
  | { readonly at: 'proved' };

const KIB = 1024;
const LIMITS: ReadonlyMap<number, number> = new Map([
  [BACKEND.authentication, 8 * KIB],
  [BACKEND.errorResponse, 30_000],
  [BACKEND.noticeResponse, 30_000],
  [BACKEND.negotiateProtocolVersion, 8 * KIB],
]);
/** Notices, and whatever else does not carry the exchange on. */
const MOST_MESSAGES = 50;

/**
 * Logs in after the startup packet was sent. Throws NotPermitted `target_password_missing`,
 * `target_authentication_weak`, `target_authentication_unsupported`, `target_authentication_failed`;
 * ProtocolViolation for a target that leaves the protocol, above all AuthenticationOk in place of SCRAM's proof.
 */
export async function logIn(stream: HandshakeStream, facts: LoginFacts): Promise<LoginOutcome> {
  let state: State = { at: 'start' };
  let protocolMinor = facts.settings.protocolMinor;
  for (let count = 0; count < MOST_MESSAGES; count++) {
    const { type, bytes } = await stream.readMessage((one) => LIMITS.get(one) ?? 0);
    switch (type) {
      case BACKEND.errorResponse:
        return {
          ok: false,
          first: state.at === 'start',
          fields: decodeResponseFields(bytes, 0, bytes.length),
        };
      case BACKEND.negotiateProtocolVersion:
        if (state.at !== 'start') throw outOfOrder();
        protocolMinor = negotiated(bytes, facts.settings);
        break;
      case BACKEND.authentication: {
        const message = decodeAuthentication(bytes, 0, bytes.length);
        if (message.kind === 'ok') {
          requireProved(state, facts.settings);
          return { ok: true, protocolMinor };
        }
        state = await respond(stream, facts, state, message);
        break;
      }
      default:
        decodeResponseFields(bytes, 0, bytes.length);
    }
  }
  throw new ProtocolViolation('handshake_flood', 'the target does not come to an end with the login');
}

async function respond(
  stream: HandshakeStream,
  facts: LoginFacts,
  state: State,
  message: Exclude<AuthenticationMessage, { kind: 'ok' }>,
): Promise<State> {
  switch (message.kind) {
    case 'cleartext':
      requireStart(state);
      requireMethod(facts.settings, 'password');
      if (!facts.tls && !facts.unix) {
        throw weak('it asks for the password in clear over a connection without TLS');
      }
      stream.write(passwordMessage(requireSecret(facts)));
      return { at: 'answered' };
    case 'md5':
      requireStart(state);
      requireMethod(facts.settings, 'md5');
      stream.write(passwordMessage(md5Answer(requireSecret(facts), facts.settings.user, message.salt)));
      return { at: 'answered' };
    case 'sasl': {
      requireStart(state);
      requireMethod(facts.settings, 'scram-sha-256');
      const binding = chooseBinding(message.mechanisms, facts);
      const scram = new ScramClient(requireSecret(facts), binding, newNonce());
      stream.write(saslInitialResponse(scram.mechanism, scram.first()));
      return { at: 'scram-first', scram };
    }
    case 'sasl-continue':
      if (state.at !== 'scram-first') throw outOfOrder();
      stream.write(saslResponse(await state.scram.answer(message.data)));
      return { at: 'scram-final', scram: state.scram };
    case 'sasl-final':
      if (state.at !== 'scram-final') throw outOfOrder();
      state.scram.verify(message.data);
      return { at: 'proved' };
    case 'unsupported':
      throw new NotPermitted(
        'target_authentication_unsupported',
        `the target asks for ${message.name}, which hoopctl does not speak`,
        { next: 'let the role log in by scram-sha-256, md5, password over TLS, or a client certificate' },
      );
    default: {
      const never: never = message;
      return never;
    }
  }
}

/** AuthenticationOk: right at once (trust, certificate), after a password, or after SCRAM's proof; never before it. */
function requireProved(state: State, settings: PostgresSettings): void {
  if (state.at === 'scram-first' || state.at === 'scram-final') {
    throw new ProtocolViolation('target_not_authentic', 'the target ended the login before it proved itself');
  }
  if (state.at === 'start') requireMethod(settings, 'none');
  if (settings.channelBinding === 'require' && state.at !== 'proved') {
    throw weak('channel_binding=require, and it did not use SCRAM');
  }
}

function chooseBinding(mechanisms: readonly string[], facts: LoginFacts): ChannelBinding {
  const { channelBinding } = facts.settings;
  const plus = mechanisms.includes(SCRAM_PLUS);
  // Without TLS there is nothing to bind to, and an honest server would not offer it (docs 54.3.1).
  if (plus && !facts.tls)
    throw new ProtocolViolation('target_not_authentic', 'the target offers channel binding without TLS');
  if (channelBinding !== 'disable' && plus && facts.binding !== undefined) {
    return { use: 'bound', data: facts.binding };
  }
  if (channelBinding === 'require') throw weak('channel_binding=require, and it does not offer it');
  if (!mechanisms.includes(SCRAM)) {
    throw new NotPermitted(
      'target_authentication_unsupported',
      `the target offers only SASL mechanisms that hoopctl cannot use: ${mechanisms.join(', ').slice(0, 200)}`,
    );
  }
  const couldBind = channelBinding !== 'disable' && facts.tls && facts.binding !== undefined;
  return couldBind ? { use: 'not-offered' } : { use: 'none' };
}

function requireStart(state: State): void {
  if (state.at !== 'start') throw outOfOrder();
}

function requireMethod(settings: PostgresSettings, method: Method): void {
  if (settings.channelBinding === 'require' && method !== 'scram-sha-256') {
    throw weak(`channel_binding=require, and it asks for ${method}`);
  }
  if (settings.requireAuth !== undefined && !settings.requireAuth.includes(method)) {
    const what = method === 'none' ? 'it asks for no password at all' : `it asks for ${method}`;
    throw weak(`${what}, which require_auth does not allow`);
  }
}

function requireSecret(facts: LoginFacts): string {
  if (facts.secret !== undefined && facts.secret !== '') return facts.secret;
  throw new NotPermitted(
    'target_password_missing',
    `the target asks for a password of "${facts.settings.user}" and the connection has none`,
    { next: 'give one: hoopctl connection edit --password-stdin' },
  );
}

/** `md5` and MD5(MD5(password, user), salt) in hex (docs 54.2.1, AuthenticationMD5Password). */
function md5Answer(password: string, user: string, salt: Buffer): string {
  const inner = createHash('md5').update(password).update(user).digest('hex');
  return `md5${createHash('md5').update(inner).update(salt).digest('hex')}`;
}

/** The version the target settles for: between the least we take and the one we asked for. */
function negotiated(bytes: Buffer, settings: PostgresSettings): 0 | 2 {
  const { version, unrecognised } = decodeNegotiateProtocolVersion(bytes, 0, bytes.length);
  const minor = version - PROTOCOL_3_0;
  if (unrecognised.length > 0) {
    throw new ProtocolViolation('bad_negotiation', 'the target refuses protocol options nobody asked for');
  }
  if ((minor !== 0 && minor !== 2) || minor > settings.protocolMinor || minor < settings.leastProtocolMinor) {
    throw new ProtocolViolation(
      'bad_negotiation',
      'the target settles for a protocol version that cannot be used',
    );
  }
  return minor;
}

function weak(why: string): NotPermitted {
  return new NotPermitted(
    'target_authentication_weak',
    'the login was broken off: the target asks for too little',
    {
      why,
      next: 'use sslmode=verify-full, or let the role log in by scram-sha-256',
    },
  );
}

function outOfOrder(): ProtocolViolation {
  return new ProtocolViolation(
    'unexpected_message',
    'the target sent an authentication message out of order',
  );
}
