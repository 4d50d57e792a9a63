import type { Socket } from 'node:net';
import type { Clock } from '../../base/clock.ts';
import { NotPermitted } from '../../base/errors.ts';
import { errorResponse } from './codec/backend-builders.ts';

/** What a client is told when it may not come in; `sqlstate` as PostgreSQL would give it. */
export interface RefusalText {
  readonly sqlstate: string;
  readonly message: string;
  readonly detail?: string | undefined;
  readonly hint?: string | undefined;
}

/** A client that is turned away with words. */
export class ClientRefused extends NotPermitted {
  readonly text: RefusalText;

  constructor(code: string, text: RefusalText) {
    super(code, text.message, { why: `SQLSTATE ${text.sqlstate}` });
    this.text = text;
  }
}

/** How long a client may take to read its error before the socket is destroyed. */
const LINGER_MS = 2000;

/** Sends `bytes` (none: just the end), lets the client read them, and leaves no descriptor behind. */
export function closeGently(socket: Socket, clock: Clock, bytes?: Uint8Array): void {
  if (socket.destroyed) return;
  const cancel = clock.after(LINGER_MS, () => socket.destroy());
  socket.once('close', cancel);
  socket.on('error', () => socket.destroy());
  // What still comes in is read and dropped: unread bytes at close would reset the connection under the error.
  socket.resume();
  if (bytes === undefined) socket.end();
  else socket.end(bytes);
}

/** A refusal at login, which ends the connection. */
export function fatal(text: RefusalText): Buffer {
  return errorResponse({ severity: 'FATAL', ...text, routine: 'hoopctl_refused' });
}
