import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { Conflict, LoginNeeded, NotFound, NotPermitted } from '../base/errors.ts';
import { type Assertion, samlOf, samlRefused } from './saml-assertion.ts';
import { SamlReader } from './saml-reader.ts';
import { SamlRequests } from './saml-requests.ts';
import type { SamlProvider } from './saml-schema.ts';
import type { SignedIn, SignIns } from './sign-ins.ts';
import { bearerOf, type TokenBearer } from './token-bearer.ts';
import { issuerHash } from './trusted-issuers.ts';

/** How long a person may take at the provider, in milliseconds. */
const PATIENCE = 10 * 60_000;
/** Sign-ins that a provider has vouched for and no terminal has collected; only people of the provider make them. */
const MOST_PROVEN = 1000;
/** Wrong codes until a sign-in is given up. */
const MOST_WRONG = 5;
const CODE_LETTERS = '23456789abcdefghjkmnpqrstvwxyz';
const CODE_LENGTH = 8;

export interface SamlSignInsDeps {
  readonly clock: Clock;
  readonly providers: () => readonly SamlProvider[];
  readonly signIns: SignIns;
}

/** What a terminal is told when it begins. */
export interface SamlBegun {
  readonly id: string;
  /** What the browser opens. */
  readonly url: string;
  /** ISO 8601. */
  readonly expiresAt: string;
}

interface Proven {
  readonly bearer: TokenBearer;
  readonly authTime: number | undefined;
  readonly acr: string | undefined;
  readonly until: number | undefined;
  /** Shown in the browser, to be typed into the terminal. */
  readonly code: string;
  wrong: number;
}

/**
 * SAML 2.0 sign-ins of people (SP-initiated, HTTP redirect and POST bindings). The terminal that began one proves
 * itself by a secret, the person at the browser by a code: who sends somebody else a link gains nothing. What was
 * begun is kept nowhere but in its own signed ids, so that no stranger fills anything up. Mutable: what providers have
 * vouched for, and which requests were answered; a restart forgets both, and the key of what was begun.
 */
export class SamlSignIns {
  readonly #deps: SamlSignInsDeps;
  readonly #requests: SamlRequests;
  readonly #reader = new SamlReader();
  readonly #proven = new Map<string, Proven>();
  /** Requests that were answered, until they expire. */
  readonly #answered = new Map<string, number>();

  constructor(deps: SamlSignInsDeps) {
    this.#deps = deps;
    this.#requests = new SamlRequests(PATIENCE);
  }

  /** `challenge`: SHA-256 (base64url) of a secret. Throws NotFound `no_such_provider`. */
  async begin(name: string, challenge: string): Promise<SamlBegun> {
    const provider = this.#provider(name);
    const { clock } = this.#deps;
    const { id, request } = this.#requests.begin(digestOf(provider), challenge, clock.monotonic());
    const saml = await samlOf(provider, request);
    const url = await saml.getAuthorizeUrlAsync('', undefined, {});
    return { id, url, expiresAt: new Date(clock.now() + PATIENCE).toISOString() };
  }

  /**
   * What the provider sent through the browser. Answers the code to show there.
   * Throws LoginNeeded `saml_refused` and what claim rules throw; a response counts once.
   */
  async answer(name: string, response: string): Promise<string> {
    const provider = this.#provider(name);
    const digest = digestOf(provider);
    const now = this.#deps.clock.monotonic();
    this.#forgetOld(now);
    const isOurs = (request: string) =>
      !this.#answered.has(request) && this.#requests.endOf(request, digest, now) !== undefined;
    const assertion = await this.#reader.read(provider, response, isOurs);
    this.#requireNow(provider, assertion);
    const { acr, authTime, claims, requestId, until: lasts } = assertion;
    const until = this.#requests.endOf(requestId, digest, now);
    // Between the look and now another answer to it may have come.
    if (until === undefined || !isOurs(requestId)) {
      throw new LoginNeeded('saml_refused', 'the answer of the identity provider belongs to no sign-in');
    }
    const bearer = bearerOf(provider, { claims, actor: undefined });
    if (this.#proven.size >= MOST_PROVEN) {
      throw new NotPermitted('too_many_sign_ins', 'too many sign-ins wait to be collected', {
        retryable: true,
      });
    }
    const code = newCode();
    this.#answered.set(requestId, until);
    this.#proven.set(requestId, { bearer, authTime, acr, until: lasts, code, wrong: 0 });
    return code;
  }

  /** The terminal collects what the browser has proven. Throws Conflict `sign_in_pending`, LoginNeeded `saml_refused`. */
  async collect(id: string, secret: string, code: string): Promise<SignedIn> {
    const now = this.#deps.clock.monotonic();
    this.#forgetOld(now);
    const challenge = createHash('sha256').update(secret).digest('base64url');
    const begun = this.#requests.read(id, challenge);
    const source = begun && this.#deps.providers().find((each) => digestOf(each) === begun.provider);
    if (!begun || !source || this.#requests.endOf(begun.request, begun.provider, now) === undefined)
      throw unknown();
    const proven = this.#proven.get(begun.request);
    if (!proven) {
      if (this.#answered.has(begun.request)) throw unknown();
      throw new Conflict('sign_in_pending', 'nobody has signed in at the identity provider yet', {
        retryable: true,
      });
    }
    if (!same(code.toLowerCase().replaceAll(/[^a-z0-9]/g, ''), proven.code)) {
      proven.wrong += 1;
      if (proven.wrong >= MOST_WRONG) this.#proven.delete(begun.request);
      throw new LoginNeeded('saml_code', 'that is not the code that the browser shows');
    }
    this.#proven.delete(begun.request);
    const { acr, authTime, bearer, until } = proven;
    return this.#deps.signIns.begin(source, bearer, { acr, authTime, until });
  }

  /** A sign-in in the future would stay fresh for long; a session that has ended is none. */
  #requireNow({ leeway }: SamlProvider, { authTime, until }: Assertion): void {
    const now = this.#deps.clock.now();
    if (authTime !== undefined && authTime > now + leeway) {
      throw samlRefused('it names a sign-in in the future (AuthnInstant): are the clocks right?');
    }
    if (until !== undefined && until <= now) {
      throw samlRefused('the session at the provider has ended (SessionNotOnOrAfter)');
    }
  }

  #provider(name: string): SamlProvider {
    const provider = this.#deps.providers().find((each) => each.name === name);
    if (provider) return provider;
    throw new NotFound('no_such_provider', `the policy knows no SAML provider ${name}`);
  }

  #forgetOld(now: number): void {
    for (const [request, until] of this.#answered) {
      if (now < until) continue;
      this.#answered.delete(request);
      this.#proven.delete(request);
    }
  }
}

/** A provider that is described in another way is another one: what was begun with it counts no more. */
function digestOf(provider: SamlProvider): string {
  return issuerHash(provider);
}

function newCode(): string {
  let code = '';
  while (code.length < CODE_LENGTH) {
    const byte = randomBytes(1)[0] ?? 0;
    // Above the last whole multiple some letters would be likelier than others.
    if (byte < 256 - (256 % CODE_LETTERS.length)) code += CODE_LETTERS[byte % CODE_LETTERS.length] ?? '';
  }
  return code;
}

function same(a: string, b: string): boolean {
  const left = createHash('sha256').update(a).digest();
  return timingSafeEqual(left, createHash('sha256').update(b).digest());
}

function unknown(): LoginNeeded {
  return new LoginNeeded('saml_refused', 'there is no such sign-in under way', {
    next: 'begin again: hoopctl login',
  });
}
