import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface ReceivedMessage {
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks on loopback that keeps what it got. */
export interface WebhookReceiver {
  readonly url: string;
  /** What the next requests are answered with; `undefined` leaves them without an answer. */
  status: number | undefined;
  readonly messages: readonly ReceivedMessage[];
  /** The message after those asked for before. */
  next(): Promise<ReceivedMessage>;
  close(): Promise<void>;
}

export async function startWebhookReceiver(): Promise<WebhookReceiver> {
  const messages: ReceivedMessage[] = [];
  let read = 0;
  let wake = () => {};
  const receiver = { status: 200 as number | undefined };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      messages.push({ headers: request.headers, body: Buffer.concat(parts).toString('utf8') });
      if (receiver.status !== undefined) {
        response
          .writeHead(receiver.status, { location: 'http://127.0.0.1:1/elsewhere' })
          .end('{"decide":"approve"}');
      }
      wake();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return Object.assign(receiver, {
    url: `http://127.0.0.1:${port}/hooks/a-secret-path`,
    messages,
    async next() {
      while (messages.length <= read) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return messages[read++] as ReceivedMessage;
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  });
}
