import type { AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import type { GetJson } from '../identity/bounded-get.ts';
import { CurrentIdentities } from '../identity/current.ts';
import { SamlSignIns } from '../identity/saml-sign-in.ts';
import { SignIns } from '../identity/sign-ins.ts';
import { TrustedIssuers } from '../identity/trusted-issuers.ts';
import type { AppliedPolicy } from '../session/applied-policy.ts';
import type { LiveSessions } from '../session/live-sessions.ts';
import { recheckSessions } from '../session/recheck.ts';
import type { Store } from '../store/store.ts';

export interface IdentityPartsDeps {
  readonly store: Pick<Store, 'identities' | 'signIns'>;
  readonly audit: AuditLog;
  readonly clock: Clock;
  readonly policy: AppliedPolicy;
  readonly live: LiveSessions;
  readonly getJson: GetJson;
  readonly failed: (error: unknown) => void;
}

/** Who is asking: issuers, sign-ins, and whether those of live sessions still hold. */
export interface IdentityParts {
  readonly issuers: TrustedIssuers;
  readonly current: CurrentIdentities;
  readonly signIns: SignIns;
  readonly saml: SamlSignIns;
  /** Looks now whether the identities of live sessions still are who they were. */
  readonly recheckSessions: () => Promise<void>;
}

export function identityParts(deps: IdentityPartsDeps): IdentityParts {
  const { audit, clock, failed, getJson, live } = deps;
  const { identities, signIns } = deps.store;
  const policy = () => deps.policy.get();
  const issuers = new TrustedIssuers({ clock, getJson, issuers: () => policy()?.issuers ?? [] });
  const current = new CurrentIdentities({ identities, signIns, clock, policy });
  const recheck = () => recheckSessions(live.list(), (known) => current.current(known), failed);
  // A policy that no longer trusts an issuer, or gives other roles, holds for live sessions too.
  deps.policy.onReplaced(() => void recheck());
  const signing = new SignIns({ identities, signIns, audit, clock, policy, issuers, current });
  return {
    issuers,
    current,
    signIns: signing,
    saml: new SamlSignIns({ clock, providers: () => policy()?.saml ?? [], signIns: signing }),
    recheckSessions: recheck,
  };
}
