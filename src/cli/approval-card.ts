import type { ApprovalView } from '../api/approval-schemas.ts';
import { counted } from '../base/quantities.ts';
import { textWidth, wrapText, wrapWords } from '../base/text-width.ts';
import { visibleText } from '../base/visible-text.ts';
import type { TextOut } from './io.ts';
import { differenceLines, precedentHead } from './precedent-lines.ts';
import { clockSpan } from './times.ts';
import { visible } from './visible-text.ts';

/** Columns before a value: two, the longest name, two. */
const INDENT = 10;
const BAR = '│ ';

/**
 * What an approver decides on, line by line. The statement is whole: what can't be seen is escaped, and a text
 * of more than one line is wrapped here, each piece behind a bar, so that neither a newline in it nor the
 * terminal's own wrapping lets it pose as a part of the card.
 */
export function approvalCard(approval: ApprovalView, out: TextOut, now: number): readonly string[] {
  const { paint } = out;
  const columns = Math.max(40, out.columns) - INDENT;
  const lines = [`${paint.bold(approval.id)} · ${stateOf(approval, now)}`];
  const add = (name: string, values: readonly string[]) => {
    values.forEach((value, index) => {
      lines.push(`  ${paint.dim((index === 0 ? name : '').padEnd(INDENT - 2))}${value}`);
    });
  };
  const plain = (name: string, text: string) => add(name, wrapWords(visible(text), columns));
  plain('who', whoOf(approval));
  plain('where', [approval.connection, approval.target, ...placeOf(approval)].join(' · '));
  if (approval.locks != null && approval.locks.length > 0) {
    plain('locks', `${approval.locks.join(', ')}: kept from others while it waits`);
  }
  add('what', statementLines(approval.statement, out, columns));
  for (const { name, text } of approval.named ?? []) {
    add('runs', [
      ...wrapWords(visible(`the prepared statement ${name}:`), columns),
      ...framed(text, out, columns),
    ]);
  }
  approval.parameters.forEach((value, index) => {
    const text = value === null ? `$${index + 1} = NULL` : `$${index + 1} = '${value}'`;
    add(index === 0 ? 'values' : '', framed(text, out, columns));
  });
  if (approval.precedent) {
    const [head = '', ...rest] = wrapWords(precedentHead(approval.precedent, now), columns);
    add('before', [paint.yellow(head), ...rest, ...differenceLines(approval, columns)]);
  }
  approval.effects.forEach((effect, index) => {
    plain(index === 0 ? 'effect' : '', index === 0 ? `${effect} · ${approval.estimate}` : effect);
  });
  if (approval.effects.length === 0) plain('effect', approval.estimate);
  for (const line of approval.rehearsal ?? []) plain('', line);
  if (approval.ticket != null) plain('ticket', `${approval.ticket} (as the requester says)`);
  if (approval.reason != null) plain('reason', `${approval.reason} (as the requester says)`);
  plain('rule', ruleOf(approval));
  for (const { by, decision, reason } of approval.decisions) {
    plain(
      'so far',
      `${decision === 'approve' ? 'approved' : 'denied'} by ${by}${reason === null ? '' : `: ${reason}`}`,
    );
  }
  for (const { by, text } of approval.comments ?? []) plain('comment', `${by}: ${text}`);
  return lines;
}

function placeOf({ ahead, transaction }: ApprovalView): readonly string[] {
  if (ahead == null || transaction === 'inapplicable') return TRANSACTIONS[transaction];
  return ahead.pieces.length > 1
    ? [`statement by statement (${ahead.pieces.length}), each by itself`]
    : ['in a transaction of its own'];
}

const TRANSACTIONS: Readonly<Record<ApprovalView['transaction'], readonly string[]>> = {
  none: ['inside no transaction'],
  open: ['inside an open transaction'],
  failed: ['inside a failed transaction'],
  // The target knows no transactions.
  inapplicable: [],
};

function stateOf(approval: ApprovalView, now: number): string {
  if (approval.status !== 'pending') {
    return visible(
      approval.endReason === null ? approval.status : `${approval.status}: ${approval.endReason}`,
    );
  }
  const waited = clockSpan(now - Date.parse(approval.createdAt));
  return `waiting ${waited} · expires in ${clockSpan(Date.parse(approval.expiresAt) - now)}`;
}

function whoOf(approval: ApprovalView): string {
  const { requesterGroups: groups, requesterKind: kind } = approval;
  const inGroups = groups.length === 0 ? '' : `, group${groups.length > 1 ? 's' : ''} ${groups.join(', ')}`;
  const behalf = approval.endUser == null ? '' : ` for ${approval.endUser}`;
  const place = approval.session === null ? 'requested ahead' : `session ${approval.session}`;
  return `${approval.requester} (${kind}${inGroups})${behalf} · ${place} · from ${approval.clientAddress}`;
}

function ruleOf(approval: ApprovalView): string {
  const needed = approval.approvalsNeeded;
  if (needed <= 1) return approval.rule;
  const asked = approval.approvers.length === 0 ? '' : `: ${approval.approvers.join(', ')}`;
  return `${approval.rule} · needs ${needed} approvers${asked}`;
}

function statementLines(statement: string, out: TextOut, columns: number): string[] {
  const shown = visibleText(statement, { keepNewlines: true, lookalikes: true });
  if (shown.escaped === 0 && !statement.includes('\n') && textWidth(statement) <= columns) return [statement];
  const lines = statement.split('\n').length;
  const size = [counted(lines, 'line'), `${[...statement].length} characters`];
  const invisible = visibleText(statement, { keepNewlines: true }).escaped;
  const lookalikes = shown.escaped - invisible;
  if (invisible > 0) size.push(out.paint.yellow(`${invisible} of them not printable, shown escaped`));
  if (lookalikes > 0) size.push(out.paint.yellow(`${lookalikes} only like Latin letters, shown escaped`));
  return [`(${size.join(', ')})`, ...framed(statement, out, columns)];
}

/** Each line, and each piece of a line that is too wide, behind the bar. */
function framed(text: string, out: TextOut, columns: number): string[] {
  const bar = out.paint.dim(BAR);
  return text.split('\n').flatMap((line) => {
    // Wrapped before it is coloured: escape sequences have no width.
    return wrapText(visibleText(line, { lookalikes: true }).text, columns - BAR.length).map(
      (piece) => `${bar}${marked(line, piece, out)}`,
    );
  });
}

/** Sets escapes off by colour. A line that held nothing to escape stays as it is, whatever its letters say. */
function marked(line: string, piece: string, out: TextOut): string {
  if (visibleText(line, { lookalikes: true }).escaped === 0) return piece;
  return piece.replace(/\\(?:x[0-9a-f]{2}|u\{[0-9A-F]{4,6}\}|[rt])/g, (shown) => out.paint.inverse(shown));
}
