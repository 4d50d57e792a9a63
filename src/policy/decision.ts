import type { Issuer } from '../identity/issuer-schema.ts';
import type { Role } from '../identity/roles.ts';
import type { SamlProvider } from '../identity/saml-schema.ts';
import type { FunctionEffects } from '../sql/catalog.ts';
import type { TextFacts } from '../sql/facts.ts';

/** What a requester says of its own work. Nobody has checked it: it lets nothing through that was not let through without. */
export interface Stated {
  readonly reason?: string | undefined;
  readonly ticket?: string | undefined;
}

/** Who asks, as policy sees it. */
export interface Requester {
  readonly id: string;
  readonly name: string;
  /** Groups that the identity itself brings; the policy file may add more. */
  readonly groups: readonly string[];
  /** The person for whom a machine acts: a rule's `who` matches either. */
  readonly endUser?:
    | { readonly id: string; readonly name: string; readonly groups: readonly string[] }
    | undefined;
  /** What rules with `require` want to be told. */
  readonly stated?: Stated | undefined;
}

/** Where it would run, as policy sees it. */
export interface PolicyTarget {
  readonly connection: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly protocol: string;
}

export type MaskStrategy = 'redact' | 'partial' | 'hash' | 'null';

/** A mask that holds for this requester on this connection. */
export interface ActiveMask {
  readonly name: string;
  /** Globs over `schema.table.column`; empty for detectors that look at every text value. */
  readonly columns: readonly string[];
  /** Detectors: only what they find is masked. Empty: the columns' whole values are. */
  readonly detect: readonly string[];
  readonly strategy: MaskStrategy;
  readonly keepLast: number;
  /** json: paths that stay readable, `settings.lang`; everything else in the document is masked by value. */
  readonly keepKeys?: readonly string[];
  /** Comparisons that are let through. */
  readonly filter?: 'equality';
  /** The smallest number of values that a count may show. */
  readonly minGroup?: number;
}

export interface ApprovalTerms {
  /** `name`, `group:NAME` or globs; empty means anyone with the role approver or owner. For show: `Policy.mayApprove` decides. */
  readonly approvers: readonly string[];
  /** Lists of further rules that matched as well: each rule wants approvals of its own list. */
  readonly alsoAdmittedBy?: readonly (readonly string[])[] | undefined;
  /** How many approvals of `approvers` and of each list of `alsoAdmittedBy` are wanted; left out: `approvals`. */
  readonly approvalsEach?: readonly number[] | undefined;
  /** Of each of these at least one must approve: `name`, `group:NAME` or globs. */
  readonly allOf?: readonly string[] | undefined;
  readonly approvals: number;
  /** Milliseconds. */
  readonly expires: number;
  readonly selfApproval: boolean;
  /** The statement is run and rolled back first, so that the card shows what it would really touch. */
  readonly rehearse?: true | undefined;
  /** The statement runs in the transaction that is open, and its COMMIT waits. */
  readonly at?: 'commit' | undefined;
}

/** What a limit counts. Times are milliseconds. */
export const LIMIT_KINDS = [
  'rows_read',
  'rows_written',
  'statements',
  'bytes',
  'denied',
  'duration',
  'sessions',
] as const;
export type LimitKind = (typeof LIMIT_KINDS)[number];

/** A budget of a session. */
export interface ActiveLimit {
  readonly name: string;
  readonly most: Readonly<Partial<Record<LimitKind, number>>>;
  /** `cut` ends the session. */
  readonly decision: 'approve' | 'block' | 'cut';
  readonly message: string | undefined;
  readonly terms: ApprovalTerms;
}

/** What the target's own server is told to enforce for a session. Times are milliseconds. */
export interface SessionGuard {
  /** Of all guards that hold, for words. */
  readonly names: readonly string[];
  readonly readOnly: boolean;
  readonly statementTimeout: number | undefined;
  readonly lockTimeout: number | undefined;
  readonly idleInTransactionTimeout: number | undefined;
  readonly role: EphemeralRoleTerms | undefined;
}

