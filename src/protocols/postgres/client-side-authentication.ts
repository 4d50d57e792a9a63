import { randomBytes, X509Certificate } from 'node:crypto';
import { ProtocolViolation } from '../../base/errors.ts';
import type { EndpointCredentials } from '../protocol.ts';
import { ClientRefused } from './client-side-refusal.ts';
import {
  AUTHENTICATION_CLEARTEXT,
  authenticationSasl,
  authenticationSaslContinue,
  authenticationSaslFinal,
} from './codec/backend-builders.ts';
import { decodeBody, decodeSaslInitialResponse } from './codec/frontend-messages.ts';
import { FRONTEND } from './codec/message-types.ts';
import type { HandshakeStream } from './handshake-stream.ts';
import { badScram } from './scram.ts';
import { endPointBinding } from './scram-channel-binding.ts';
import { makeVerifier, mockVerifier, ScramServer, type ScramVerifier } from './scram-server.ts';

/** PostgreSQL's PG_MAX_SASL_MESSAGE_LENGTH is 1 024; the mechanism's name and the header come on top. */
const LONGEST_SASL_MESSAGE = 1100;
/** A token of an identity provider may have some KiB. */
const LONGEST_PASSWORD_MESSAGE = 16 * 1024;

/**
 * SCRAM with a client of an endpoint. Returns when the client has proved the endpoint's password; AuthenticationOk
 * is still to be sent. Throws ClientRefused `wrong_password`, ProtocolViolation.
 */
export async function authenticateClient(
  stream: HandshakeStream,
  credentials: EndpointCredentials,
  user: string,
  certificate: string | undefined,
): Promise<void> {
  const real = await verifierOf(credentials);
  await proveBy(stream, {
    verifier: user === credentials.user ? real : undefined,
    mockOwner: credentials,
    user,
    certificate,
    hint: 'use user and password of the URL that hoopctl printed; they are valid while that endpoint is open',
  });
}

export interface ScramProof {
  /** Undefined for a user that does not exist. */
  readonly verifier: ScramVerifier | undefined;
  /** Whose made-up salts these are: the same user gets the same one each time it asks. */
  readonly mockOwner: object;
  readonly user: string;
  /** Ours, PEM, under TLS. */
  readonly certificate: string | undefined;
  readonly hint: string;
}

/**
 * SCRAM with a client (docs 54.3). Throws ClientRefused `wrong_password`, ProtocolViolation.
 * A user that does not exist goes through the same exchange and gets the same answer as a wrong password.
 */
export async function proveBy(stream: HandshakeStream, proof: ScramProof): Promise<void> {
  const { certificate, user } = proof;
  const mock = mockVerifier(mockSecretOf(proof.mockOwner), user);
  const binding =
    certificate === undefined ? undefined : endPointBinding(new X509Certificate(certificate).raw);
  const server = new ScramServer(proof.verifier ?? mock, binding);

  stream.write(authenticationSasl(server.mechanisms));
  const initial = await readResponse(stream);
  const { mechanism, data } = decodeSaslInitialResponse(initial, 0, initial.length);
  if (data === null) throw badScram('is missing');
  stream.write(authenticationSaslContinue(server.begin(mechanism, data)));
  const final = await readResponse(stream);
  const outcome = server.finish(decodeBody(final, 0, final.length));
  if (!outcome.ok) {
    throw new ClientRefused('wrong_password', {
      sqlstate: '28P01',
      message: `password authentication failed for user "${user}"`,
      hint: proof.hint,
    });
  }
  stream.write(authenticationSaslFinal(outcome.serverFinal));
}

/**
 * Asks for the password itself (AuthenticationCleartextPassword, docs 54.2.1); only to be called under TLS.
 * Throws ProtocolViolation.
 */
export async function readPassword(stream: HandshakeStream): Promise<string> {
  stream.write(AUTHENTICATION_CLEARTEXT);
  const { bytes } = await stream.readMessage((type) =>
    type === FRONTEND.password ? LONGEST_PASSWORD_MESSAGE : 0,
  );
  stream.requireEmpty('bytes_too_early', 'the client sent more before it was answered');
  const body = decodeBody(bytes, 0, bytes.length);
  const end = body.indexOf(0);
  if (end !== body.length - 1)
    throw new ProtocolViolation('bad_password_message', 'the password is malformed');
  return Buffer.from(body.subarray(0, end)).toString('utf8');
}

async function readResponse(stream: HandshakeStream): Promise<Buffer> {
  const { bytes } = await stream.readMessage((type) =>
    type === FRONTEND.password ? LONGEST_SASL_MESSAGE : 0,
  );
  stream.requireEmpty('bytes_too_early', 'the client sent more before it was answered');
  return bytes;
}

/** Derived once for an endpoint, so that no login costs the rounds of a key derivation. */
const known = new WeakMap<EndpointCredentials, Promise<ScramVerifier>>();

function verifierOf(credentials: EndpointCredentials): Promise<ScramVerifier> {
  let verifier = known.get(credentials);
  if (verifier === undefined) {
    verifier = makeVerifier(credentials.password);
    known.set(credentials, verifier);
  }
  return verifier;
}

const mockSecrets = new WeakMap<object, Buffer>();

function mockSecretOf(owner: object): Buffer {
  let secret = mockSecrets.get(owner);
  if (secret === undefined) {
    secret = randomBytes(32);
    mockSecrets.set(owner, secret);
  }
  return secret;
}
