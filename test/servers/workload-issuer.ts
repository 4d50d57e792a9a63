import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';

/** The OpenID issuer of a CI platform on loopback: discovery, keys, and tokens of jobs. */
export interface WorkloadIssuer {
  readonly issuer: string;
  /** A token of a job, as the platform puts it into the job's environment. */
  token(claims: Readonly<Record<string, unknown>>, audience: string): Promise<string>;
  /** Where a job with this bearer token asks for its own, as GitHub's runners do: `&audience=` goes behind it. */
  readonly requestUrl: string;
  readonly requestToken: string;
  /** What the tokens of `requestUrl` say. */
  claims: Readonly<Record<string, unknown>>;
  close(): void;
}

export async function startWorkloadIssuer(): Promise<WorkloadIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256');
  const key = { ...(await exportJWK(publicKey)), kid: 'ci-1', use: 'sig', alg: 'RS256' };
  const requestToken = 'the-runner-s-own-token';
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const token: WorkloadIssuer['token'] = (claims, audience) =>
    new SignJWT({ ...claims, jti: crypto.randomUUID() })
      .setProtectedHeader({ alg: 'RS256', kid: 'ci-1', typ: 'JWT' })
      .setIssuer(issuer)
      .setAudience(audience)
      .setIssuedAt()
      .setExpirationTime('5m')
      .sign(privateKey);
  const made = { issuer, token, requestUrl: `${issuer}/token?api-version=2`, requestToken, claims: {} };
  return Object.assign(made, { close: () => void server.close() });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', issuer);
    const json = (body: unknown) =>
      response.setHeader('content-type', 'application/json').end(JSON.stringify(body));
    if (url.pathname === '/.well-known/openid-configuration') json({ issuer, jwks_uri: `${issuer}/jwks` });
    else if (url.pathname === '/jwks') json({ keys: [key] });
    else if (request.headers.authorization?.toLowerCase() === `bearer ${requestToken}`) {
      json({ value: await token(made.claims, url.searchParams.get('audience') ?? issuer) });
    } else response.writeHead(401).end();
  }
}
