import { formatDuration } from '../../base/quantities.ts';
import type { Decision } from '../../policy/decision.ts';
import { askedWords } from '../approver-words.ts';
import type { Hold, HoldOutcome } from '../desk.ts';

/** Exit codes of what did not run, as a shell's: found but not executable, and ssh's own for a failed connection. */
export const EXIT = { refused: 126, failed: 255, withdrawn: 130 } as const;

/** `why` is the command that tells which rules matched. */
export function blockedWords(
  decision: Extract<Decision, { outcome: 'block' }>,
  why: string,
): readonly string[] {
  const by =
    decision.rule === undefined ? 'no rule of the policy allows it' : `blocked by rule "${decision.rule}"`;
  return [
    `hoopctl: ${by}: ${decision.command}`,
    ...(decision.message === undefined ? [] : [`hoopctl: ${decision.message}`]),
    `hoopctl: see why: ${why}`,
  ];
}

/** `hoopctl: this write command needs approval: ap-7kq2m (expires in 15m)`. */
export function holdWords(hold: Hold, effect: string): readonly string[] {
  return [
    `hoopctl: this ${effect} needs approval: ${hold.id} (expires in ${formatDuration(hold.expiresIn)})`,
    `hoopctl: rule "${hold.rule}" · asked of ${askedWords(hold.approvers)}`,
    `hoopctl: an approver runs: hoopctl approve ${hold.id}`,
  ];
}

export function notApprovedWords(
  hold: Hold,
  outcome: Exclude<HoldOutcome, { outcome: 'approved' }>,
): readonly string[] {
  const nothing = 'hoopctl: nothing was executed';
  switch (outcome.outcome) {
    case 'denied':
      return [`hoopctl: ${hold.id} was denied by ${outcome.by}: ${outcome.reason}`, nothing];
    case 'expired':
      return [`hoopctl: ${hold.id} expired before it was decided`, nothing];
    case 'withdrawn':
      return [`hoopctl: ${hold.id} was withdrawn: ${outcome.reason}`, nothing];
    case 'refused':
      return [`hoopctl: ${hold.id} was approved but may no longer run: ${outcome.reason}`, nothing];
  }
}

/** Control characters, the C1 ones and those that turn or hide text are shown as escapes: a policy's or target's words are not the terminal's. */
export function printable(text: string): string {
  return text.replace(
    /[\0-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]/g,
    (c) => `\\x${(c.codePointAt(0) ?? 0).toString(16).padStart(2, '0')}`,
  );
}

/** Lines for the client's standard error; a raw terminal needs the carriage return. */
export function stderrText(lines: readonly string[], terminal: boolean): Buffer {
  return Buffer.from(lines.map((line) => `${printable(line)}${terminal ? '\r\n' : '\n'}`).join(''));
}
