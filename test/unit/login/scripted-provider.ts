import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** One answer of the token endpoint: an OAuth error, tokens, or a connection that breaks. */
export type TokenAnswer =
  | { readonly error: string }
  | { readonly tokens: Readonly<Record<string, unknown>> }
  | 'broken';

export interface ScriptedProvider {
  readonly issuer: string;
  /** Forms that the token endpoint got, in order, with the time of each. */
  readonly asked: { readonly form: URLSearchParams; readonly at: number }[];
  /** Forms that the device endpoint got. */
  readonly started: URLSearchParams[];
  close(): Promise<void>;
}

/** A provider that says what it is told to say, for what a real one says too late or never. */
export async function startScriptedProvider(
  answers: readonly TokenAnswer[],
  device: Readonly<Record<string, unknown>> = {},
  metadata: Readonly<Record<string, unknown>> = {},
): Promise<ScriptedProvider> {
  const asked: { form: URLSearchParams; at: number }[] = [];
  const started: URLSearchParams[] = [];
  let issuer = '';
  const server = createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request.setEncoding('utf8') as AsyncIterable<string>) body += chunk;
    const json = (status: number, value: unknown) => {
      response.writeHead(status, { 'content-type': 'application/json' });
      response.end(JSON.stringify(value));
    };
    switch (request.url) {
      case '/.well-known/openid-configuration':
        return json(200, {
          issuer,
          token_endpoint: `${issuer}/token`,
          device_authorization_endpoint: `${issuer}/device`,
          ...metadata,
        });
      case '/device':
        started.push(new URLSearchParams(body));
        return json(200, {
          device_code: 'device',
          user_code: 'WDJB-MJHT',
          verification_uri: `${issuer}/enter`,
          expires_in: 60,
          interval: 1,
          ...device,
        });
      default: {
        const answer = answers[asked.length] ?? { error: 'authorization_pending' };
        asked.push({ form: new URLSearchParams(body), at: performance.now() });
        if (answer === 'broken') return request.socket.destroy();
        if ('error' in answer) return json(400, answer);
        return json(200, { access_token: 'an-access-token', token_type: 'Bearer', ...answer.tokens });
      }
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    asked,
    started,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
