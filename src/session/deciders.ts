import type { ApprovalRequest } from '../approval/request.ts';
import { isEnough, mayNotDecide } from '../approval/state.ts';
import { type Decider, goesBy, refuseStranger } from '../approval/stranger.ts';
import { NotPermitted } from '../base/errors.ts';
import type { ApprovalTerms, Policy } from '../policy/decision.ts';
import type { IdentityRow, Store } from '../store/store.ts';
import type { AppliedPolicy } from './applied-policy.ts';
import { endUserOf } from './requester.ts';

export interface DecidersDeps {
  readonly identities: Pick<Store['identities'], 'find'>;
  readonly policy: Pick<AppliedPolicy, 'get'>;
}

/** Who has a say in a request, by roles and policy as they are now. */
export class Deciders {
  readonly #deps: DecidersDeps;

  constructor(deps: DecidersDeps) {
    this.#deps = deps;
  }

  of(request: ApprovalRequest, identity: IdentityRow): Decider {
    const { id, name, groups, roles } = identity;
    const policy = this.#deps.policy.get();
    const names = policy?.namesOf(name);
    return {
      id,
      name,
      ...(names === undefined ? {} : { names }),
      delegated: endUserOf(identity) !== undefined,
      mayActForThem: policy !== undefined && mayActForThem(request, identity, policy),
      hasRole: roles.includes('approver') || roles.includes('owner'),
      amongApprovers: policy?.mayApprove(request.terms, { id, name, groups }) ?? false,
      standsFor: policy?.standsFor(request.terms, { id, name, groups }) ?? [],
    };
  }

  /** Why this identity may not decide it now; undefined when it may. */
  mayNotDecide(request: ApprovalRequest, identity: IdentityRow, now: number): string | undefined {
    return mayNotDecide(request, this.of(request, identity), now);
  }

  /** True when the rules of the request name this identity, its own or already decided ones included. */
  concerns(request: ApprovalRequest, identity: IdentityRow): boolean {
    const { hasRole, amongApprovers } = this.of(request, identity);
    const own = request.requesterId === identity.id || request.endUserId === identity.id;
    return own || (hasRole && amongApprovers);
  }

  /**
   * Whether those who approved a request carry it under other terms, those of the moment in which it is to run: each
   * of them must still be somebody, and be admitted by them. Answers why not, undefined when they do.
   */
  async shortfall(request: ApprovalRequest, terms: ApprovalTerms): Promise<string | undefined> {
    const judged = { ...request, terms };
    const people: Decider[] = [];
    for (const { by, byName, decision } of request.decisions) {
      if (decision !== 'approve') continue;
      const row = await this.#deps.identities.find(by);
      if (row?.id !== by || row.revokedAt !== undefined) return `${byName}, who approved it, was revoked`;
      if (!this.#vouchedFor(row))
        return `${byName}, who approved it, is of an issuer that the policy no longer trusts`;
      const roles = [...row.roles, ...(this.#deps.policy.get()?.rolesOf(row) ?? [])];
      try {
        const decider = this.of(judged, { ...row, roles });
        refuseStranger(judged, decider);
        // One person who has several identities by now counts once.
        if (!people.some((other) => goesBy(other, decider.name))) people.push(decider);
      } catch (error) {
        if (!(error instanceof NotPermitted)) throw error;
      }
    }
    if (isEnough(terms, people)) return undefined;
    return `the policy asks ${terms.approvals} of its approvers now, and ${people.length} of them approved it`;
  }

  /** By hoopctl itself, or by an issuer that is trusted now. */
  #vouchedFor({ origin }: IdentityRow): boolean {
    const policy = this.#deps.policy.get();
    const trusted = [...(policy?.issuers ?? []), ...(policy?.saml ?? [])];
    return origin === undefined || trusted.some(({ issuer }) => issuer === origin.issuer);
  }
}

/** A machine, for a person whose request it is or for whom it runs, under any of the person's names. */
export function mayActForThem(
  { card }: Pick<ApprovalRequest, 'card'>,
  machine: IdentityRow,
  policy: Pick<Policy, 'mayActFor' | 'namesOf'>,
): boolean {
  if (machine.kind !== 'machine') return false;
  const people = [...(card.requesterKind === 'person' ? [card.requester] : []), card.endUser];
  return people.some(
    (one) => one !== undefined && [...policy.namesOf(one)].some((name) => policy.mayActFor(machine, name)),
  );
}