/** A role that is made for one session. */
export interface EphemeralRoleTerms {
  readonly template: string | undefined;
  readonly grants: readonly RoleGrant[];
  readonly validFor: number;
}

export interface RoleGrant {
  readonly privileges: readonly string[];
  /** `schema.table` or `schema.*`. */
  readonly tables: readonly string[];
  readonly sequences: readonly string[];
  readonly schemas: readonly string[];
  /** `schema.*` */
  readonly functions: readonly string[];
}

export interface MatchedRule {
  readonly name: string;
  readonly decision: 'allow' | 'approve' | 'block';
}

interface DecisionBase {
  /** The strictest matching rule's name; undefined when no rule matched and the default decided. */
  readonly rule: string | undefined;
  readonly matched: readonly MatchedRule[];
  /** Hash of the policy that decided. */
  readonly policy: string;
  /** A rule hangs on what the planner expects, which was not asked yet; it was taken for the worst. */
  readonly wantsEstimate?: true;
  /** The limit that was passed and made this decision stricter. */
  readonly limit?: string;
}

/** Allow, hold for approval, or block; made by `decide` alone. */
export type Decision =
  | (DecisionBase & { readonly outcome: 'allow' })
  | (DecisionBase & { readonly outcome: 'approve'; readonly terms: ApprovalTerms })
  | (DecisionBase & {
      readonly outcome: 'block';
      /** The rule's own message to the requester, or why the default blocked, in words. */
      readonly message: string | undefined;
      /** What was blocked, `DROP TABLE public.customers`. */
      readonly command: string;
      /** What the rule wants to be told first, in words; left out when that is not why. */
      readonly requires?: readonly string[];
    });

/** A policy ready to decide: parsed, checked, hashed. Pure and immutable. */
export interface Policy {
  readonly hash: string;
  /** Whose tokens are taken for who somebody is. */
  readonly issuers: readonly Issuer[];
  /** SAML providers through which people sign in. */
  readonly saml: readonly SamlProvider[];
  /** Roles that the file gives, besides those that the identity brings. What a machine acts for gives it none. */
  rolesOf(identity: Pick<Requester, 'name' | 'groups'>): readonly Role[];
  /** Whether a machine may say that it acts for that person. */
  mayActFor(machine: Pick<Requester, 'name' | 'groups'>, person: string): boolean;
  /** Every name of the person that this identity is, its own among them: one person counts once. */
  namesOf(identity: string): ReadonlySet<string>;
  decide(requester: Requester, target: PolicyTarget, facts: TextFacts): Decision;
  /** What functions do there as the file says; the same object for the same target. */
  functionsFor(target: PolicyTarget): FunctionEffects | undefined;
  /** Budgets of this requester's sessions there. */
  limitsFor(requester: Requester, target: PolicyTarget): readonly ActiveLimit[];
  /** What the server itself is to enforce; undefined where no guard holds. */
  guardFor(requester: Requester, target: PolicyTarget): SessionGuard | undefined;
  /** True when sessions there may run under roles made for them. */
  makesRoles(target: PolicyTarget): boolean;
  /** Masks for this requester on this connection; `except` already applied. */
  masksFor(requester: Requester, target: PolicyTarget): readonly ActiveMask[];
  /** True when a mask of the file is over this column or field, whomever it holds for. */
  hasMaskOver(column: string): boolean;
  /** True when a mask of the file could be over something that this pattern means. */
  mayMask(pattern: string): boolean;
  /**
   * True when the identity is among `terms.approvers` and every further list (groups of the file and of the
   * identity counted). Roles and self-approval are the caller's to check: `decideRequest` in src/approval.
   */
  mayApprove(terms: ApprovalTerms, identity: Requester): boolean;
  /** For what of `wantedOf(terms)` the identity's approval counts. */
  standsFor(terms: ApprovalTerms, identity: Requester): readonly string[];
  /** True when people whom an issuer vouches for may be among `terms.approvers` although they never came yet. */
  approversMayCome(terms: ApprovalTerms): boolean;
  /** True when any rule could allow or approve something there: what `connection list` shows. */
  mayConnect(requester: Requester, target: PolicyTarget): boolean;
}
