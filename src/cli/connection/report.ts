import type { AnswerOf } from '../../api/client.ts';
import type { ConnectionReport } from '../../api/schemas.ts';
import { UsageError } from '../../base/errors.ts';
import { counted } from '../../base/quantities.ts';
import type { Io } from '../io.ts';
import { say, warn } from '../output.ts';
import { visible } from '../visible-text.ts';

/** `prod-db: PostgreSQL 16.4 reached over TLS in 12 ms.` */
export function reachedText(name: string, report: ConnectionReport): string {
  const server = /^\d/.test(report.server) ? `PostgreSQL ${report.server}` : report.server;
  const tls = report.tls === null ? 'without TLS' : report.tls === 'SSH' ? 'over SSH' : 'over TLS';
  return `${name}: ${server} reached ${tls} in ${Math.round(report.latencyMs)} ms.`;
}

/** What the credential may do, and what is worth a second look. */
export function printReport(io: Io, report: ConnectionReport): void {
  const may = report.superuser ? 'is a superuser' : report.canWrite ? 'may write' : 'may only read';
  const tls = report.tls === null || report.tls === 'SSH' ? '' : ` · ${report.tls}`;
  say(io, visible(`  ${report.role} at ${report.address} ${may}${tls}`));
  for (const warning of report.warnings) warn(io, visible(warning));
}

const STORES: Readonly<Record<string, string>> = {
  keychain: 'Credential stored in the system keychain.',
  encrypted: 'Credential stored in the encrypted file.',
};

/** What `add` and `edit` say when they have saved. */
export function printSaved(io: Io, saved: AnswerOf<'connectionAdd'>, verb: 'saved' | 'changed'): void {
  const { connection, report, stored } = saved;
  const tick = io.out.paint.green('✔');
  const reached =
    report === null ? `${connection.name}: ${verb}, not tested.` : reachedText(connection.name, report);
  const kept = stored === null ? '' : ` ${STORES[stored.backend] ?? `Credential: ${stored.backend}.`}`;
  say(io, `${tick} ${visible(`${reached}${kept}${cutText(saved.cutSessions)}`)}`);
  if (report !== null) printReport(io, report);
  const known = hostWords(connection.url);
  if (known !== undefined) say(io, visible(`  host known by ${known}`));
  if (stored?.warning) warn(io, visible(stored.warning));
  say(
    io,
    `  Next: hoopctl connect ${visible(connection.name)} ${io.out.paint.dim(`(audit ${saved.auditId})`)}`,
  );
}

/** What shows an SSH host to be itself, as its URL says; undefined for what is no SSH. */
function hostWords(url: string): string | undefined {
  if (!url.startsWith('ssh://')) return undefined;
  const { searchParams } = new URL(url);
  const keys = searchParams.getAll('hostkey').map((key) => key.replaceAll(' ', '+'));
  const authorities = searchParams.getAll('hostca').length;
  const words = [
    ...(keys.length === 0 ? [] : [keys.join(', ')]),
    ...(authorities === 0
      ? []
      : [`certificates of ${authorities === 1 ? 'an authority' : `${authorities} authorities`}`]),
  ];
  return words.join(' or ');
}

/** `env=prod` pairs. Throws UsageError `bad_label`. */
export function labelsOf(pairs: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    pairs.map((pair) => {
      const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(pair) ?? [];
      if (key === '')
        throw new UsageError('bad_label', `"${pair}" is not a label`, { next: '--label env=prod' });
      return [key, value];
    }),
  );
}

/** ` (2 live sessions cut)`, or nothing. */
export function cutText(sessions: number): string {
  return sessions === 0 ? '' : ` (${counted(sessions, 'live session')} cut)`;
}
