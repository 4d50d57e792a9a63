import { ProtocolViolation } from '../../../base/errors.ts';
import { type KeyedAction, type Masked, replacesNull, type UnkeyedAction } from './column-action.ts';
import type { RowPlan } from './row-plan.ts';

/**
 * What the columns of the present row become, by position. Kept between calls so that a row that does not
 * change allocates nothing; a call never yields, so there is only one present row.
 */
const replaced: Masked[] = [];

function violation(why: string): ProtocolViolation {
  return new ProtocolViolation('bad_data_row', 'the target sent a malformed DataRow', { why });
}

/**
 * Masks one whole DataRow (type byte and length included) that stands in `bytes` from `start` to `end`.
 * Undefined when nothing changes: forward the slice. A changed row is a new buffer that belongs to the caller.
 * Every length is checked even where nothing is masked. Throws ProtocolViolation `bad_data_row`.
 */
export function maskDataRow(bytes: Buffer, start: number, end: number, plan: RowPlan): Buffer | undefined {
  const actions = plan.actions;
  const count = actions.length;
  checkHead(bytes, start, end, count);
  let at = start + 7;
  let growth = 0;
  let changed = false;
  for (let i = 0; i < count; i++) {
    const value = at + 4;
    const next = columnEnd(bytes, at, end);
    const action = actions[i];
    let masked: Masked;
    if (action && action.kind !== 'pass' && (int32At(bytes, at) !== -1 || replacesNull(action))) {
      const applied = action.kind === 'keyed' ? byKey(action, bytes, start, end) : action;
      if (applied.kind === 'constant') masked = applied.value;
      else if (applied.kind !== 'pass') masked = applied.apply(bytes, value, next);
    }
    replaced[i] = masked;
    if (masked !== undefined) {
      changed = true;
      growth += (masked === null ? 0 : masked.length) - (next - value);
    }
    at = next;
  }
  if (at !== end) throw violation('bytes follow its last column');
  return changed ? assemble(bytes, start, end - start + growth, count) : undefined;
}

/** What the row's own key asks for; the key may stand behind the value. */
function byKey(
  { key, of, otherwise }: KeyedAction,
  bytes: Buffer,
  start: number,
  end: number,
): UnkeyedAction {
  let at = start + 7;
  for (let i = 0; i < key; i++) at = columnEnd(bytes, at, end);
  const next = columnEnd(bytes, at, end);
  return int32At(bytes, at) === -1 ? otherwise : of(bytes.toString('utf8', at + 4, next));
}

/**
 * Checks a whole DataRow that passes unmasked: column count and every length.
 * Throws ProtocolViolation `bad_data_row`.
 */
export function checkDataRow(bytes: Buffer, start: number, end: number, columns: number): void {
  checkHead(bytes, start, end, columns);
  let at = start + 7;
  for (let i = 0; i < columns; i++) at = columnEnd(bytes, at, end);
  if (at !== end) throw violation('bytes follow its last column');
}

function checkHead(bytes: Buffer, start: number, end: number, columns: number): void {
  if (end - start < 7 || bytes[start] !== 0x44) throw violation('it is too short');
  if (int32At(bytes, start + 1) !== end - start - 1) throw violation('its length is wrong');
  if (((bytes[start + 5] ?? 0) << 8) + (bytes[start + 6] ?? 0) !== columns) {
    throw violation('it has more or fewer columns than were described');
  }
}

/** Where the column that begins with its length at `at` ends. */
function columnEnd(bytes: Buffer, at: number, end: number): number {
  if (end - at < 4) throw violation('it ends inside a column');
  const length = int32At(bytes, at);
  if (length < -1) throw violation('a column has a negative length');
  if (length > end - at - 4) throw violation('a column is longer than the row');
  return at + 4 + Math.max(length, 0);
}

/** A copy of the checked row with `replaced` in it. */
function assemble(bytes: Buffer, start: number, size: number, count: number): Buffer {
  const row = Buffer.allocUnsafe(size);
  let from = start; // what is before this was written
  let at = start + 7;
  let to = 0;
  for (let i = 0; i < count; i++) {
    const length = int32At(bytes, at);
    const next = at + 4 + Math.max(length, 0);
    const masked = replaced[i];
    if (masked !== undefined) {
      to += bytes.copy(row, to, from, at);
      to = row.writeInt32BE(masked === null ? -1 : masked.length, to);
      if (masked !== null) to += masked.copy(row, to);
      from = next;
      replaced[i] = undefined;
    }
    at = next;
  }
  bytes.copy(row, to, from, at);
  row.writeInt32BE(size - 1, 1);
  return row;
}

function int32At(bytes: Buffer, at: number): number {
  return (
    ((bytes[at] ?? 0) << 24) |
    ((bytes[at + 1] ?? 0) << 16) |
    ((bytes[at + 2] ?? 0) << 8) |
    (bytes[at + 3] ?? 0)
  );
}
