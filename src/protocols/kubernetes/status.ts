import type { Decision } from '../../policy/decision.ts';

/** How the API server says that something failed (meta/v1 Status); clients print `message`. */
export interface Status {
  readonly code: number;
  readonly reason: string;
  readonly message: string;
}

/** A Status of the API (meta/v1) as JSON. */
export function statusBody({ code, message, reason }: Status): Buffer {
  return Buffer.from(
    `${JSON.stringify({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Failure', message, reason, code })}\n`,
  );
}

export const BAD_REQUEST = (message: string): Status => ({
  code: 400,
  reason: 'BadRequest',
  message: said(message),
});
export const UNAUTHORIZED: Status = { code: 401, reason: 'Unauthorized', message: said('Unauthorized') };
export const TOO_LARGE: Status = {
  code: 413,
  reason: 'RequestEntityTooLarge',
  message: said('the request is longer than the API server takes'),
};
export const forbidden = (message: string): Status => ({
  code: 403,
  reason: 'Forbidden',
  message: said(message),
});
export const unavailable = (message: string): Status => ({
  code: 503,
  reason: 'ServiceUnavailable',
  message: said(message),
});
export const internalError = (message: string): Status => ({
  code: 500,
  reason: 'InternalError',
  message: said(message),
});

/** Why a rule stopped it, in the words a PostgreSQL client would read; `line` is the request's own. */
export function blockedStatus(
  decision: Extract<Decision, { outcome: 'block' }>,
  connection: string,
  line: string,
): Status {
  const by = decision.rule === undefined ? 'by the policy' : `by rule "${decision.rule}"`;
  const why = decision.message === undefined ? '' : `; ${decision.message}`;
  const shown = line.length > LONGEST_SHOWN || line.includes("'") ? 'METHOD PATH' : line;
  const next = `; see which rules matched: hoopctl policy explain --connection ${connection} '${shown}'`;
  return forbidden(`blocked ${by}: ${decision.command}${why}${next}`);
}

/** A longer request line is not repeated in a denial. */
const LONGEST_SHOWN = 200;

function said(message: string): string {
  return `hoopctl: ${message}`;
}
