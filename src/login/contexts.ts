import { chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { Internal, NotFound, NotPermitted } from '../base/errors.ts';
import { didYouMean } from '../base/nearest.ts';

/** The name of the daemon on this machine. */
export const LOCAL = 'local';

/** A context is called as a host is, or as its user likes. */
export const contextName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/);

const trustSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('system') }),
  z.strictObject({ kind: z.literal('authority'), pem: z.string() }),
  z.strictObject({ kind: z.literal('fingerprint'), sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
]);

/** How tokens are had anew; secrets are references into the vault. */
const providerSchema = z.strictObject({
  issuer: z.string(),
  clientId: z.string(),
  scopes: z.array(z.string()),
  /** What the token must be for; null takes what comes. */
  audience: z.string().nullable(),
  allowHttpLoopback: z.boolean(),
  /** The access token goes along, for the issuer to be asked with. */
  accessToken: z.boolean().optional(),
  refresh: z.string().optional(),
  clientSecret: z.string().optional(),
  clientKey: z.string().optional(),
});
export type KeptProvider = z.infer<typeof providerSchema>;

const signInSchema = z.strictObject({
  /** The name of the identity. */
  identity: z.string(),
  /** A reference into the vault. */
  token: z.string(),
  /** Null for the token of an identity that was created here: it lives as long as the daemon says. */
  expiresAt: z.string().nullable(),
  /** From when on it is to be renewed; null for one that cannot be. */
  renewAt: z.string().nullable(),
  onBehalfOf: z.string().optional(),
  provider: providerSchema.optional(),
});
export type KeptSignIn = z.infer<typeof signInSchema>;

const contextSchema = z.strictObject({
  name: contextName,
  /** Undefined for the daemon on this machine. */
  gateway: z.strictObject({ url: z.string(), trust: trustSchema }).optional(),
  signIn: signInSchema.optional(),
});
export type LoginContext = z.infer<typeof contextSchema>;

const fileSchema = z.strictObject({
  version: z.literal(1),
  current: z.string(),
  contexts: z.array(contextSchema).max(1000),
});
type ContextsFile = z.infer<typeof fileSchema>;

const EMPTY: ContextsFile = { version: 1, current: LOCAL, contexts: [] };

/** The gateways a user signs in to, and which one commands go to: a file without secrets in the state directory. */
export class Contexts {
  readonly #file: string;
  readonly #dir: string;

  constructor(home: string) {
    this.#dir = join(home, 'login');
    this.#file = join(this.#dir, 'contexts.json');
  }

  /** Where secrets and locks of signing in stand; made (0700) at the first write. */
  get directory(): string {
    return this.#dir;
  }

  get current(): string {
    return this.#read().current;
  }

  /** The local daemon first. */
  list(): readonly LoginContext[] {
    const { contexts } = this.#read();
    const local = contexts.find(({ name }) => name === LOCAL) ?? { name: LOCAL };
    return [local, ...contexts.filter(({ name }) => name !== LOCAL)];
  }

  /** By name, or by the URL of a gateway. */
  find(nameOrUrl: string): LoginContext | undefined {
    return this.list().find(({ gateway, name }) => name === nameOrUrl || gateway?.url === nameOrUrl);
  }

  /** Throws NotFound `no_such_context`. */
  require(nameOrUrl: string): LoginContext {
    const found = this.find(nameOrUrl);
    if (found) return found;
    const names = this.list().map(({ name }) => name);
    throw new NotFound('no_such_context', `there is no context ${nameOrUrl}${didYouMean(nameOrUrl, names)}`, {
      next: 'hoopctl context list, or sign in: hoopctl login URL',
    });
  }

  /** Adds it, or takes its place. */
  put(context: LoginContext): void {
    const file = this.#read();
    const others = file.contexts.filter(({ name }) => name !== context.name);
    this.#write({ ...file, contexts: [...others, contextSchema.parse(context)] });
  }

  use(name: string): void {
    this.#write({ ...this.#read(), current: this.require(name).name });
  }

  remove(name: string): void {
    const file = this.#read();
    this.#write({
      ...file,
      current: file.current === name ? LOCAL : file.current,
      contexts: file.contexts.filter((context) => context.name !== name),
    });
  }

  #read(): ContextsFile {
    const found = statSync(this.#file, { throwIfNoEntry: false });
    if (found === undefined) return EMPTY;
    if ((found.mode & 0o022) !== 0) {
      throw new NotPermitted('open_contexts_file', `${this.#file} can be changed by other users`, {
        why: 'whoever changes it decides where your tokens go',
        next: `chmod 600 ${this.#file}`,
      });
    }
    try {
      return fileSchema.parse(JSON.parse(readFileSync(this.#file, 'utf8')));
    } catch (cause) {
      throw new Internal('contexts_unreadable', `${this.#file} cannot be read`, {
        next: `move it away and sign in again: hoopctl login`,
        cause,
      });
    }
  }

  #write(file: ContextsFile): void {
    mkdirSync(this.#dir, { recursive: true, mode: 0o700 });
    const fresh = `${this.#file}.${process.pid}.new`;
    writeFileSync(fresh, `${JSON.stringify(file, undefined, 2)}\n`, { mode: 0o600, flush: true });
    chmodSync(fresh, 0o600);
    renameSync(fresh, this.#file);
  }
}
