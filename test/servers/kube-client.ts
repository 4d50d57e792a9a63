import { mkdtempSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { request } from 'node:https';
import { join } from 'node:path';
import { connect as connectTls, type TLSSocket } from 'node:tls';

/** An endpoint of hoopctl that serves a cluster. */
export interface Place {
  readonly port: number;
  readonly password: string;
  readonly certificate: string;
}

/** A kubeconfig with the endpoint's own token, in a fresh directory of `directory`. */
export function writeKubeconfig(place: Place & { readonly url: string }, directory: string): string {
  const file = join(mkdtempSync(join(directory, 'kube-')), 'config');
  const cluster = {
    server: place.url,
    'certificate-authority-data': Buffer.from(place.certificate).toString('base64'),
  };
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'c', cluster }],
      users: [{ name: 'u', user: { token: place.password } }],
      contexts: [{ name: 'x', context: { cluster: 'c', user: 'u' } }],
      'current-context': 'x',
    }),
    { mode: 0o600 },
  );
  return file;
}

export interface AskOptions {
  readonly body?: string;
  readonly headers?: OutgoingHttpHeaders;
  readonly anonymous?: boolean;
}

/** A path goes out as it is: `https.request` would normalise a URL. */
export function begin(
  place: Place,
  method: string,
  path: string,
  { anonymous, body, headers }: AskOptions = {},
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = request({
      host: '127.0.0.1',
      port: place.port,
      ca: place.certificate,
      method,
      path,
      agent: false,
      headers: {
        ...(anonymous ? {} : { authorization: `Bearer ${place.password}` }),
        ...(body === undefined ? {} : { 'content-length': Buffer.byteLength(body) }),
        ...headers,
      },
    });
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.end(body);
  });
}

/** The whole answer; 413 where the connection was closed instead. */
export async function ask(
  place: Place,
  method: string,
  path: string,
  options: AskOptions = {},
): Promise<{ status: number; text: string }> {
  const response = await begin(place, method, path, options).catch(() => undefined);
  if (response === undefined) return { status: 413, text: '' };
  const chunks: Buffer[] = [];
  for await (const chunk of response) chunks.push(chunk as Buffer);
  return { status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString('utf8') };
}

/** Everything that is said to these bytes until the connection closes or falls silent. */
export function raw(place: Place, text: string): Promise<string> {
  return new Promise((resolve) => {
    const socket: TLSSocket = connectTls({ host: '127.0.0.1', port: place.port, ca: place.certificate }, () =>
      socket.write(text),
    );
    let said = '';
    socket.setTimeout(1500, () => socket.destroy());
    socket.on('data', (chunk) => {
      said += chunk.toString('latin1');
    });
    socket.on('error', () => {});
    socket.once('close', () => resolve(said));
  });
}
