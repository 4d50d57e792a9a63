import type { Precedent } from '../../approval/precedent.ts';
import type { ApprovalRequest } from '../../approval/request.ts';
import { approvalsNeeded } from '../../approval/state.ts';
import { counted } from '../../base/quantities.ts';
import { visibleText } from '../../base/visible-text.ts';
import { approverWords } from '../../session/approver-words.ts';
import type { WebhookRow } from '../../store/store.ts';

/** What webhooks are told of; an approval that was used had been approved before. */
export type WebhookEvent =
  | 'approval.pending'
  | 'approval.voted'
  | 'approval.commented'
  | 'approval.approved'
  | 'approval.denied'
  | 'approval.expired'
  | 'approval.withdrawn';

/** Undefined for a change that nobody is told of. */
export function eventOf({ comments, decisions, status }: ApprovalRequest): WebhookEvent | undefined {
  if (status === 'used') return undefined;
  const said = comments.at(-1)?.at;
  if (status === 'pending' && said !== undefined && said > (decisions.at(-1)?.at ?? '')) {
    return 'approval.commented';
  }
  return status === 'pending' && decisions.length > 0 ? 'approval.voted' : `approval.${status}`;
}

/** Slack shows at most 3000 characters of a section; the whole statement is on the card in hoopctl. */
const SLACK_STATEMENT = 2000;

/**
 * The body of one message: the card and nothing that could decide. Texts of the requester stand in it as data
 * (JSON) or with all that Slack would interpret made inert.
 */
export function messageBody(
  format: WebhookRow['format'],
  event: WebhookEvent,
  request: ApprovalRequest,
): string {
  return JSON.stringify(format === 'slack' ? slackMessage(event, request) : jsonMessage(event, request));
}

function jsonMessage(event: WebhookEvent, request: ApprovalRequest): object {
  const { card, terms } = request;
  const last = request.decisions.at(-1);
  return {
    schemaVersion: 1,
    event,
    approval: {
      id: request.id,
      version: request.version,
      status: request.status,
      session: request.session ?? null,
      connection: request.connection,
      requester: card.requester,
      requesterKind: card.requesterKind,
      requesterGroups: card.requesterGroups,
      // Whom a machine acts for; both stand wherever one does.
      endUser: card.endUser ?? null,
      clientAddress: card.clientAddress,
      target: card.target,
      transaction: card.transaction,
      statement: card.statement,
      parameters: card.parameters,
      locks: card.locks ?? null,
      named: card.named ?? null,
      effects: card.effects,
      estimate: card.estimate,
      // What the requester says; nobody has checked it.
      requesterReason: card.reason ?? null,
      ticket: card.ticket ?? null,
      precedent: request.precedent ?? null,
      rule: request.rule,
      approvers: approverWords(terms),
      approvalsNeeded: approvalsNeeded(request),
      by: last?.byName ?? null,
      reason: request.endReason ?? last?.reason ?? null,
      comments: request.comments.map(({ byName, text }) => ({ by: byName, text })),
      createdAt: request.createdAt,
      expiresAt: request.expiresAt,
    },
  };
}

function slackMessage(event: WebhookEvent, request: ApprovalRequest): object {
  const { card } = request;
  const head = headOf(event, request);
  const shown = visibleText(card.statement, { keepNewlines: true }).text;
  const cut = shown.length > SLACK_STATEMENT;
  // No end of the code block may come from the statement.
  const code = escaped(shown.slice(0, SLACK_STATEMENT)).replaceAll('```', '`\u200b`\u200b`');
  const rest = cut
    ? `\n_not all shown: ${card.statement.length} characters; the card in hoopctl has them_`
    : '';
  const facts = [
    `*who* ${inert(card.requester)} (${card.requesterKind})${card.endUser === undefined ? '' : ` for ${inert(card.endUser)}`}`,
    `*where* ${inert(request.connection)} · ${inert(card.target)}`,
    `*effect* ${card.effects.map(inert).join('; ')} · ${inert(card.estimate)}`,
    ...stateFacts(request),
    // The requester's own words come last: what is too long is cut there.
    ...(card.named ?? []).map(({ name, text }) => `*runs* ${inert(name)}: ${piece(text)}`),
    ...(request.precedent === undefined ? [] : [`*before* ${precedentWords(request.precedent)}`]),
    ...(card.ticket === undefined ? [] : [`*ticket* ${inert(card.ticket)}`]),
    ...(card.reason === undefined ? [] : [`*reason* ${inert(card.reason)}`]),
  ];
  return {
    text: head,
    blocks: [
      { type: 'section', text: { type: 'mrkdwn', text: `*${head}*` } },
      { type: 'section', text: { type: 'mrkdwn', text: `\`\`\`${code}\`\`\`${rest}` } },
      { type: 'context', elements: [{ type: 'mrkdwn', text: facts.join('\n').slice(0, 2900) }] },
    ],
  };
}

/** Who is asked, and by what command, only as long as there is something to decide. */
function stateFacts({ expiresAt, id, rule, status, terms }: ApprovalRequest): string[] {
  if (status !== 'pending') return [`*rule* ${inert(rule)}`];
  const asked = approverWords(terms);
  return [
    `*rule* ${inert(rule)} · expires ${expiresAt}`,
    `*asked* ${asked.length === 0 ? 'any approver' : asked.map(inert).join(', ')}`,
    `An approver runs: \`hoopctl approve ${id}\``,
  ];
}

/** Differences that a Slack message shows, and characters of each side; the card has more. */
const SLACK_DIFFERENCES = 3;
const SLACK_PIECE = 80;

function precedentWords({ among, nearest }: Precedent): string {
  if (nearest === null) return `unlike the last ${among} that were approved`;
  const { approval, at, by, differences, more } = nearest;
  const known = `${approval}, approved ${at} by ${inert(by)}`;
  if (differences.length === 0) return `the same as ${known}`;
  const count = differences.length + more;
  const shown = differences.slice(0, SLACK_DIFFERENCES).map(({ is, was }) => `${piece(was)} → ${piece(is)}`);
  const rest = count > shown.length ? '; …' : '';
  return `differs from ${known} in ${counted(count, 'place')}: ${shown.join('; ')}${rest}`;
}

function piece(text: string | null): string {
  if (text === null) return 'nothing';
  const shown = visibleText(text, { lookalikes: true }).text;
  return shown.length > SLACK_PIECE ? `“${inert(shown.slice(0, SLACK_PIECE))}…”` : `“${inert(shown)}”`;
}

function headOf(
  event: WebhookEvent,
  { comments, connection, decisions, endReason, id, status }: ApprovalRequest,
) {
  if (event === 'approval.pending') return `${id} needs approval on ${inert(connection)}`;
  if (event === 'approval.commented') {
    const { byName = '', text = '' } = comments.at(-1) ?? {};
    return `${id} has a comment by ${inert(byName)}: ${inert(text)}`;
  }
  const last = decisions.at(-1);
  const by = last === undefined ? '' : ` by ${inert(last.byName)}`;
  const why = endReason ?? last?.reason;
  const said = why === undefined ? '' : `: ${inert(why)}`;
  return `${id} ${event === 'approval.voted' ? 'has a vote' : status}${by}${said}`;
}

/** Slack's own escapes (docs: formatting text); with them no link, mention or entity is left. */
function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** One line without mark-up. */
function inert(text: string): string {
  return escaped(visibleText(text).text).replaceAll(/[*_~`]/g, (mark) => `\u200b${mark}`);
}
