import type { Clock } from '../base/clock.ts';
import { LoginNeeded, NotPermitted, NotReachable } from '../base/errors.ts';
import { formatDuration } from '../base/quantities.ts';
import { seal, unseal } from '../secret/seal.ts';
import type { SignInRow } from '../store/store.ts';
import { type AskIssuer, bearer } from './bounded-get.ts';
import { introspect } from './introspection.ts';
import type { Issuer } from './issuer-schema.ts';
import type { TrustedIssuers } from './trusted-issuers.ts';

export interface LivenessDeps {
  readonly clock: Clock;
  readonly ask: AskIssuer;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly issuers: Pick<TrustedIssuers, 'list' | 'userinfoOf' | 'introspectionOf'>;
  /** What access tokens are sealed with in the store. */
  readonly key: () => Promise<Uint8Array>;
  /** The issuer knows the person, or its sign-in, no more. */
  readonly gone: (signIn: SignInRow, why: string) => Promise<void>;
}

/** Somebody who signs in, and the access token that came with it. */
export interface Newcomer {
  readonly subject: string;
  readonly kind: 'person' | 'machine';
  /** What it signs in with. */
  readonly token: string;
  readonly accessToken: string | undefined;
}

/** Questions that are on their way to issuers at a time. */
const MOST_ASKED = 8;
/** After an issuer did not answer it is left alone for so long, in milliseconds. */
const LET_REST = 5000;

type Answer = 'alive' | 'gone' | 'silent';

interface Pulse {
  /** Of the sign-in that it was taken of: a renewed one begins anew. */
  readonly checkedAt: string;
  /** By the clock that never runs backwards. */
  aliveAt: number;
}

/**
 * Asks issuers whether those who signed in still are there (OpenID Connect Core 5.3, UserInfo; RFC 7662), so that
 * somebody who is disabled there loses sessions long before the sign-in expires. Mutable: when each was last found alive.
 */
export class Liveness {
  readonly #deps: LivenessDeps;
  readonly #pulses = new Map<string, Pulse>();
  readonly #asking = new Map<string, Promise<Answer>>();
  readonly #silentAt = new Map<string, number>();
  readonly #queue: (() => void)[] = [];
  #asked = 0;

  constructor(deps: LivenessDeps) {
    this.#deps = deps;
  }

