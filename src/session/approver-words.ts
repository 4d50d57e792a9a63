import type { ApprovalTerms } from '../policy/decision.ts';

/**
 * Who may decide, for people: the list of the one rule that asks. Where several rules ask, an approver must
 * stand in every list, which is one entry: `group:dba or ana, and group:security`.
 */
export function approverWords(terms: ApprovalTerms): readonly string[] {
  if (terms.allOf !== undefined) return [`each of ${terms.allOf.join(', ')}`];
  if (terms.alsoAdmittedBy === undefined) return terms.approvers;
  const lists = [terms.approvers, ...terms.alsoAdmittedBy].filter((list) => list.length > 0);
  return [lists.map((list) => list.join(' or ')).join(', and ')];
}

/** The same in one phrase, without the notation of the policy: `group dba, ana`. */
export function askedWords(approvers: readonly string[]): string {
  if (approvers.length === 0) return 'any approver';
  return approvers.map((one) => one.replace(/^group:/, 'group ')).join(', ');
}
