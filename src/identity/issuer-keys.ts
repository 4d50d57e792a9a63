import {
  createLocalJWKSet,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose';
import { z } from 'zod';
import type { Clock } from '../base/clock.ts';
import { systemCode } from '../base/errors.ts';
import { type GetJson, unreachable } from './bounded-get.ts';
import type { Issuer } from './issuer-schema.ts';

/** Keys older than this are fetched anew before they are used, so that a withdrawn one stops counting. */
const FRESH_FOR = 10 * 60_000;
/** When the issuer cannot be reached, what is known counts for so long. */
const STALE_FOR = 60 * 60_000;
/** A key nobody knows asks the issuer again, but not more often than this. */
const REFETCH_AFTER = 30_000;
const MOST_KEYS = 100;

/** RFC 7517 section 4, as far as verifying goes; members of private keys are refused. */
const keySchema = z
  .looseObject({
    kty: z.string(),
    use: z.string().optional(),
    alg: z.string().optional(),
    kid: z.string().max(1024).optional(),
    key_ops: z.array(z.string()).optional(),
  })
  .refine((key) => !('d' in key) && !('k' in key));
const keySetSchema = z.object({ keys: z.array(z.unknown()).max(MOST_KEYS) });
/** OpenID Connect Discovery 1.0 section 3, and RFC 8414 section 2. */
const discoverySchema = z.looseObject({
  issuer: z.string(),
  jwks_uri: z.url().max(2048),
  userinfo_endpoint: z.url().max(2048).optional(),
  introspection_endpoint: z.url().max(2048).optional(),
});

type KeyOf = ReturnType<typeof createLocalJWKSet>;
type Key = Awaited<ReturnType<KeyOf>>;

interface Fetched {
  readonly keys: KeyOf;
  readonly at: number;
}

type Described = Pick<
  Issuer,
  'name' | 'issuer' | 'jwks_uri' | 'userinfo_uri' | 'introspection' | 'allow_http_loopback'
>;

export interface IssuerKeysDeps {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly getJson: GetJson;
}

/** One issuer's public keys: found by discovery, kept, and fetched again when they rotate. Mutable: the cache. */
export class IssuerKeys {
  readonly #deps: IssuerKeysDeps;
  readonly #issuer: Described;
  #fetched: Fetched | undefined;
  #fetching: Promise<Fetched> | undefined;
  #triedAt = Number.NEGATIVE_INFINITY;
  #userinfo: string | undefined;
  #introspection: string | undefined;

  constructor(deps: IssuerKeysDeps, issuer: Described) {
    this.#deps = deps;
    this.#issuer = issuer;
  }

  /**
   * The key that signed a token. Throws NotReachable `issuer_unreachable`, and jose's JWKSNoMatchingKey or
   * JWKSMultipleMatchingKeys; an unknown key asks the issuer once in a while, whoever sends how many of them.
   */
  async find(header: JWSHeaderParameters, token: FlattenedJWSInput): Promise<Key> {
    const known = await this.#current();
    try {
      return await known.keys(header, token);
    } catch (error) {
      if (systemCode(error) !== 'ERR_JWKS_NO_MATCHING_KEY' || !this.#mayFetch()) throw error;
      const { keys } = await this.#fetch();
      return keys(header, token);
    }
  }

  /** Where it says who a token stands for; undefined where it does not. Throws NotReachable `issuer_unreachable`. */
  async userinfo(): Promise<string | undefined> {
    if (this.#issuer.userinfo_uri !== undefined) return this.#issuer.userinfo_uri;
    await this.#current();
    return this.#userinfo;
  }

  /** Where it says whether a token counts; undefined where it does not. Throws NotReachable `issuer_unreachable`. */
  async introspection(): Promise<string | undefined> {
    const { introspection } = this.#issuer;
    if (introspection?.uri !== undefined) return introspection.uri;
    await this.#current();
    return this.#introspection;
  }

  async #current(): Promise<Fetched> {
    const age = this.#fetched === undefined ? Infinity : this.#deps.clock.monotonic() - this.#fetched.at;
    if (this.#fetched && age < FRESH_FOR) return this.#fetched;
    if (!this.#mayFetch()) {
      if (this.#fetched && age < STALE_FOR) return this.#fetched;
      throw unreachable(this.#issuer.name, 'it could not be reached a moment ago');
    }
    try {
      return await this.#fetch();
    } catch (error) {
      if (this.#fetched && age < STALE_FOR) return this.#fetched;
      throw error;
    }
  }

  #mayFetch(): boolean {
    return this.#fetching !== undefined || this.#deps.clock.monotonic() - this.#triedAt >= REFETCH_AFTER;
  }

  /** One fetch at a time, however many wait for it. */
  #fetch(): Promise<Fetched> {
    if (this.#fetching) return this.#fetching;
    this.#triedAt = this.#deps.clock.monotonic();
    this.#fetching = this.#load().finally(() => {
      this.#fetching = undefined;
    });
    return this.#fetching;
  }

  async #load(): Promise<Fetched> {
    const { name } = this.#issuer;
    const url = this.#issuer.jwks_uri ?? (await this.#discover());
    const set = keySetSchema.safeParse(await this.#deps.getJson(url));
    if (!set.success) throw unreachable(name, 'its key set cannot be read');
    const keys = set.data.keys.flatMap((key) => {
      const read = keySchema.safeParse(key);
      return read.success && verifies(read.data) ? [read.data] : [];
    });
    if (keys.length === 0) throw unreachable(name, 'its key set holds no key to verify signatures with');
    this.#fetched = { keys: createLocalJWKSet({ keys } as JSONWebKeySet), at: this.#deps.clock.monotonic() };
    return this.#fetched;
  }

  async #discover(): Promise<string> {
    const { allow_http_loopback, issuer, name } = this.#issuer;
    const base = issuer.endsWith('/') ? issuer.slice(0, -1) : issuer;
    const document = discoverySchema.safeParse(
      await this.#deps.getJson(`${base}/.well-known/openid-configuration`),
    );
    if (!document.success) throw unreachable(name, 'its discovery document cannot be read');
    const { introspection_endpoint, issuer: said, jwks_uri, userinfo_endpoint } = document.data;
    // OpenID Connect Discovery 4.3: it must be the very issuer that was asked.
    if (said !== issuer) throw unreachable(name, 'its discovery document names another issuer');
    const secure = (url: string) => isSecure(new URL(url), allow_http_loopback ?? false);
    if (!secure(jwks_uri)) {
      throw unreachable(name, 'its discovery document points to keys that are not behind https');
    }
    const usable = (url: string | undefined) => (url !== undefined && secure(url) ? url : undefined);
    this.#userinfo = usable(userinfo_endpoint);
    this.#introspection = usable(introspection_endpoint);
    return jwks_uri;
  }
}

/** Public keys for signatures: never an `oct` secret, never one that is meant for encryption. */
function verifies({ kty, use, key_ops }: z.infer<typeof keySchema>): boolean {
  if (!['RSA', 'EC', 'OKP'].includes(kty)) return false;
  return (use === undefined || use === 'sig') && (key_ops === undefined || key_ops.includes('verify'));
}

/** A user in the URL could make `http://127.0.0.1:80@elsewhere/` look like loopback, and would be sent along. */
function isSecure({ hostname, password, protocol, username }: URL, allowHttpLoopback: boolean): boolean {
  if (username !== '' || password !== '') return false;
  if (protocol === 'https:') return true;
  return allowHttpLoopback && protocol === 'http:' && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
}
