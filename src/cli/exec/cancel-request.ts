import { connect } from 'node:net';
import type pg from 'pg';
import type { ReadyEvent } from '../endpoint.ts';

/** CancelRequest's own code (PostgreSQL docs 55.7): 1234 in the high half, 5678 in the low. */
const CANCEL = 80877102;

/** What node-postgres keeps of BackendKeyData; its types leave it out. */
interface CancelKey {
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** Asks the gateway, on a connection of its own, to cancel what `database` runs or waits for. */
export function cancelRequest(endpoint: ReadyEvent, database: pg.Client): void {
  const { processID, secretKey } = database as unknown as CancelKey;
  if (processID === null || secretKey === null) {
    // Not connected yet: nothing runs, and nothing shall.
    void database.end().catch(() => {});
    return;
  }
  const message = Buffer.alloc(16);
  message.writeInt32BE(16, 0);
  message.writeInt32BE(CANCEL, 4);
  message.writeInt32BE(processID, 8);
  message.writeInt32BE(secretKey, 12);
  const { host, port } = endpoint;
  const socket = host.startsWith('/') ? connect(`${host}/.s.PGSQL.${port}`) : connect(port, host);
  socket.on('error', () => {});
  socket.end(message);
}
