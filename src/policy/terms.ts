import type { ApprovalTerms } from './decision.ts';

/** Who may approve by one of the rules that ask, and how many of them it wants. */
interface ApproverList {
  readonly approvers: readonly string[];
  readonly approvals: number;
}

/** The lists of the rules that ask; empty where anybody with the role may approve. */
export function listsOf(terms: ApprovalTerms): readonly ApproverList[] {
  return [terms.approvers, ...(terms.alsoAdmittedBy ?? [])]
    .map((approvers, i) => ({ approvers, approvals: terms.approvalsEach?.[i] ?? terms.approvals }))
    .filter(({ approvers }) => approvers.length > 0);
}

/** What an approval is counted for: one of `allOf`, or a list of one rule among several. */
export function listName(approvers: readonly string[]): string {
  return approvers.join(' or ');
}

/** How many approvals are wanted for what: of each of `allOf` one, and where several rules ask, as many as each does. */
export function wantedOf(terms: ApprovalTerms): ReadonlyMap<string, number> {
  const wanted = new Map((terms.allOf ?? []).map((one) => [one, 1]));
  const lists = listsOf(terms);
  if (lists.length < 2) return wanted;
  for (const { approvals, approvers } of lists) {
    const name = listName(approvers);
    wanted.set(name, Math.max(approvals, wanted.get(name) ?? 0));
  }
  return wanted;
}

/** One request for several rules: each of them is satisfied, and one approval may count for several. */
export function joinTerms(all: readonly [ApprovalTerms, ...ApprovalTerms[]]): ApprovalTerms {
  const lists = new Map<string, ApproverList>();
  for (const list of all.flatMap(listsOf)) {
    const name = listName(list.approvers);
    const approvals = Math.max(list.approvals, lists.get(name)?.approvals ?? 0);
    lists.set(name, { ...list, approvals });
  }
  const [first, ...others] = [...lists.values()];
  const allOf = [...new Set(all.flatMap((terms) => terms.allOf ?? []))];
  return {
    approvers: first?.approvers ?? [],
    ...(others.length === 0
      ? {}
      : {
          alsoAdmittedBy: others.map(({ approvers }) => approvers),
          approvalsEach: [...lists.values()].map(({ approvals }) => approvals),
        }),
    ...(allOf.length === 0 ? {} : { allOf }),
    approvals: Math.max(...all.map(({ approvals }) => approvals)),
    expires: Math.min(...all.map(({ expires }) => expires)),
    selfApproval: all.every(({ selfApproval }) => selfApproval),
    ...(all.some(({ rehearse }) => rehearse) ? { rehearse: true } : {}),
    // One rule that wants its say before the statement runs has it.
    ...(all.every(({ at }) => at === 'commit') ? { at: 'commit' } : {}),
  };
}