  /**
   * The access token of a newcomer, tried and sealed; undefined for one who will not be asked for. Throws
   * LoginNeeded `access_token_needed` where the policy requires one that the issuer takes.
   */
  async begin(issuer: Issuer, newcomer: Newcomer): Promise<string | undefined> {
    const { accessToken, kind, subject } = newcomer;
    const { check, required } = issuer.liveness;
    if (check === 'none' || (check === 'userinfo' && kind === 'machine')) return undefined;
    const token = accessToken ?? (check === 'introspection' ? newcomer.token : undefined);
    const answer = token === undefined ? 'gone' : await this.#ask(issuer, subject, token);
    if (answer === 'alive' && token !== undefined) {
      return seal(await this.#deps.key(), token, placeOf(issuer.name, subject));
    }
    // Where a client was set up to ask, nobody comes in unasked.
    if (!required && check !== 'introspection') return undefined;
    throw new LoginNeeded(
      'access_token_needed',
      `the issuer ${issuer.name} could not be asked whether you are still there`,
      {
        why:
          token === undefined
            ? 'the policy requires an access token beside the ID token, and none came'
            : 'it did not say that the access token counts',
        next: 'hoopctl login',
      },
    );
  }

  /**
   * Asks again when its time has come. Throws LoginNeeded `account_gone`, and `issuer_silent` when the issuer has
   * not answered for longer than the policy bears.
   */
  async require(signIn: SignInRow): Promise<void> {
    const issuer = this.#deps.issuers.list().find(({ name }) => name === signIn.issuerName);
    // An issuer that was changed or removed ends its sign-ins elsewhere.
    if (!issuer || issuer.liveness.check === 'none' || signIn.liveness === undefined) return;
    const { clock } = this.#deps;
    const { every, outage } = issuer.liveness;
    const pulse = this.#pulseOf(signIn);
    if (clock.monotonic() - pulse.aliveAt < every) return;
    const answer = await this.#askOnce(signIn, issuer, pulse);
    if (answer === 'alive') return;
    if (answer === 'gone') {
      const why = `the issuer ${issuer.name} does not know this sign-in any more`;
      await this.#deps.gone(signIn, why);
      throw new LoginNeeded('account_gone', why, { next: 'hoopctl login' });
    }
    if (clock.monotonic() - pulse.aliveAt <= outage) return;
    throw new LoginNeeded(
      'issuer_silent',
      `the issuer ${issuer.name} has not answered for more than ${formatDuration(outage)}`,
      { why: 'nobody can tell whether you are still there', next: 'try again later', retryable: true },
    );
  }

  /** Of others than these nothing is remembered. */
  retain(signIns: ReadonlySet<string>): void {
    for (const id of this.#pulses.keys()) if (!signIns.has(id)) this.#pulses.delete(id);
  }

  #pulseOf({ checkedAt, id }: SignInRow): Pulse {
    const known = this.#pulses.get(id);
    if (known?.checkedAt === checkedAt) return known;
    const { clock } = this.#deps;
    const age = Math.max(0, clock.now() - Date.parse(checkedAt));
    const pulse = { checkedAt, aliveAt: clock.monotonic() - age };
    this.#pulses.set(id, pulse);
    return pulse;
  }

  /** However many sessions of one sign-in wait for the answer. */
  #askOnce(signIn: SignInRow, issuer: Issuer, pulse: Pulse): Promise<Answer> {
    const under = this.#asking.get(signIn.id);
    if (under) return under;
    const { clock } = this.#deps;
    const asked = clock.monotonic();
    const asking = this.#askFor(signIn, issuer)
      .then((answer) => {
        if (answer === 'alive') pulse.aliveAt = asked;
        return answer;
      })
      .finally(() => this.#asking.delete(signIn.id));
    this.#asking.set(signIn.id, asking);
    return asking;
  }

  async #askFor({ liveness = '', subject = '' }: SignInRow, issuer: Issuer): Promise<Answer> {
    const resting = this.#silentAt.get(issuer.name) ?? Number.NEGATIVE_INFINITY;
    if (this.#deps.clock.monotonic() - resting < LET_REST) return 'silent';
    const token = unseal(await this.#deps.key(), liveness, placeOf(issuer.name, subject));
    await this.#turn();
    try {
      return await this.#ask(issuer, subject, token);
    } finally {
      this.#asked -= 1;
      this.#queue.shift()?.();
    }
  }

  async #turn(): Promise<void> {
    if (this.#asked >= MOST_ASKED) await new Promise<void>((go) => this.#queue.push(go));
    this.#asked += 1;
  }

  /** Anything but a clear yes or a clear no is silence. */
  async #ask(issuer: Issuer, subject: string, token: string): Promise<Answer> {
    const { clock } = this.#deps;
    try {
      const verdict = await this.#verdict(issuer, subject, token);
      if (verdict !== undefined) {
        this.#silentAt.delete(issuer.name);
        return verdict;
      }
    } catch (error) {
      // Nobody can ask, or nobody answers: the same for whoever waits.
      if (!(error instanceof NotReachable || error instanceof NotPermitted)) throw error;
    }
    this.#silentAt.set(issuer.name, clock.monotonic());
    return 'silent';
  }

  async #verdict(issuer: Issuer, subject: string, token: string): Promise<'alive' | 'gone' | undefined> {
    const { ask, issuers } = this.#deps;
    if (issuer.liveness.check === 'introspection') {
      const url = await issuers.introspectionOf(issuer);
      return url === undefined ? undefined : introspect(this.#deps, issuer, url, token, subject);
    }
    const url = await issuers.userinfoOf(issuer);
    return url === undefined ? undefined : verdictOf(await ask(url, bearer(token)), subject);
  }
}

/** RFC 6750 section 3.1 for a no; OpenID Connect Core 5.3.2: the `sub` must be the one that signed in. */
function verdictOf(
  { body, status }: { readonly status: number; readonly body: unknown },
  subject: string,
): 'alive' | 'gone' | undefined {
  if (status === 400 || status === 401 || status === 403) return 'gone';
  const sub = typeof body === 'object' && body !== null && 'sub' in body ? body.sub : undefined;
  if (status !== 200 || typeof sub !== 'string') return undefined;
  return sub === subject ? 'alive' : 'gone';
}

function placeOf(issuer: string, subject: string): string {
  return `liveness\n${issuer}\n${subject}`;
}
