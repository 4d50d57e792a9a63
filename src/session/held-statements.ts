import { fingerprint } from '../approval/fingerprint.ts';
import type { ApprovalCard, ApprovalRequest } from '../approval/request.ts';
import { Internal, NotPermitted } from '../base/errors.ts';
import { visibleText } from '../base/visible-text.ts';
import type { Stated } from '../policy/decision.ts';
import type { SessionRow } from '../store/store.ts';
import type { ApprovalBoard } from './approval-board.ts';
import { approverWords } from './approver-words.ts';
import type { DecisionBook } from './decision-book.ts';
import type { Hold, HoldOutcome, StatementToRecord } from './desk.ts';
import { cutKey } from './judged.ts';

export interface HeldStatementsDeps {
  readonly board: ApprovalBoard;
  readonly book: DecisionBook;
  readonly row: SessionRow;
  /** What the requester says of its work now. */
  readonly stated: () => Stated;
  /** Why nothing approved under that policy may run any more; undefined when it may. */
  readonly obstacle: (policy: string) => string | undefined;
  readonly isClosed: () => boolean;
  readonly count: (what: 'statements' | 'approved' | 'denied') => void;
  readonly refuse: (statement: StatementToRecord, message: string) => void;
  /** The limit that asked for the approval begins anew. */
  readonly renew: (limit: string) => void;
  readonly failed: (error: unknown) => void;
}

/** The statements of one session that wait for approval, and what becomes of each. */
export class HeldStatements {
  readonly #deps: HeldStatementsDeps;
  readonly #waiting = new Set<string>();

  constructor(deps: HeldStatementsDeps) {
    this.#deps = deps;
  }

  /** See `SessionDesk.hold`. */
  async hold(
    statement: StatementToRecord,
    card: ApprovalCard,
    fingerprintInput: () => readonly (string | Uint8Array)[],
  ): Promise<Hold> {
    const { board, book, count, failed, obstacle, row } = this.#deps;
    const { decision } = statement;
    if (decision.outcome !== 'approve')
      throw new Internal('wrong_outcome', 'only what needs approval is held');
    const { policy, rule = 'default', terms } = decision;
    const { connection, connectionId, endUser, id: session, identityId: requesterId } = row;
    const takeFingerprint = () =>
      fingerprint([
        connectionId,
        card.target,
        requesterId,
        endUser?.id ?? null,
        session,
        policy,
        ...fingerprintInput(),
      ]);
    const named = endUser === undefined ? {} : { endUser: endUser.name };
    const shown = { ...card, ...named, ...this.#deps.stated() };
    const endUserId = endUser?.id;
    const asked = { session, connection, connectionId, requesterId, endUserId, rule, policy, terms };
    const draft = { ...asked, card: shown };
    const ticket = await board
      .request({ ...draft, fingerprint: takeFingerprint() }, (id) =>
        book.write(statement, { outcome: 'approve', approval: id }),
      )
      .catch((error) => this.#notAsked(statement, error));
    const { id } = ticket.request;
    count('statements');
    this.#waiting.add(id);
    const withdraw = (reason: string) => void board.withdraw(id, reason);
    // Asking took time, in which the session may have ended.
    const late = obstacle(policy);
    if (late !== undefined) withdraw(late);
    const outcome = ticket.decided
      .then((decided) => this.#settle(statement, decided, takeFingerprint))
      .finally(() => this.#waiting.delete(id));
    outcome.catch(failed);
    const onComment = this.#commentsOn(id, outcome);
    const approvers = approverWords(terms);
    return { id, rule, approvers, expiresIn: terms.expires, outcome, onComment, withdraw };
  }

  #commentsOn(id: string, outcome: Promise<HoldOutcome>): Hold['onComment'] {
    return (listener) => {
      let told = 0;
      const stop = this.#deps.board.watch(({ comments, id: changed }) => {
        if (changed !== id) return;
        for (const { byName, text } of comments.slice(told)) listener(byName, shownInert(text));
        told = comments.length;
      });
      outcome.then(stop, stop);
    };
  }

  withdrawAll(reason: string): void {
    for (const id of this.#waiting) void this.#deps.board.withdraw(id, reason);
  }

  /** Nobody could approve it, or too many wait already: that too is on the record. */
  #notAsked(statement: StatementToRecord, error: unknown): never {
    if (error instanceof NotPermitted && this.#deps.obstacle(statement.decision.policy) === undefined) {
      this.#deps.refuse(statement, error.message);
    }
    throw error;
  }

  /** What the protocol is told, after it is on the record. Never rejects. */
  async #settle(
    statement: StatementToRecord,
    decided: ApprovalRequest,
    takeFingerprint: () => string,
  ): Promise<HoldOutcome> {
    const { book, count, isClosed } = this.#deps;
    try {
      if (decided.status === 'approved') return await this.#spend(statement, decided, takeFingerprint);
      if (!isClosed()) book.writeApproval(decided);
      if (decided.status === 'expired') return { outcome: 'expired' };
      if (decided.status !== 'denied') {
        return { outcome: 'withdrawn', reason: decided.endReason ?? 'it was withdrawn' };
      }
      count('denied');
      const last = decided.decisions.at(-1);
      const reason = shownInert(last?.reason ?? 'no reason was given');
      return { outcome: 'denied', by: last?.byName ?? 'an approver', reason };
    } catch (error) {
      return { outcome: 'refused', reason: error instanceof Error ? error.message : String(error) };
    }
  }

  /** Approved bytes run once, and only if nothing they were approved for has changed since. */
  async #spend(
    statement: StatementToRecord,
    approved: ApprovalRequest,
    takeFingerprint: () => string,
  ): Promise<HoldOutcome> {
    const { board, book, count, isClosed, obstacle } = this.#deps;
    const changed = () =>
      obstacle(approved.policy) ??
      (takeFingerprint() === approved.fingerprint
        ? undefined
        : 'the session changed since approval was asked');
    // Of several who approved it, one may be nobody any more.
    const early = changed() ?? (await board.deciders.shortfall(approved, approved.terms));
    if (early !== undefined) {
      await board.withdraw(approved.id, early);
      if (!isClosed()) book.writeApproval({ ...approved, status: 'withdrawn', endReason: early });
      return { outcome: 'withdrawn', reason: early };
    }
    book.writeApproval(approved);
    await board.use(approved.id);
    // Storing took time: what was true before must still be.
    const late = changed();
    if (late !== undefined) return { outcome: 'withdrawn', reason: late };
    count('approved');
    if (statement.decision.limit !== undefined) this.#deps.renew(statement.decision.limit);
    const by = approved.decisions.map(({ byName }) => byName).join(', ');
    return { outcome: 'approved', judged: cutKey(statement.decision), by, comment: commentOf(approved) };
  }
}

/** What approvers said with their yes, for the client. */
export function commentOf({ decisions }: Pick<ApprovalRequest, 'decisions'>): string | undefined {
  const said = decisions.flatMap(({ byName, reason }) =>
    reason === undefined ? [] : [`${byName}: ${reason}`],
  );
  return said.length === 0 ? undefined : shownInert(said.join('\n'));
}

/** It reaches a terminal as it is. */
function shownInert(text: string): string {
  return visibleText(text, { keepNewlines: true }).text;
}
