import { HoopError, Internal, systemCode } from '../base/errors.ts';
import type { TextOut } from './io.ts';
import { SCHEMA_VERSION, safeJson } from './output.ts';
import { visibleLines } from './visible-text.ts';

/** What failed, why, what to do: three indented parts under one line. Text from outside is made visible. */
export function errorText(error: HoopError, out: TextOut): string {
  const { paint } = out;
  const lines = [`${paint.red('error:')} ${indented(error.message, 7)}`];
  if (error.rule !== undefined && !error.message.includes(error.rule))
    lines.push(part(out, 'rule', error.rule));
  if (error.why !== undefined) lines.push(part(out, 'why', error.why));
  if (error.next !== undefined) lines.push(part(out, 'next', error.next));
  if (error.retryable) lines.push(part(out, 'note', 'the same command may work when tried again'));
  return `${lines.join('\n')}\n`;
}

function part(out: TextOut, name: string, text: string): string {
  return `  ${out.paint.dim(`${name}:`.padEnd(5))} ${indented(text, 8)}`;
}

function indented(text: string, by: number): string {
  return visibleLines(text.trimEnd()).replaceAll('\n', `\n${' '.repeat(by)}`);
}

/** The same as one JSON line. */
export function errorJson(error: HoopError): string {
  const { kind, code, details, message, why, next, rule, retryable } = error;
  const facts = {
    kind,
    code,
    rule: rule ?? null,
    message,
    why: why ?? null,
    details: details ?? null,
    next: next ?? null,
    retryable,
  };
  return `${safeJson({ schemaVersion: SCHEMA_VERSION, error: facts })}\n`;
}

/** Anything thrown, as one of ours. A defect keeps its own words; its stack is shown under `HOOPCTL_DEBUG`. */
export function asHoopError(error: unknown): HoopError {
  if (error instanceof HoopError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new Internal(systemCode(error) ?? 'defect', message, {
    cause: error,
    next: 'HOOPCTL_DEBUG=1 shows where it happened',
  });
}
