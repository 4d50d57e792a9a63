import { broken, FieldReader, LONGEST_PACKET, TYPE } from './packets.ts';

/** What is to be done to a path, as policy sees it. */
export type PathUse = 'READ' | 'WRITE' | 'REMOVE' | 'LIST';

export interface PathRequest {
  readonly path: string;
  readonly uses: readonly PathUse[];
  /** It means the very thing of that name, be it a link: only its directory is resolved. */
  readonly itself: boolean;
}

/** One request of a client, read as far as it takes to judge it. */
export type SftpRequest =
  | { readonly kind: 'init' }
  /** By paths: judged. `opens` when it answers with a handle. */
  | {
      readonly kind: 'paths';
      readonly id: number;
      readonly paths: readonly PathRequest[];
      readonly opens: 'file' | 'directory' | undefined;
    }
  | { readonly kind: 'read'; readonly id: number; readonly handle: string; readonly offset: bigint }
  | {
      readonly kind: 'write';
      readonly id: number;
      readonly handle: string;
      readonly offset: bigint;
      readonly data: Buffer;
    }
  | { readonly kind: 'close'; readonly id: number; readonly handle: string }
  /** Looks at what is open. */
  | { readonly kind: 'look'; readonly id: number; readonly handle: string }
  /** Changes what is open. */
  | { readonly kind: 'change'; readonly id: number; readonly handle: string }
  /** Asks the server about itself. */
  | { readonly kind: 'limits'; readonly id: number }
  | { readonly kind: 'unsupported'; readonly id: number; readonly what: string };

/** Flags of OPEN (section 6.3). */
const FLAG = { read: 1, write: 2, append: 4, create: 8, truncate: 16, exclusive: 32 } as const;
const WRITING = FLAG.write | FLAG.append | FLAG.create | FLAG.truncate;

/** Extensions that the gateway knows what they do, with their versions, as it tells its clients. */
export const EXTENSIONS: readonly (readonly [string, string])[] = [
  ['posix-rename@openssh.com', '1'],
  ['statvfs@openssh.com', '2'],
  ['fstatvfs@openssh.com', '2'],
  ['hardlink@openssh.com', '1'],
  ['fsync@openssh.com', '1'],
  ['lsetstat@openssh.com', '1'],
  ['limits@openssh.com', '1'],
  ['expand-path@openssh.com', '1'],
];

/** Throws ProtocolViolation for a packet that is none, or that only servers send. */
export function readRequest(bytes: Buffer): SftpRequest {
  const type = bytes[4] ?? 0;
  if (type === TYPE.init) return { kind: 'init' };
  const fields = new FieldReader(bytes);
  const id = fields.u32();
  const by = (paths: readonly PathRequest[], opens?: 'file' | 'directory'): SftpRequest => ({
    kind: 'paths',
    id,
    paths,
    opens,
  });
  switch (type) {
    case TYPE.open: {
      const path = fields.path();
      const flags = fields.u32();
      const uses: PathUse[] = [];
      if ((flags & FLAG.read) !== 0) uses.push('READ');
      if ((flags & WRITING) !== 0) uses.push('WRITE');
      if (uses.length === 0 || (flags & ~63) !== 0)
        return { kind: 'unsupported', id, what: 'these open flags' };
      return by([{ path, uses, itself: false }], 'file');
    }
    case TYPE.opendir:
      return by([{ path: fields.path(), uses: ['LIST'], itself: false }], 'directory');
    case TYPE.stat:
    case TYPE.realpath:
      return by([{ path: fields.path(), uses: ['LIST'], itself: false }]);
    case TYPE.lstat:
    case TYPE.readlink:
      return by([{ path: fields.path(), uses: ['LIST'], itself: true }]);
    case TYPE.setstat:
      return by([{ path: fields.path(), uses: ['WRITE'], itself: false }]);
    case TYPE.mkdir:
      return by([{ path: fields.path(), uses: ['WRITE'], itself: true }]);
    case TYPE.remove:
    case TYPE.rmdir:
      return by([{ path: fields.path(), uses: ['REMOVE'], itself: true }]);
    case TYPE.rename:
      return by(renamed(fields.path(), fields.path()));
    case TYPE.symlink:
      return by(symlinked(fields.path(), fields.path()));
    case TYPE.close:
      return { kind: 'close', id, handle: fields.handle() };
    case TYPE.read:
      return { kind: 'read', id, handle: fields.handle(), offset: fields.u64() };
    case TYPE.write:
      return {
        kind: 'write',
        id,
        handle: fields.handle(),
        offset: fields.u64(),
        data: fields.bytes(LONGEST_PACKET),
      };
    case TYPE.fstat:
    case TYPE.readdir:
      return { kind: 'look', id, handle: fields.handle() };
    case TYPE.fsetstat:
      return { kind: 'change', id, handle: fields.handle() };
    case TYPE.extended:
      return extended(id, fields);
    default:
      throw broken(`a client sent type ${type}`);
  }
}

function extended(id: number, fields: FieldReader): SftpRequest {
  const name = fields.bytes(256).toString('latin1');
  switch (name) {
    case 'posix-rename@openssh.com':
      return { kind: 'paths', id, paths: renamed(fields.path(), fields.path()), opens: undefined };
    case 'hardlink@openssh.com':
      return { kind: 'paths', id, paths: linked(fields.path(), fields.path()), opens: undefined };
    case 'lsetstat@openssh.com':
      return {
        kind: 'paths',
        id,
        paths: [{ path: fields.path(), uses: ['WRITE'], itself: true }],
        opens: undefined,
      };
    case 'statvfs@openssh.com':
    case 'expand-path@openssh.com':
      return {
        kind: 'paths',
        id,
        paths: [{ path: fields.path(), uses: ['LIST'], itself: false }],
        opens: undefined,
      };
    case 'fstatvfs@openssh.com':
      return { kind: 'look', id, handle: fields.handle() };
    case 'fsync@openssh.com':
      return { kind: 'change', id, handle: fields.handle() };
    case 'limits@openssh.com':
      return { kind: 'limits', id };
    default:
      return { kind: 'unsupported', id, what: name };
  }
}

/** What was there under the new name is gone afterwards. */
function renamed(from: string, to: string): readonly PathRequest[] {
  return [
    { path: from, uses: ['READ', 'REMOVE'], itself: true },
    { path: to, uses: ['WRITE'], itself: true },
  ];
}

/** Servers differ in which of the two names is the new one, and either makes the other's contents reachable. */
function linked(one: string, other: string): readonly PathRequest[] {
  return [one, other].map((path) => ({ path, uses: ['READ', 'WRITE'], itself: true }));
}

/** What a link leads to is written from where the link is. */
function symlinked(one: string, other: string): readonly PathRequest[] {
  const seenFrom = (link: string, target: string) =>
    target.startsWith('/') ? [] : [`${link.slice(0, link.lastIndexOf('/') + 1)}${target}`];
  const leads = [...seenFrom(other, one), ...seenFrom(one, other)].filter(
    (path) => path !== one && path !== other,
  );
  return [
    ...linked(one, other),
    ...leads.map((path): PathRequest => ({ path, uses: ['READ', 'WRITE'], itself: true })),
  ];
}
