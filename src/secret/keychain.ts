import { randomBytes } from 'node:crypto';

/** The system's keychain. Every method rejects when the keychain cannot be reached or is locked. */
export interface Keychain {
  get(account: string): Promise<string | undefined>;
  set(account: string, secret: string): Promise<void>;
  remove(account: string): Promise<boolean>;
}

const SERVICE = 'hoopctl';
/** A locked keychain may ask its user; beyond this it counts as not there. */
const ANSWER_MS = 10_000;

/**
 * Left to itself the library falls back from the Secret Service to the kernel's keyring, which forgets at
 * reboot and keeps a secret whose storing it reported as failed; so the store is always pinned.
 */
const PINNED = { linux: { store: 'secret-service' } } as const;

/**
 * The system keychain through `@napi-rs/keyring`, an optional dependency. Its keytar-compatible face takes no
 * options and so cannot pin the store; its entries can. Rejects when the library is not installed.
 */
export async function systemKeychain(): Promise<Keychain> {
  const { AsyncEntry } = await import('@napi-rs/keyring');
  const entry = (account: string) => new AsyncEntry(SERVICE, account, PINNED);
  return {
    get: async (account) => (await inTime((signal) => entry(account).getPassword(signal))) ?? undefined,
    set: (account, secret) => inTime((signal) => entry(account).setPassword(secret, signal)),
    remove: (account) => inTime((signal) => entry(account).deletePassword(signal)),
  };
}

/** A call that the keychain has begun cannot be aborted, so it is waited for no longer than this. */
export async function inTime<T>(
  call: (signal: AbortSignal) => Promise<T>,
  milliseconds = ANSWER_MS,
): Promise<T> {
  const abort = new AbortController();
  const late = Promise.withResolvers<never>();
  // The library may also throw at once; then nobody waits for `late`, and its rejection must not end the process.
  late.promise.catch(() => {});
  const timer = setTimeout(() => {
    abort.abort();
    late.reject(new Error('the keychain does not answer'));
  }, milliseconds);
  try {
    return await Promise.race([call(abort.signal), late.promise]);
  } finally {
    clearTimeout(timer);
  }
}

/** Writes a random value, reads it back and removes it; undefined when all of that worked, else why not. */
export async function probeKeychain(keychain: Keychain): Promise<string | undefined> {
  const account = `probe-${randomBytes(6).toString('hex')}`;
  const value = randomBytes(16).toString('hex');
  try {
    await keychain.set(account, value);
    if ((await keychain.get(account)) !== value) return 'it does not give back what was stored';
    await keychain.remove(account);
    return undefined;
  } catch (error) {
    await keychain.remove(account).catch(() => false);
    return error instanceof Error ? firstLine(error.message) : 'it does not answer';
  }
}

function firstLine(message: string): string {
  return (message.split('\n')[0] ?? '').slice(0, 200);
}
