import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { decodeJwt, exportJWK, generateKeyPair, SignJWT } from 'jose';

/** The OpenID issuer of a CI platform on loopback: discovery, keys, and tokens of jobs. */
export interface WorkloadIssuer {
  readonly issuer: string;
  /** A token of a job, as the platform puts it into the job's environment. */
  token(claims: Readonly<Record<string, unknown>>, audience: string): Promise<string>;
  /** Where a job with this bearer token asks for its own, as GitHub's runners do: `&audience=` goes behind it. */
  readonly requestUrl: string;
  readonly requestToken: string;
  /** The client that may ask about tokens (RFC 7662). */
  readonly introspection: { readonly clientId: string; readonly secret: string };
  /** Subjects whose tokens count no more. */
  readonly disabled: Set<unknown>;
  /** What the tokens of `requestUrl` say. */
  claims: Readonly<Record<string, unknown>>;
  close(): void;
}

export interface WorkloadIssuerOptions {
  /** By https under this name, which only a proxy need know. */
  readonly tls?: { readonly host: string; readonly key: string; readonly cert: string };
}

export async function startWorkloadIssuer({ tls }: WorkloadIssuerOptions = {}): Promise<WorkloadIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(publicKey)), kid: 'ci-1', use: 'sig', alg: 'RS256' };
  const requestToken = 'the-runner-s-own-token';
  const listener = (request: IncomingMessage, response: ServerResponse) => void answer(request, response);
  const server = tls === undefined ? createServer(listener) : createTlsServer(tls, listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const issuer = tls === undefined ? `http://127.0.0.1:${port}` : `https://${tls.host}:${port}`;
  const token: WorkloadIssuer['token'] = (claims, audience) =>
    new SignJWT({ ...claims, jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'RS256', kid: 'ci-1', typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
  const disabled = new Set<unknown>();
  const introspection = { clientId: 'hoopctl gateway', secret: 'colon: and plus+' };
  const requestUrl = `${issuer}/token?api-version=2`;
  const made = { issuer, token, requestUrl, requestToken, introspection, disabled, claims: {} };
  return Object.assign(made, { close: () => void server.close() });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer);
    const json = (body: unknown) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    if (url.pathname === '/.well-known/openid-configuration') {
      json({ issuer, jwks_uri: `${issuer}/jwks`, introspection_endpoint: `${issuer}/introspect` });
    } else if (url.pathname === '/jwks') json({ keys: [key] });
    else if (url.pathname === '/introspect') await introspect(request, response, json);
    else if (request.headers.authorization?.toLowerCase() === `bearer ${requestToken}`) {
      json({ value: await token(made.claims, url.searchParams.get('audience') ?? issuer) });
    } else response.writeHead(401).end();
  }

  async function introspect(
    request: IncomingMessage,
    response: ServerResponse,
    json: (body: unknown) => void,
  ) {
    // RFC 6749, section 2.3.1: the two parts are form-encoded.
    const words = Buffer.from(request.headers.authorization?.split(' ')[1] ?? '', 'base64').toString();
    const [id, secret] = words.split(':').map((word) => new URLSearchParams(`w=${word}`).get('w'));
    if (id !== introspection.clientId || secret !== introspection.secret) {
      return response.writeHead(401).end('{"error":"invalid_client"}');
    }
    let form = '';
    for await (const chunk of request as AsyncIterable<Buffer>) form += chunk.toString();
    const { sub } = decodeJwt(new URLSearchParams(form).get('token') ?? '');
    json(disabled.has(sub) ? { active: false } : { active: true, sub });
  }
}
