import { exportAudit, tailAudit } from '../../audit/browse.ts';
import { verifyAudit } from '../../audit/verify.ts';
import { UsageError } from '../../base/errors.ts';
import type { Parts } from '../parts.ts';
import type { Handlers } from './handler.ts';

type Routes = Pick<Handlers, 'auditTail' | 'auditExport' | 'auditVerify'>;

/** Reading and proving the audit log. */
export function auditRoutes(parts: Parts): Routes {
  const { audit } = parts;
  return {
    async auditTail({ query, signal }) {
      const follow = query.follow === 'true' ? signal : undefined;
      return parsed(tailAudit(audit, { last: query.lines, follow }));
    },

    async auditExport({ query }) {
      requireTime('since', query.since);
      requireTime('until', query.until);
      return parsed(exportAudit(audit, query));
    },

    async auditVerify() {
      // What is proved is then also signed; a log that was changed meanwhile no longer fits what is signed here.
      audit.settle();
      await audit.checkpoint();
      return verifyAudit(await parts.auditCheck());
    },
  };
}

/** A damaged line is evidence and is passed on as text. */
async function* parsed(lines: AsyncIterable<string>): AsyncGenerator<unknown> {
  for await (const line of lines) {
    try {
      yield JSON.parse(line);
    } catch {
      yield { damaged: line };
    }
  }
}

function requireTime(name: string, text: string | undefined): void {
  if (text === undefined || !Number.isNaN(Date.parse(text))) return;
  throw new UsageError('bad_time', `${name}: "${text}" is not a time`, {
    next: 'write it as 2026-11-20T10:00:00Z',
  });
}
