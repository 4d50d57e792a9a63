import type { ApprovalTerms } from '../policy/decision.ts';
import { listName, listsOf } from '../policy/terms.ts';

/**
 * Who may decide, for people: the list of the one rule that asks. Where several rules ask, each wants approvals of its
 * own list, which is one entry: `group:dba or ana, and group:security`.
 */
export function approverWords(terms: ApprovalTerms): readonly string[] {
  const { allOf = [] } = terms;
  const lists = listsOf(terms).map(({ approvers }) => approvers);
  if (allOf.length === 0 && lists.length < 2) return terms.approvers;
  // Who is heard for one of them is heard for a list that it stands in.
  const more = lists.filter((list) => !allOf.some((one) => list.includes(one))).map(listName);
  if (allOf.length === 0) return [more.join(', and ')];
  return [[`each of ${allOf.join(', ')}`, ...more].join(', and ')];
}

/** The same in one phrase, without the notation of the policy: `group dba, ana`. */
export function askedWords(approvers: readonly string[]): string {
  if (approvers.length === 0) return 'any approver';
  return approvers.map((one) => one.replace(/^group:/, 'group ')).join(', ');
}
