/** Messages and what becomes of them on the way: the raw material of the fuzzers. */

/** Small and fast, and the same for the same seed (xorshift32). */
export class Random {
  #state: number;
  constructor(seed: number) {
    this.#state = seed | 1;
  }
  below(limit: number): number {
    this.#state ^= this.#state << 13;
    this.#state ^= this.#state >>> 17;
    this.#state ^= this.#state << 5;
    return (this.#state >>> 0) % limit;
  }
  of<T>(items: readonly T[]): T {
    return items[this.below(items.length)] as T;
  }
}

export const message = (type: string, ...parts: readonly Buffer[]): Buffer => {
  const body = Buffer.concat(parts);
  const head = Buffer.alloc(5);
  head.write(type, 'latin1');
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
};
export const text = (value: string) => Buffer.from(`${value}\0`);
export const int16 = (value: number) => {
  const bytes = Buffer.alloc(2);
  bytes.writeInt16BE(value);
  return bytes;
};
export const int32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value);
  return bytes;
};
const value = (bytes: string | null) =>
  bytes === null ? int32(-1) : Buffer.concat([int32(Buffer.byteLength(bytes)), Buffer.from(bytes)]);
export const row = (...values: readonly (string | null)[]) =>
  message('D', int16(values.length), ...values.map(value));

const TEXTS = [
  'SELECT id, email, name FROM people',
  'SELECT 1',
  'DELETE FROM people',
  'SELECT 1; DROP TABLE people',
  'BEGIN',
  'COMMIT',
  'PREPARE p AS DELETE FROM people',
  'EXECUTE p',
  'COPY people TO STDOUT',
  'COPY people FROM STDIN',
  'WITH d AS (DELETE FROM people RETURNING *) SELECT * FROM d',
  "SELECT lower('x')",
  'UPDATE people SET email = upper(email)',
  '',
];
const NAMES = ['', 'a', 'b', 'hoopctl_x'];

export function clientMessage(random: Random): Buffer {
  const name = random.of(NAMES);
  switch (random.below(12)) {
    case 0:
    case 1:
    case 2:
      return message('Q', text(random.of(TEXTS)));
    case 3:
    case 4:
      return message('P', text(name), text(random.of(TEXTS)), int16(0));
    case 5:
    case 6:
      return message('B', text(random.of(NAMES)), text(name), int16(0), int16(0), int16(0));
    case 7:
      return message('E', text(name), int32(random.below(3)));
    case 8:
      return message('D', Buffer.from(random.of(['S', 'P'])), text(name));
    case 9:
      return message('C', Buffer.from(random.of(['S', 'P'])), text(name));
    case 10:
      return message(random.of(['H', 'd', 'c', 'f', 'F', 'p', 'X', 'z']), text('x'));
    default:
      return message('S');
  }
}

/** Three of four stay as they are, so that sessions live long enough to get into trouble. */
export function mutate(bytes: Buffer, random: Random): Buffer {
  const changed = Buffer.from(bytes);
  switch (random.below(16)) {
    case 0:
      changed[random.below(changed.length)] = random.below(256);
      return changed;
    case 1:
      if (changed.length > 5) changed[5 + random.below(changed.length - 5)] = random.below(256);
      return changed;
    case 2:
      return changed.subarray(0, random.below(changed.length));
    case 3:
      return Buffer.concat([changed, changed.subarray(random.below(changed.length))]);
    case 4:
      changed.writeInt32BE(random.of([0, 3, 4, 5, -1, 2 ** 31 - 1, changed.length, changed.length + 7]), 1);
      return changed;
    default:
      return changed;
  }
}

/** What a server may say. */
export function serverMessage(random: Random): Buffer {
  switch (random.below(8)) {
    case 0:
    case 1:
    case 2:
      return row('1', random.of(['secret@x.test', null, '']), 'n');
    case 3:
      return message('C', text(random.of(['SELECT 1', 'UPDATE 3', 'COPY 9'])));
    case 4:
      return message(random.of(['E', 'N']), Buffer.from('SERROR\0VERROR\0C42501\0Mno\0\0'));
    case 5:
      return message('S', text('client_encoding'), text(random.of(['UTF8', 'LATIN1'])));
    case 6:
      return message('A', int32(7), text('channel'), text('payload'));
    default:
      return message('Z', Buffer.from(random.of(['I', 'T', 'E'])));
  }
}
