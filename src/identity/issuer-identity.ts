import { createHash } from 'node:crypto';
import type { AuditLog } from '../audit/entry.ts';
import type { Clock } from '../base/clock.ts';
import { Conflict, LoginNeeded } from '../base/errors.ts';
import type { IdentityRow, Store } from '../store/store.ts';
import type { SignInSource } from './issuer-schema.ts';
import type { TokenBearer } from './token-bearer.ts';

export interface IssuerIdentityDeps {
  readonly identities: Store['identities'];
  readonly audit: AuditLog;
  readonly clock: Pick<Clock, 'now'>;
}

/**
 * The identity's row, made at its first sign-in and brought up to date at each. Throws LoginNeeded
 * `identity_revoked`, Conflict `identity_name_taken`.
 */
export async function identityOf(
  { audit, clock, identities }: IssuerIdentityDeps,
  issuer: Pick<SignInSource, 'name'>,
  bearer: TokenBearer,
): Promise<IdentityRow> {
  const { groups, id, identity, origin } = bearer;
  const { kind, name, roles } = identity;
  const known = await identities.byOrigin(origin);
  if (known?.revokedAt !== undefined) {
    throw new LoginNeeded(
      'identity_revoked',
      `the identity ${known.name} was revoked at ${known.revokedAt}`,
      {
        next: 'ask an owner of hoopctl',
      },
    );
  }
  const holder = await identities.find(name);
  if (holder && holder.name === name && holder.id !== id && holder.revokedAt === undefined)
    throw nameHeld(name);
  if (known) {
    // Rules, groups of the file and `people` go by names: it is another one to them from now on.
    if (known.name !== name) {
      const facts = { identity: known.id, from: known.name, to: name, issuer: issuer.name };
      audit.append({ kind: 'identity.renamed', actor: 'hoopctl', facts });
    }
    await identities.update(known.id, { name, kind, roles, groups });
    return { ...known, name, kind, roles, groups };
  }
  const row: IdentityRow = {
    id,
    name,
    kind,
    roles,
    groups,
    // No token has such a hash: an identity of an issuer comes with session tokens only.
    tokenHash: createHash('sha256').update(`no token: ${id}`).digest('hex'),
    createdAt: new Date(clock.now()).toISOString(),
    expiresAt: undefined,
    revokedAt: undefined,
    origin,
  };
  audit.append({
    kind: 'identity.created',
    actor: 'hoopctl',
    facts: { identity: id, name, roles, groups, issuer: issuer.name, subject: origin.subject },
  });
  await identities.create(row);
  return row;
}

function nameHeld(name: string): Conflict {
  return new Conflict('identity_name_taken', `the name ${name} belongs to another identity`, {
    next: `an owner revokes that one first: hoopctl identity revoke ${name}`,
  });
}
