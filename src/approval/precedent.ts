import { z } from 'zod';
import type { ApprovalRequest } from './request.ts';
import { isEnough } from './state.ts';
import { sizeOf, type TextChange, textChanges } from './text-changes.ts';

/** Earlier requests that one is compared with, newest first. */
const MOST_COMPARED = 20;
/** Differences that are kept; the rest is counted. */
const MOST_KEPT = 20;
/** UTF-16 code units of each side of a difference that are kept: the statement itself stands on the card, whole. */
const LONGEST_KEPT = 200;

const differenceSchema = z.object({
  /** Of what: the statement, a text it runs by name or a value bound to it (by their number), an effect, the target. */
  part: z.enum(['statement', 'named', 'value', 'effect', 'target']),
  number: z.int().optional(),
  /** Where in that part, in UTF-16 code units, and how long what stands there now is. */
  start: z.int(),
  length: z.int(),
  /** What stood and stands there, at most the beginning; null for SQL NULL, or for none. */
  was: z.string().nullable(),
  wasLength: z.int(),
  is: z.string().nullable(),
});
export type Difference = z.infer<typeof differenceSchema>;

/** How a request compares with what its requester was approved before, on the same connection by the same people. */
export const precedentSchema = z.object({
  /** Approved requests that were looked at. */
  among: z.int(),
  /** The most similar of them; null when none is similar. */
  nearest: z
    .object({
      approval: z.string(),
      by: z.string(),
      /** ISO 8601 UTC. */
      at: z.string(),
      /** Where this request differs; none when it is the same in every part. */
      differences: z.array(differenceSchema),
      /** Differences beyond those. */
      more: z.int(),
    })
    .nullable(),
});
export type Precedent = z.infer<typeof precedentSchema>;

type Asked = Pick<ApprovalRequest, 'card' | 'endUserId' | 'terms'>;

/**
 * Compares a request with earlier ones of the same requester and connection, newest first: who has said yes to a
 * statement many times sees what is another this time. Only those count that the same people were asked about, so that
 * nobody reads here what was never shown to them. Undefined when there was none.
 */
export function precedentOf(asked: Asked, earlier: readonly ApprovalRequest[]): Precedent | undefined {
  const people = whoWasAsked(asked);
  const compared = earlier
    .filter((one) => whoWasAsked(one) === people && one.endUserId === asked.endUserId && wasApproved(one))
    .slice(0, MOST_COMPARED);
  if (compared.length === 0) return undefined;
  let nearest: { readonly request: ApprovalRequest; readonly found: Compared } | undefined;
  for (const request of compared) {
    const found = compare(asked, request);
    if (found !== undefined && (nearest === undefined || found.size < nearest.found.size)) {
      nearest = { request, found };
    }
    if (found?.size === 0) break;
  }
  if (nearest === undefined) return { among: compared.length, nearest: null };
  const { found, request } = nearest;
  const votes = request.decisions.filter(({ decision }) => decision === 'approve');
  return {
    among: compared.length,
    nearest: {
      approval: request.id,
      by: votes.map(({ byName }) => byName).join(', '),
      at: votes.at(-1)?.at ?? request.createdAt,
      differences: found.differences.slice(0, MOST_KEPT),
      more: Math.max(0, found.differences.length - MOST_KEPT),
    },
  };
}

function whoWasAsked({ terms }: Asked): string {
  const { allOf, alsoAdmittedBy, approvals, approvalsEach, approvers, selfApproval } = terms;
  const lists = [approvers, alsoAdmittedBy ?? [], approvalsEach ?? [], allOf ?? []];
  return JSON.stringify([lists, approvals, selfApproval]);
}

function wasApproved({ decisions, terms }: ApprovalRequest): boolean {
  return decisions.every(({ decision }) => decision === 'approve') && isEnough(terms, decisions);
}

interface Compared {
  /** How far apart they are; 0 when they are the same. */
  readonly size: number;
  readonly differences: readonly Difference[];
}

/** Undefined when the statements have less than half of their text in common. */
function compare({ card }: Asked, { card: before }: ApprovalRequest): Compared | undefined {
  const statement = textChanges(before.statement, card.statement);
  if (2 * sizeOf(statement) > before.statement.length + card.statement.length) return undefined;
  const differences = [
    ...statement.map((change) => differenceIn('statement', change, card.statement)),
    ...valueDifferences('named', textsOf(before), textsOf(card)),
    ...valueDifferences('value', before.parameters, card.parameters),
    ...textChanges(before.target, card.target).map((change) => differenceIn('target', change, card.target)),
    ...lineDifferences(before.effects, card.effects),
  ];
  const size = differences.reduce((sum, { length, wasLength }) => sum + Math.max(1, length + wasLength), 0);
  return { size, differences };
}

function differenceIn(
  part: Difference['part'],
  { length, start, was }: TextChange,
  text: string,
  number?: number,
): Difference {
  return {
    part,
    ...(number === undefined ? {} : { number }),
    start,
    length,
    was: kept(was),
    wasLength: was.length,
    is: kept(text.slice(start, start + length)),
  };
}

type Values = readonly (string | null)[];

const textsOf = ({ named = [] }: ApprovalRequest['card']): Values => named.map(({ text }) => text);

function valueDifferences(part: 'named' | 'value', before: Values, after: Values): Difference[] {
  const most = Math.max(before.length, after.length);
  return Array.from({ length: most }, (_, i) => i).flatMap((i) => {
    const was = before[i] ?? null;
    const is = after[i] ?? null;
    if (was !== null && is !== null) {
      return textChanges(was, is).map((change) => differenceIn(part, change, is, i + 1));
    }
    return was === is ? [] : [whole(part, was, is, i + 1)];
  });
}

function lineDifferences(before: readonly string[], after: readonly string[]): Difference[] {
  const gone = before.filter((line) => !after.includes(line)).map((line) => whole('effect', line, null));
  return [
    ...gone,
    ...after.filter((line) => !before.includes(line)).map((line) => whole('effect', null, line)),
  ];
}

function whole(part: Difference['part'], was: string | null, is: string | null, number?: number): Difference {
  return {
    part,
    ...(number === undefined ? {} : { number }),
    start: 0,
    length: is?.length ?? 0,
    was: was === null ? null : kept(was),
    wasLength: was?.length ?? 0,
    is: is === null ? null : kept(is),
  };
}

const kept = (text: string): string => text.slice(0, LONGEST_KEPT).toWellFormed();
