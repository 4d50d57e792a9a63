import type { AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import { LoginNeeded } from '../base/errors.ts';
import type { AskIssuer, GetJson } from '../identity/bounded-get.ts';
import { CurrentIdentities } from '../identity/current.ts';
import { IssuerLogouts } from '../identity/issuer-logout.ts';
import { Liveness } from '../identity/liveness.ts';
import { SamlSignIns } from '../identity/saml-sign-in.ts';
import { SignIns } from '../identity/sign-ins.ts';
import { TrustedIssuers } from '../identity/trusted-issuers.ts';
import { sealingKey } from '../secret/seal.ts';
import type { AppliedPolicy } from '../session/applied-policy.ts';
import type { LiveSessions } from '../session/live-sessions.ts';
import { recheckSessions } from '../session/recheck.ts';
import type { IdentityRow, Store } from '../store/store.ts';
import type { OpenStreams } from './open-streams.ts';

export interface IdentityPartsDeps {
  readonly store: Pick<Store, 'identities' | 'signIns' | 'usedTokens'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly policy: AppliedPolicy;
  readonly live: LiveSessions;
  readonly streams: OpenStreams;
  readonly getJson: GetJson;
  readonly askIssuer: AskIssuer;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** The installation's key. */
  readonly key: () => Promise<Uint8Array>;
  /** Closes the endpoints that a sign-in has opened. */
  readonly closeEndpoints: (signIn: string, reason: string) => void;
  readonly failed: (error: unknown) => void;
}

/** Who is asking: issuers, sign-ins, and whether those of live sessions still hold. */
export interface IdentityParts {
  readonly issuers: TrustedIssuers;
  readonly current: CurrentIdentities;
  readonly signIns: SignIns;
  readonly saml: SamlSignIns;
  readonly logouts: IssuerLogouts;
  /** As `current.current`, and the issuer was asked lately whether the person still is there. Throws LoginNeeded. */
  readonly currentAndAlive: (known: IdentityRow) => Promise<IdentityRow>;
  /** Throws LoginNeeded when the issuer of a sign-in no longer vouches for who signed in. */
  readonly requireAlive: (identity: IdentityRow) => Promise<void>;
  /** Looks now whether the identities of live sessions and streams still are who they were. */
  readonly recheckSessions: () => Promise<void>;
  /** Asks issuers whether the people of live sessions and streams still are there, where it is time to. Never rejects. */
  readonly checkLiveness: () => Promise<void>;
}

/** Wires who is asking; what a changed policy, a revocation or an issuer ends is cut from here. */
export function identityParts(deps: IdentityPartsDeps): IdentityParts {
  const { audit, clock, failed, getJson, live } = deps;
  const { identities, signIns, usedTokens } = deps.store;
  const policy = () => deps.policy.get();
  const issuers = new TrustedIssuers({ clock, getJson, issuers: () => policy()?.issuers ?? [] });
  const current = new CurrentIdentities({ identities, signIns, clock, policy });
  const recheck = async () => {
    const now = (known: IdentityRow) => current.current(known);
    await Promise.all([recheckSessions(live.list(), now, failed), deps.streams.recheck(now)]);
  };
  // A policy that no longer trusts an issuer, or gives other roles, holds for live sessions too.
  deps.policy.onReplaced(() => void recheck());
  const cut = (signIn: string, reason: string) => {
    live.cut((session) => session.identity.signIn?.id === signIn, reason);
    deps.closeEndpoints(signIn, reason);
    deps.streams.end(signIn, reason);
  };
  const logouts = new IssuerLogouts({ issuers, identities, signIns, usedTokens, audit, clock, cut });
  const liveness = new Liveness({
    clock,
    ask: deps.askIssuer,
    environment: deps.environment,
    issuers,
    key: async () => sealingKey(await deps.key(), 'hoopctl liveness'),
    gone: (signIn, why) => logouts.end(signIn, why),
  });
  const signing = new SignIns({
    identities,
    signIns,
    usedTokens,
    audit,
    clock,
    policy,
    issuers,
    current,
    liveness,
  });
  const requireAlive = async ({ signIn }: IdentityRow) => {
    if (signIn) await liveness.require(signIn);
  };
  return {
    logouts,
    async currentAndAlive(known) {
      const identity = await current.current(known);
      await requireAlive(identity);
      return identity;
    },
    requireAlive,
    checkLiveness: () => checkLiveness(deps, liveness, cut),
    issuers,
    current,
    signIns: signing,
    saml: new SamlSignIns({ clock, providers: () => policy()?.saml ?? [], signIns: signing }),
    recheckSessions: recheck,
  };
}

/** One question for each sign-in that has live sessions or streams; one that cannot be answered ends them. */
async function checkLiveness(
  { failed, live, store, streams }: IdentityPartsDeps,
  liveness: Liveness,
  cut: (signIn: string, reason: string) => void,
): Promise<void> {
  const ids = new Set([
    ...live.list().flatMap(({ identity }) => identity.signIn?.id ?? []),
    ...streams.signIns(),
  ]);
  liveness.retain(ids);
  await Promise.all(
    [...ids].map(async (id) => {
      try {
        // Renewed since the session began, perhaps.
        const signIn = await store.signIns.find(id);
        if (signIn?.endedAt === undefined && signIn !== undefined) await liveness.require(signIn);
      } catch (error) {
        if (!(error instanceof LoginNeeded)) failed(error);
        cut(
          id,
          error instanceof LoginNeeded ? error.message : 'the sign-in of the session could not be checked',
        );
      }
    }),
  );
}
