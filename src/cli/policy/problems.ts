import type { z } from 'zod';
import type { policyProblemSchema } from '../../api/schemas.ts';
import { textWidth } from '../../base/text-width.ts';
import type { TextOut } from '../io.ts';
import { visible } from '../visible-text.ts';

export type PolicyProblem = z.infer<typeof policyProblemSchema>;

/** `file:4:7: error: …`, the line itself, and a caret below the place. */
export function problemText(problem: PolicyProblem, file: string, text: string, out: TextOut): string {
  const { line, column, severity, message } = problem;
  const { paint } = out;
  const place = line === null ? file : `${file}:${line}${column === null ? '' : `:${column}`}`;
  const level = severity === 'error' ? paint.red('error:') : paint.yellow('warning:');
  const head = `${paint.bold(visible(place))}: ${level} ${visible(message)}\n`;
  const source = line === null ? undefined : text.split(/\r?\n/)[line - 1];
  if (source === undefined) return head;
  const number = String(line).padStart(5);
  const before = column === null ? undefined : textWidth(visible(source.slice(0, column - 1)));
  const caret =
    before === undefined ? '' : `      ${paint.dim('|')} ${' '.repeat(before)}${paint.red('^')}\n`;
  return `${head}${paint.dim(`${number} |`)} ${visible(source)}\n${caret}`;
}
