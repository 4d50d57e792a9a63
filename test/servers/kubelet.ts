import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { SpdyReader, writeData, writePing, writeReply } from '../../src/protocols/kubernetes/spdy/frames.ts';
import { HeaderPacker, HeaderUnpacker } from '../../src/protocols/kubernetes/spdy/header-block.ts';
import { startProgram, type TestProgram } from './kubelet-program.ts';
import type { TestCluster } from './kubernetes.ts';

/** Stands in for a node's kubelet: pods are names, and what is run in them runs on this machine. */
export interface TestKubelet {
  /** Makes a pod that runs on this node. */
  addPod(name: string, namespace?: string): Promise<void>;
  /** What `kubectl logs` gets; a stream stays open while it is followed. */
  logs: (response: ServerResponse, follow: boolean) => void;
  stop(): Promise<void>;
}

/** Starts one and makes its Node object. `exec` speaks v5 and v4 of the channel protocol. */
export async function startKubelet(cluster: TestCluster): Promise<TestKubelet> {
  const { cert, key } = cluster.clientCertificate('kubelet');
  const sockets = new WebSocketServer({
    noServer: true,
    handleProtocols: (offered) =>
      ['v5.channel.k8s.io', 'v4.channel.k8s.io'].find((one) => offered.has(one)) ?? false,
  });
  const kubelet: TestKubelet = {
    async addPod(name, namespace = 'default') {
      const pods = `/api/v1/namespaces/${namespace}/pods`;
      await cluster.api('POST', pods, {
        metadata: { name },
        spec: { nodeName: 'n1', containers: [{ name: 'main', image: 'none' }] },
      });
      await cluster.api('PATCH', `${pods}/${name}/status`, { status: { phase: 'Running' } });
    },
    logs: (response) => response.end('hello\n'),
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
        for (const socket of sockets.clients) socket.terminate();
      }),
  };
  const server = createServer({ cert, key }, (request, response) => {
    const url = new URL(request.url ?? '/', 'https://kubelet');
    if (!url.pathname.startsWith('/containerLogs/')) response.writeHead(404).end();
    else kubelet.logs(response, url.searchParams.get('follow') === 'true');
  });
  server.on('upgrade', (request, socket, head) => {
    if (request.headers.upgrade?.toLowerCase() === 'spdy/3.1') return serveSpdy(socket, request);
    sockets.handleUpgrade(request, socket, head, (client) => serveStreams(client, request));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  await cluster.api('POST', '/api/v1/nodes', { metadata: { name: 'n1' } });
  await cluster.api('PATCH', '/api/v1/nodes/n1/status', {
    status: {
      addresses: [{ type: 'InternalIP', address: '127.0.0.1' }],
      daemonEndpoints: { kubeletEndpoint: { Port: port } },
    },
  });
  return kubelet;
}

function serveStreams(client: WebSocket, request: IncomingMessage): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://kubelet');
  for (const stream of [1, 2, 3]) client.send(Buffer.from([stream]));
  if (!pathname.startsWith('/exec/') && !pathname.startsWith('/attach/')) return client.close();
  const command = pathname.startsWith('/exec/') ? searchParams.getAll('command') : ['cat'];
  const program = startProgram(command, searchParams.get('tty') === '1', {
    print: (stream, chunk) => client.send(Buffer.concat([Buffer.from([stream === 'stdout' ? 1 : 2]), chunk])),
    ended: (code, message) => finish(client, code, message),
  });
  client.on('message', (data: Buffer) => {
    if (data[0] === 0) program.write(data.subarray(1));
    if (data[0] === 255 && data[1] === 0) program.end();
    if (data[0] === 4) program.resize(data.subarray(1).toString());
  });
  client.on('close', () => program.kill());
  if (searchParams.get('input') !== '1') program.end();
}

/** The same over SPDY/3.1: starts once the streams that the request speaks of are open. */
function serveSpdy(socket: Duplex, request: IncomingMessage): void {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'https://kubelet');
  const forward = pathname.startsWith('/portForward/');
  const version = forward ? 'portforward.k8s.io' : 'v4.channel.k8s.io';
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${version}\r\n\r\n`,
  );
  const reader = new SpdyReader();
  const unpacker = new HeaderUnpacker();
  const packer = new HeaderPacker();
  const streams = new Map<string, number>();
  const count = 1 + ['input', 'output', 'error'].filter((name) => searchParams.get(name) === '1').length;
  let child: TestProgram | undefined;
  const say = (kind: string, bytes: Buffer, fin = false) =>
    socket.write(writeData(streams.get(kind) ?? 0, bytes, fin));
  socket.on('error', () => {});
  socket.on('close', () => child?.kill());
  socket.on('data', (chunk: Buffer) => {
    for (const frame of reader.push(chunk)) {
      if (frame.type === 'ping') socket.write(writePing(frame.id));
      if (frame.type === 'open') {
        streams.set(unpacker.read(frame.block).get('streamtype') ?? '', frame.stream);
        socket.write(writeReply(frame.stream, packer.write(new Map()), false));
        if (!forward && child === undefined && streams.size >= count) child = begin();
      }
      if (frame.type !== 'data') continue;
      if (forward && frame.stream === streams.get('data'))
        say('data', Buffer.from(`echo ${frame.bytes}`), frame.fin);
      if (frame.stream === streams.get('resize') && frame.bytes.length > 0)
        child?.resize(frame.bytes.toString());
      if (frame.stream !== streams.get('stdin')) continue;
      if (frame.bytes.length > 0) child?.write(frame.bytes);
      if (frame.fin) child?.end();
    }
  });

  function begin(): TestProgram {
    const started = startProgram(searchParams.getAll('command'), searchParams.get('tty') === '1', {
      print: (stream, chunk) => say(stream, chunk),
      ended: (code, message) => {
        say('error', statusOf(code, message), true);
        for (const kind of ['stdout', 'stderr']) if (streams.has(kind)) say(kind, Buffer.alloc(0), true);
        setTimeout(() => socket.end(), 50);
      },
    });
    if (!streams.has('stdin')) started.end();
    return started;
  }
}

function finish(client: WebSocket, code: number, message: string): void {
  client.send(Buffer.concat([Buffer.from([3]), statusOf(code, message)]));
  client.close(1000);
}

function statusOf(code: number, message: string): Buffer {
  const status =
    code === 0
      ? { metadata: {}, status: 'Success' }
      : {
          metadata: {},
          status: 'Failure',
          message: message || `command terminated with non-zero exit code: ${code}`,
          reason: 'NonZeroExitCode',
          details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
        };
  return Buffer.from(JSON.stringify(status));
}
