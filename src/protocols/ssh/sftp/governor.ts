import { isDeepStrictEqual } from 'node:util';
import type { ClientChannel } from 'ssh2';
import type { Judged } from '../../../session/desk.ts';
import { type OpenFile, openFile } from './open-files.ts';
import { broken, FieldReader, PacketFramer, packet, STATUS, statusPacket, TYPE } from './packets.ts';
import { absolutePath, joined, lastStep, parentOf, roughPath } from './paths.ts';
import { EXTENSIONS, type PathRequest, type PathUse, readRequest, type SftpRequest } from './requests.ts';
import { SftpServerSide } from './upstream.ts';

/** Requests of one stream that wait for the server or for a decision; then the client is not read. */
const MOST_WAITING = 1024;
/** The same in bytes: a request that writes is as long as what it writes. */
const MOST_WAITING_BYTES = 4 * 1024 * 1024;
/** Handles that one stream may hold; OpenSSH's server has no more either. */
const MOST_HANDLES = 1024;

/** A use of a path, by all the names that it has. */
export interface NamedUse {
  readonly verb: PathUse;
  readonly paths: readonly string[];
}

/** A key, and whether it took somebody's yes to get it. */
export interface Permit {
  readonly judged: Judged;
  readonly waited: boolean;
}

/** What the governor needs of the channel around it. */
export interface SftpHost {
  /** Judges all that one request does (`contents`: the client gets to see the file's); undefined when it may not be, after the client was told why. */
  judge(uses: readonly NamedUse[], contents: boolean): Promise<Permit | undefined>;
  /** The stream to the server; a key is spent for it when it is opened. */
  open(judged: Judged): Promise<ClientChannel>;
  /** Spends the key of a request that goes to the server. */
  spend(judged: Judged): void;
  toClient(bytes: Buffer): void;
  transferred(file: {
    path: string;
    direction: 'read' | 'write';
    bytes: number;
    sha256: string | null;
  }): void;
  pause(): void;
  resume(): void;
  /** The stream can't go on. */
  failed(error: unknown): void;
}

/**
 * One SFTP stream between a client and a server. Every request that names a path is judged by the path as it is
 * written and as the server resolves it; requests on a handle belong to what was judged when it was opened. Requests
 * are taken in order, and while one waits for approval those behind it wait as well.
 */
export class SftpGovernor {
  readonly #host: SftpHost;
  readonly #framer = new PacketFramer();
  readonly #queue: Buffer[] = [];
  #queued = 0;
  readonly #handles = new Map<string, OpenFile>();
  #server: SftpServerSide | undefined;
  #home = '/';
  #greeted = false;
  #working = false;
  #ended = false;

  constructor(host: SftpHost) {
    this.#host = host;
  }

  /** More waits than should: the client is not to be read. */
  get full(): boolean {
    return this.#queue.length > MOST_WAITING || this.#queued > MOST_WAITING_BYTES;
  }

  /** Bytes from the client. Throws ProtocolViolation. */
  receive(bytes: Buffer): void {
    for (const one of this.#framer.push(bytes)) {
      this.#queue.push(one);
      this.#queued += one.length;
    }
    if (this.full) this.#host.pause();
    void this.#work();
  }

  /** Bytes from the server. Throws ProtocolViolation. */
  answered(bytes: Buffer): void {
    this.#server?.receive(bytes);
    void this.#work();
  }

