import { NotReachable, ProtocolViolation } from '../../base/errors.ts';
import {
  decodeBackendKeyData,
  decodeParameterStatus,
  decodeReadyForQuery,
  decodeResponseFields,
} from './codec/backend-messages.ts';
import { BACKEND } from './codec/message-types.ts';
import type { PostgresSettings } from './connection.ts';
import type { HandshakeStream } from './handshake-stream.ts';
import { startupError } from './target-side-errors.ts';

export interface SessionStart {
  readonly serverParameters: Map<string, string>;
  readonly processId: number;
  readonly secretKey: Buffer;
  readonly serverVersion: string;
}

const LIMITS: ReadonlyMap<number, number> = new Map([
  [BACKEND.parameterStatus, 16 * 1024],
  [BACKEND.backendKeyData, 264],
  [BACKEND.readyForQuery, 5],
  [BACKEND.errorResponse, 30_000],
  [BACKEND.noticeResponse, 30_000],
]);
/** PostgreSQL reports about fifteen parameters; poolers and forks a few more. */
const MOST_MESSAGES = 200;

/**
 * From AuthenticationOk to the first ReadyForQuery (docs 54.2.1). Throws what `startupError` makes of an error,
 * ProtocolViolation, and NotReachable `target_session_unusable` when the session is not in UTF8 with standard
 * strings: then the target would read statements in another way than hoopctl does.
 */
export async function readSessionStart(
  stream: HandshakeStream,
  protocolMinor: 0 | 2,
  settings: PostgresSettings,
): Promise<SessionStart> {
  const serverParameters = new Map<string, string>();
  let key: { readonly processId: number; readonly secret: Buffer } | undefined;
  for (let count = 0; count < MOST_MESSAGES; count++) {
    const { type, bytes } = await stream.readMessage((one) => LIMITS.get(one) ?? 0);
    switch (type) {
      case BACKEND.parameterStatus: {
        const { name, value } = decodeParameterStatus(bytes, 0, bytes.length);
        serverParameters.set(name, value);
        break;
      }
      case BACKEND.backendKeyData:
        if (key !== undefined) throw new ProtocolViolation('repeated_key', 'the target gave two cancel keys');
        key = decodeBackendKeyData(bytes, 0, bytes.length, protocolMinor);
        break;
      case BACKEND.errorResponse:
        throw startupError(decodeResponseFields(bytes, 0, bytes.length), settings.user, settings.database);
      case BACKEND.noticeResponse:
        decodeResponseFields(bytes, 0, bytes.length);
        break;
      default:
        if (decodeReadyForQuery(bytes, 0, bytes.length) !== 'idle') {
          throw new ProtocolViolation('bad_transaction_status', 'the target begins inside a transaction');
        }
        requireReadable(serverParameters);
        return {
          serverParameters,
          // A server without cancel keys sends none (docs 54.2.1); a request with this one has no effect.
          processId: key?.processId ?? 0,
          secretKey: Buffer.from(key?.secret ?? Buffer.alloc(4)),
          serverVersion: serverParameters.get('server_version')?.split(' ')[0] ?? 'unknown',
        };
    }
  }
  throw new ProtocolViolation('handshake_flood', 'the target does not come to an end with its greeting');
}

function requireReadable(parameters: ReadonlyMap<string, string>): void {
  for (const [name, wanted] of [
    ['client_encoding', 'UTF8'],
    ['standard_conforming_strings', 'on'],
  ] as const) {
    const value = parameters.get(name);
    if (value === wanted) continue;
    throw new NotReachable('target_session_unusable', `the target runs the session with ${name}=${value}`, {
      why: `${name} is ${value ?? 'not reported'}; hoopctl reads statements as with ${wanted}`,
      next: `set it for the role: ALTER ROLE … SET ${name} = '${wanted}'`,
    });
  }
}
