import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { WebSocket } from 'ws';
import { type HoopError, NotReachable } from '../base/errors.ts';
import { dialGateway, type GatewayAddress } from './client-dial.ts';
import { errorFromBody } from './failures.ts';
import { relayPath } from './relay-path.ts';
import { errorBodySchema } from './schemas.ts';
import { LARGEST_FRAME, WebSocketStream } from './websocket-stream.ts';

/** What a gateway's refusal may have, in bytes. */
const LONGEST_REFUSAL = 64 * 1024;

/**
 * Opens a byte stream to an endpoint of a gateway. Throws what the gateway said, NotReachable otherwise.
 */
export async function openRelay(gateway: GatewayAddress, token: string, endpoint: string): Promise<Duplex> {
  const socket = await dialGateway(gateway);
  const { host } = new URL(gateway.url);
  return new Promise((resolve, reject) => {
    // TLS and proxies are settled by now, so the WebSocket itself takes the connection for a plain one.
    const relay = new WebSocket(`ws://${host}${relayPath(endpoint)}`, {
      createConnection: () => socket,
      headers: { authorization: `Bearer ${token}` },
      maxPayload: LARGEST_FRAME,
      perMessageDeflate: false,
      skipUTF8Validation: true,
    });
    const fail = (error: HoopError) => {
      relay.on('error', () => {});
      relay.terminate();
      reject(error);
    };
    relay.once('unexpected-response', (_request, answer) => {
      void refusalOf(answer, gateway.url).then(fail);
    });
    relay.once('error', (error) => fail(lost(gateway.url, error.message)));
    relay.once('open', () => {
      relay.removeAllListeners('error');
      resolve(new WebSocketStream(relay));
    });
  });
}

async function refusalOf(answer: IncomingMessage, url: string): Promise<HoopError> {
  let text = '';
  try {
    for await (const chunk of answer.setEncoding('utf8') as AsyncIterable<string>) {
      text += chunk;
      if (text.length > LONGEST_REFUSAL) break;
    }
    const body = errorBodySchema.safeParse(JSON.parse(text));
    if (body.success) return errorFromBody(body.data);
  } catch {
    // What it says is no reason of ours.
  }
  return lost(url, `it answered with status ${answer.statusCode}`);
}

function lost(url: string, why: string): NotReachable {
  return new NotReachable('relay_failed', `the gateway ${url} opened no stream`, { why, retryable: true });
}
