import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * A target that stands before a real one and passes everything on, until a session says the word: from then on
 * that session is answered by the test. The gateway's own connections are left alone.
 */
export class HostileTarget {
  port = 0;
  /** What a session is answered that says the word. */
  answer: (session: Socket) => void = () => {};
  /** The client of the gateway says this in a statement; the real server never sees that chunk. */
  readonly word = 'evil';
  /** Sessions that are open. */
  readonly sessions = new Set<Socket>();
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;

  static async start(real: { readonly host: string; readonly port: number }): Promise<HostileTarget> {
    const target = new HostileTarget();
    const server = createServer((socket) => target.#serve(socket, connect(real.port, real.host)));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    target.port = typeof address === 'object' && address ? address.port : 0;
    target.#server = server;
    return target;
  }

  #serve(socket: Socket, real: Socket): void {
    for (const one of [socket, real]) {
      this.#sockets.add(one);
      one.setNoDelay(true);
      one.on('error', () => {});
      one.once('close', () => {
        this.#sockets.delete(one);
        this.sessions.delete(one);
        socket.destroy();
        real.destroy();
      });
    }
    let begun = false;
    let own = true;
    socket.on('data', (chunk) => {
      // The startup packet comes in one piece from the gateway.
      if (!begun) {
        begun = true;
        own = chunk.includes('application_name\0hoopctl\0');
        if (!own) this.sessions.add(socket);
      }
      if (!own && chunk.includes(this.word)) this.answer(socket);
      else real.write(chunk);
    });
    real.on('data', (chunk) => void socket.write(chunk));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server?.close(() => resolve()));
  }
}
