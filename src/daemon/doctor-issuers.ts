import { formatDuration } from '../base/quantities.ts';
import type { Issuer } from '../identity/issuer-schema.ts';
import type { SamlProvider } from '../identity/saml-schema.ts';
import type { Policy } from '../policy/decision.ts';
import type { Finding } from './doctor.ts';

/** How long somebody whom an issuer has disabled may go on here, plainly: nobody can look it up in a policy file. */
export function disabledElsewhere(policy: Policy | undefined): Finding[] {
  const issuers = (policy?.issuers ?? []).flatMap((issuer) => ofIssuer(issuer));
  return [...issuers, ...(policy?.saml ?? []).map((provider) => ofProvider(provider))];
}

function ofIssuer(issuer: Issuer): Finding[] {
  const { identities, liveness, name, session } = issuer;
  const kinds = new Set([...identities, ...(issuer.actors ?? [])].map(({ kind }) => kind));
  const findings: Finding[] = [];
  if (kinds.has('person') && liveness.check === 'none') {
    const message = `people whom ${name} disables keep their sessions for up to ${formatDuration(session)}: liveness is off`;
    findings.push(found('warning', message, `identity, issuers, ${name}: take out liveness: {check: none}`));
  } else if (
    kinds.has('person') &&
    liveness.check === 'userinfo' &&
    !liveness.required &&
    liveness.unasked > liveness.every * 2
  ) {
    const message = `people of ${name} who come without an access token stay for up to ${formatDuration(liveness.unasked)} after they were disabled`;
    findings.push(found('warning', message, `identity, issuers, ${name}: take out liveness: {unasked: …}`));
  }
  if (kinds.has('machine') && liveness.check !== 'introspection') {
    const message = `machines whom ${name} disables keep their sessions until these are renewed: for up to ${formatDuration(session)}`;
    findings.push(
      found(
        'note',
        message,
        'hoopctl identity revoke NAME cuts at once; or set session: 10m, or liveness: {check: introspection}',
      ),
    );
  }
  return findings;
}

function ofProvider({ name, session }: SamlProvider): Finding {
  const message = `people whom the SAML provider ${name} disables keep their sessions for up to ${formatDuration(session)}: SAML has no way to ask`;
  return found('note', message, 'hoopctl identity revoke NAME cuts at once; or set session: 10m');
}

function found(level: Finding['level'], message: string, fix: string): Finding {
  return { level, topic: 'disabled elsewhere', message, fix };
}
