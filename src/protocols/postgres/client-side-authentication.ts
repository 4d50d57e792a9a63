import { randomBytes, X509Certificate } from 'node:crypto';
import type { EndpointCredentials } from '../protocol.ts';
import { ClientRefused } from './client-side-refusal.ts';
import {
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

/**
 * SCRAM with a client (docs 54.3). Returns when the client has proved the endpoint's password; AuthenticationOk
 * is still to be sent. Throws ClientRefused `wrong_password`, ProtocolViolation.
 * A user that does not exist goes through the same exchange and gets the same answer as a wrong password.
 */
export async function authenticateClient(
  stream: HandshakeStream,
  credentials: EndpointCredentials,
  user: string,
  certificate: string | undefined,
): Promise<void> {
  const verifiers = verifiersOf(credentials);
  const mock = mockVerifier(verifiers.mockSecret, user);
  const real = await verifiers.real;
  const binding =
    certificate === undefined ? undefined : endPointBinding(new X509Certificate(certificate).raw);
  const server = new ScramServer(user === credentials.user ? real : mock, binding);

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
      hint: 'use user and password of the URL that hoopctl printed; they are valid while that endpoint is open',
    });
  }
  stream.write(authenticationSaslFinal(outcome.serverFinal));
}

async function readResponse(stream: HandshakeStream): Promise<Buffer> {
  const { bytes } = await stream.readMessage((type) =>
    type === FRONTEND.password ? LONGEST_SASL_MESSAGE : 0,
  );
  stream.requireEmpty('bytes_too_early', 'the client sent more before it was answered');
  return bytes;
}

interface Verifiers {
  readonly real: Promise<ScramVerifier>;
  readonly mockSecret: Buffer;
}

/** Derived once for an endpoint, so that no login costs the rounds of a key derivation. */
const known = new WeakMap<EndpointCredentials, Verifiers>();

function verifiersOf(credentials: EndpointCredentials): Verifiers {
  let verifiers = known.get(credentials);
  if (verifiers === undefined) {
    verifiers = { real: makeVerifier(credentials.password), mockSecret: randomBytes(32) };
    known.set(credentials, verifiers);
  }
  return verifiers;
}
