import { BACKEND, type BackendName, FRONTEND, type FrontendName } from './message-types.ts';

/**
 * Greatest values of a message's length field (it counts itself, not the type byte), by type byte.
 * 0 marks a type that does not exist in this direction.
 */
export interface FrameLimits {
  /** For a message in any form. */
  readonly most: Uint32Array;
  /** For a message that is put together in memory since it did not arrive in one piece. */
  readonly whole: Uint32Array;
}

const KIB = 1024;
const MIB = 1024 * KIB;

/** PostgreSQL's own bound on a message of any kind (`PQ_LARGE_MESSAGE_LIMIT`, MaxAllocSize - 1). */
export const LARGEST_MESSAGE = 0x3ffffffe;

/** PostgreSQL's bound on frontend messages that carry a name or two (`PQ_SMALL_MESSAGE_LIMIT`). */
const SMALL = 10_000;

const FRONTEND_MOST: Readonly<Record<FrontendName, number>> = {
  bind: 64 * MIB,
  close: SMALL,
  copyData: LARGEST_MESSAGE,
  copyDone: 4,
  copyFail: SMALL,
  describe: SMALL,
  execute: SMALL,
  flush: 4,
  functionCall: 16 * MIB,
  parse: 16 * MIB,
  password: 64 * KIB,
  query: 16 * MIB,
  sync: 4,
  terminate: 4,
};

/** A row description of 1 664 columns takes under 160 KiB; libpq takes no message above 30 000 bytes that is not on its list of long ones. */
const BACKEND_MOST: Readonly<Record<BackendName, number>> = {
  authentication: 64 * KIB,
  backendKeyData: 264,
  bindComplete: 4,
  closeComplete: 4,
  commandComplete: SMALL,
  copyBothResponse: 16 * KIB,
  copyData: LARGEST_MESSAGE,
  copyDone: 4,
  copyInResponse: 16 * KIB,
  copyOutResponse: 16 * KIB,
  dataRow: LARGEST_MESSAGE,
  emptyQueryResponse: 4,
  errorResponse: MIB,
  functionCallResponse: LARGEST_MESSAGE,
  negotiateProtocolVersion: 64 * KIB,
  noData: 4,
  noticeResponse: MIB,
  notificationResponse: 64 * KIB,
  parameterDescription: 512 * KIB,
  parameterStatus: 64 * KIB,
  parseComplete: 4,
  portalSuspended: 4,
  readyForQuery: 5,
  rowDescription: MIB,
};

/** Longest message of a streamable kind that is put together in memory when the session wants it whole. */
const WHOLE = 16 * MIB;

export interface LimitChanges<Name extends string> {
  readonly most?: Partial<Record<Name, number>>;
  readonly whole?: Partial<Record<Name, number>>;
}

/** Limits for what a client sends; `changes` name other numbers by message. */
export function frontendLimits(changes: LimitChanges<FrontendName> = {}): FrameLimits {
  return table(FRONTEND, FRONTEND_MOST, { copyData: WHOLE }, changes);
}

/** Limits for what a target sends. */
export function backendLimits(changes: LimitChanges<BackendName> = {}): FrameLimits {
  const whole = { copyData: WHOLE, dataRow: WHOLE, functionCallResponse: WHOLE };
  return table(BACKEND, BACKEND_MOST, whole, changes);
}

function table<Name extends string>(
  types: Readonly<Record<Name, number>>,
  most: Readonly<Record<Name, number>>,
  whole: Partial<Record<Name, number>>,
  changes: LimitChanges<Name>,
): FrameLimits {
  const limits = { most: new Uint32Array(256), whole: new Uint32Array(256) };
  for (const name of Object.keys(types) as Name[]) {
    const type = types[name];
    const greatest = Math.min(changes.most?.[name] ?? most[name], LARGEST_MESSAGE);
    limits.most[type] = greatest;
    limits.whole[type] = Math.min(changes.whole?.[name] ?? whole[name] ?? greatest, greatest);
  }
  return limits;
}