  /** The stream has ended on either side: what was open is on the record. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#queue.length = 0;
    this.#queued = 0;
    for (const file of this.#handles.values()) this.#report(file);
    this.#handles.clear();
    this.#server?.closed();
  }

  async #work(): Promise<void> {
    if (this.#working) return;
    this.#working = true;
    try {
      while (!this.#ended && (this.#server?.outstanding ?? 0) < MOST_WAITING) {
        const next = this.#queue.shift();
        if (next === undefined) break;
        this.#queued -= next.length;
        const request = readRequest(next);
        // Only what must wait does, so that bulk data goes on at once.
        if (request.kind === 'paths') await this.#byPath(request, next);
        else this.#byHandle(request, next);
      }
      if (!this.full) this.#host.resume();
    } catch (error) {
      this.#host.failed(error);
    } finally {
      this.#working = false;
    }
  }

  #byHandle(request: Exclude<SftpRequest, { kind: 'paths' }>, bytes: Buffer): void {
    if (request.kind === 'init') {
      if (this.#greeted) throw broken('a client greets twice');
      this.#greeted = true;
      this.#host.toClient(packet(TYPE.version, 3, ...EXTENSIONS.flat()));
      return;
    }
    if (!this.#greeted) throw broken('a client does not greet first');
    const { id } = request;
    switch (request.kind) {
      case 'unsupported':
        return this.#refuse(id, STATUS.unsupported, `${request.what.slice(0, 100)} is not supported`);
      case 'limits':
        // The most that the gateway takes: packet, read, write, handles.
        return this.#host.toClient(limitsReply(id));
      default:
    }
    const file = this.#handles.get(request.handle);
    const server = this.#server;
    if (file === undefined || server === undefined) {
      return this.#refuse(id, STATUS.failure, 'there is no such handle');
    }
    switch (request.kind) {
      case 'read':
        if (!file.uses.includes('READ'))
          return this.#refuse(id, STATUS.permissionDenied, 'not opened for reading');
        this.#forward(server, bytes, id, (answer) => {
          if (answer[4] === TYPE.data)
            file.read.add(request.offset, new FieldReader(answer, 9).bytes(answer.length));
        });
        return;
      case 'write':
        if (!file.uses.includes('WRITE'))
          return this.#refuse(id, STATUS.permissionDenied, 'not opened for writing');
        file.written.add(request.offset, request.data);
        this.#forward(server, bytes, id);
        return;
      case 'change':
        if (!file.uses.includes('WRITE'))
          return this.#refuse(id, STATUS.permissionDenied, 'not opened for writing');
        this.#forward(server, bytes, id);
        return;
      case 'look':
        this.#forward(server, bytes, id);
        return;
      case 'close':
        this.#handles.delete(request.handle);
        this.#report(file);
        this.#forward(server, bytes, id);
        return;
      default:
        request satisfies never;
    }
  }

  async #byPath(request: Extract<SftpRequest, { kind: 'paths' }>, bytes: Buffer): Promise<void> {
    if (!this.#greeted) throw broken('a client does not greet first');
    const { id, opens, paths } = request;
    if (opens !== undefined && this.#handles.size >= MOST_HANDLES) {
      return this.#refuse(id, STATUS.failure, 'too many files are open');
    }
    const relative = paths.some(({ path }) => !path.startsWith('/'));
    if (this.#server === undefined && relative && !(await this.#openAtHome())) {
      return this.#refuse(id, STATUS.permissionDenied, 'not allowed');
    }
    if (this.#ended) return;
    const refusal = await this.#refusal(paths, opens === 'file');
    if (this.#ended) return;
    if (refusal !== undefined) return this.#refuse(id, STATUS.permissionDenied, refusal);
    const server = this.#server;
    if (server === undefined) return;
    const [first] = paths;
    this.#forward(server, bytes, id, (answer) => {
      if (opens === undefined || answer[4] !== TYPE.handle || first === undefined) return;
      const handle = new FieldReader(answer, 9).handle();
      this.#handles.set(
        handle,
        openFile(roughPath(first.path, this.#home), first.uses, opens === 'directory'),
      );
    });
  }

  /** Judges all that is to be done to these paths, and spends the key; why not, where it may not be. */
  async #refusal(paths: readonly PathRequest[], contents: boolean): Promise<string | undefined> {
    const uses = await this.#named(paths);
    if (uses === undefined) return 'write the path without ".."';
    const permit = await this.#host.judge(uses, contents);
    if (permit === undefined || this.#ended) return 'not allowed';
    const isFirst = this.#server === undefined;
    if (isFirst) await this.#connect(permit.judged);
    else this.#host.spend(permit.judged);
    // Where links lead is only seen through the server, and may be another place after somebody was asked.
    if (this.#ended || (!isFirst && !permit.waited)) return undefined;
    if (isDeepStrictEqual(await this.#named(paths), uses) || this.#ended) return undefined;
    return isFirst ? this.#refusal(paths, contents) : 'it leads to another place than when it was asked for';
  }

  async #named(paths: readonly PathRequest[]): Promise<readonly NamedUse[] | undefined> {
    const named: NamedUse[] = [];
    for (const asked of paths) {
      const names = await this.#names(asked);
      if (names === undefined) return undefined;
      for (const verb of asked.uses) named.push({ verb, paths: names });
    }
    return named;
  }

  /** Where a relative path leads only the server can tell. */
  async #openAtHome(): Promise<boolean> {
    const permit = await this.#host.judge([{ verb: 'LIST', paths: ['.'] }], false);
    if (permit === undefined || this.#ended) return false;
    await this.#connect(permit.judged);
    return true;
  }

  async #connect(judged: Judged): Promise<void> {
    const channel = await this.#host.open(judged);
    this.#server = new SftpServerSide(channel, (answer) => this.#host.toClient(answer));
    if (this.#ended) this.#server.closed();
    await this.#server.ready();
    this.#home = (await this.#server.realpath('.')) ?? '/';
  }

  /** The path as it is written and, where that is another, as the server resolves it; undefined for one with `..`. */
  async #names(asked: PathRequest): Promise<readonly string[] | undefined> {
    // Where no file is opened or changed, `..` may be read as text, beside what the server makes of it.
    const looks = asked.uses.every((use) => use === 'LIST');
    const written = looks ? roughPath(asked.path, this.#home) : absolutePath(asked.path, this.#home);
    const server = this.#server;
    if (written === undefined || server === undefined) return written === undefined ? undefined : [written];
    const followed = isNamedItself(asked) ? undefined : await server.realpath(asked.path || '.');
    // What does not exist yet, servers may not resolve.
    const resolved = followed ?? (await this.#withParentResolved(server, asked.path.replace(/\/+$/, '')));
    return resolved === written ? [written] : [written, resolved];
  }

  async #withParentResolved(server: SftpServerSide, path: string): Promise<string> {
    const parent = path.includes('/') ? parentOf(path) : '.';
    return joined((await server.realpath(parent)) ?? roughPath(parent, this.#home), lastStep(path));
  }

  #forward(server: SftpServerSide, bytes: Buffer, id: number, see?: (answer: Buffer) => void): void {
    if (!server.send(bytes, id, see)) this.#host.pause();
  }

  #refuse(id: number, code: number, message: string): void {
    this.#host.toClient(statusPacket(id, code, `hoopctl: ${message}`));
  }

  #report({ directory, path, read, uses, written }: OpenFile): void {
    if (directory) return;
    if (uses.includes('READ')) {
      this.#host.transferred({ path, direction: 'read', bytes: read.bytes, sha256: read.sha256() });
    }
    if (uses.includes('WRITE')) {
      this.#host.transferred({ path, direction: 'write', bytes: written.bytes, sha256: written.sha256() });
    }
  }
}

/** Behind a slash, and by `.` and `..`, a link is followed whatever the request says of links (POSIX, 4.13). */
function isNamedItself({ itself, path }: PathRequest): boolean {
  return itself && !/(?:^|\/)\.{0,2}$/.test(path);
}

/** limits@openssh.com (OpenSSH's PROTOCOL, 4.8): four u64. */
function limitsReply(id: number): Buffer {
  const limits = [256n * 1024n, 255n * 1024n, 255n * 1024n, BigInt(MOST_HANDLES)];
  const body = Buffer.alloc(32);
  for (const [at, limit] of limits.entries()) body.writeBigUInt64BE(limit, at * 8);
  const head = Buffer.alloc(9);
  head.writeUInt32BE(5 + body.length);
  head[4] = TYPE.extendedReply;
  head.writeUInt32BE(id, 5);
  return Buffer.concat([head, body]);
}
