import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../base/clock.ts';
import { Conflict, LoginNeeded, NotFound, NotPermitted } from '../base/errors.ts';
import { newSecret } from '../base/ids.ts';
import { readAssertion, samlOf } from './saml-assertion.ts';
import type { SamlProvider } from './saml-schema.ts';
import type { SignedIn, SignIns } from './sign-ins.ts';
import { bearerOf, type TokenBearer } from './token-bearer.ts';

/** How long a person may take at the provider, in milliseconds. */
const PATIENCE = 10 * 60_000;
/** Sign-ins that are under way at a time. */
const MOST_PENDING = 1000;
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

interface Pending {
  readonly provider: SamlProvider;
  readonly requestId: string;
  /** SHA-256 (base64url) of what only the terminal that began it knows. */
  readonly challenge: string;
  readonly until: number;
  wrong: number;
  proven: Proven | undefined;
}

interface Proven {
  readonly bearer: TokenBearer;
  readonly authTime: number | undefined;
  readonly acr: string | undefined;
  /** Shown in the browser, to be typed into the terminal. */
  readonly code: string;
}

/**
 * SAML 2.0 sign-ins of people (SP-initiated, HTTP redirect and POST bindings). The terminal that began one proves
 * itself by a secret, the person at the browser by a code: who sends somebody else a link gains nothing.
 * Mutable: the sign-ins that are under way, which a restart forgets.
 */
export class SamlSignIns {
  readonly #deps: SamlSignInsDeps;
  readonly #pending = new Map<string, Pending>();

  constructor(deps: SamlSignInsDeps) {
    this.#deps = deps;
  }

  /** `challenge`: SHA-256 (base64url) of a secret. Throws NotFound `no_such_provider`, NotPermitted `too_many_sign_ins`. */
  async begin(name: string, challenge: string): Promise<SamlBegun> {
    const provider = this.#provider(name);
    this.#forgetOld();
    if (this.#pending.size >= MOST_PENDING) {
      throw new NotPermitted('too_many_sign_ins', 'too many sign-ins are under way', { retryable: true });
    }
    const id = newSecret(16);
    // An XML ID begins with a letter or underscore (SAML core 1.3.4).
    const requestId = `_${randomBytes(20).toString('hex')}`;
    const saml = await samlOf(provider, requestId);
    const url = await saml.getAuthorizeUrlAsync('', undefined, {});
    const { clock } = this.#deps;
    const pending = {
      provider,
      requestId,
      challenge,
      until: clock.monotonic() + PATIENCE,
      wrong: 0,
      proven: undefined,
    };
    this.#pending.set(id, pending);
    return { id, url, expiresAt: new Date(clock.now() + PATIENCE).toISOString() };
  }

  /**
   * What the provider sent through the browser. Answers the code to show there.
   * Throws LoginNeeded `saml_refused` and what claim rules throw; a response counts once.
   */
  async answer(name: string, response: string): Promise<string> {
    const provider = this.#provider(name);
    this.#forgetOld();
    const waiting = [...this.#pending.values()].filter(
      (pending) => pending.provider.name === name && pending.proven === undefined,
    );
    const { acr, authTime, claims, requestId } = await readAssertion(
      provider,
      response,
      waiting.map((pending) => pending.requestId),
    );
    const pending = waiting.find((each) => each.requestId === requestId);
    if (!pending || pending.proven !== undefined) {
      throw new LoginNeeded('saml_refused', 'the answer of the identity provider belongs to no sign-in');
    }
    const bearer = bearerOf(provider, { claims, actor: undefined });
    pending.proven = { bearer, authTime, acr, code: newCode() };
    return pending.proven.code;
  }

  /** The terminal collects what the browser has proven. Throws Conflict `sign_in_pending`, LoginNeeded `saml_refused`. */
  async collect(id: string, secret: string, code: string): Promise<SignedIn> {
    this.#forgetOld();
    const pending = this.#pending.get(id);
    const given = createHash('sha256').update(secret).digest('base64url');
    if (!pending || !same(given, pending.challenge)) throw unknown();
    if (!pending.proven) {
      throw new Conflict('sign_in_pending', 'nobody has signed in at the identity provider yet', {
        retryable: true,
      });
    }
    if (!same(code.toLowerCase().replaceAll(/[^a-z0-9]/g, ''), pending.proven.code)) {
      pending.wrong += 1;
      if (pending.wrong >= MOST_WRONG) this.#pending.delete(id);
      throw new LoginNeeded('saml_code', 'that is not the code that the browser shows');
    }
    this.#pending.delete(id);
    const { acr, authTime, bearer } = pending.proven;
    // The policy may have changed while somebody signed in.
    return this.#deps.signIns.begin(this.#provider(pending.provider.name), bearer, { acr, authTime });
  }

  #provider(name: string): SamlProvider {
    const provider = this.#deps.providers().find((each) => each.name === name);
    if (provider) return provider;
    throw new NotFound('no_such_provider', `the policy knows no SAML provider ${name}`);
  }

  #forgetOld(): void {
    const now = this.#deps.clock.monotonic();
    for (const [id, pending] of this.#pending) {
      const current = this.#deps.providers().some((each) => each === pending.provider);
      if (now >= pending.until || !current) this.#pending.delete(id);
    }
  }
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
