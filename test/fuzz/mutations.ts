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
  'SELECT id, email, name FROM people',
  'SELECT 1',
  'DELETE FROM people WHERE id = 1',
  'SELECT 1; DROP TABLE people',
  'BEGIN',
  'COMMIT',
  'ROLLBACK',
  'PREPARE p AS DELETE FROM people',
  'EXECUTE p',
  'DEALLOCATE ALL',
  'DECLARE c CURSOR FOR SELECT id, email FROM people',
  'FETCH 1 FROM c',
  'COPY people TO STDOUT',
  'COPY people FROM STDIN',
  'WITH d AS (DELETE FROM people RETURNING *) SELECT * FROM d',
  "SELECT lower('x')",
  'UPDATE people SET email = upper(email) WHERE id = 2',
  'SET statement_timeout = 0',
  'SET search_path = public',
  '',
];
const NAMES = ['', 'a', 'b', 'hoopctl_x'];

const OTHERS = [message('H'), message('d', text('x')), message('c'), message('f', text('x'))];

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
      return random.of(OTHERS);
    default:
      return message('S');
  }
}

/** Words of statements, so that a changed text often parses as another. */
const SPLICES = [
  ';',
  '; DROP TABLE people',
  '--',
  '/*',
  '*/',
  "'",
  '"',
  '$$',
  '$1',
  ' WHERE true',
  'DELETE',
  'people',
  ' ',
  '\0',
  '\xc3',
];

/**
 * The message with one thing changed. Most changes leave the framing and the ends of strings whole, so that sessions
 * live long enough to get into trouble; one of sixteen may break anything.
 */
export function mutate(bytes: Buffer, random: Random): Buffer {
  const body = bytes.subarray(5);
  const type = String.fromCharCode(bytes[0] ?? 0);
  if (random.below(16) === 0) {
    return random.below(2) === 0 ? broken(bytes, random) : misshapen(type, body, random);
  }
  // What has no body, or one of a letter, can only be broken.
  if (body.length < 2)
    return body.length === 1 && random.below(2) === 0 ? message(type, letter(random)) : bytes;
  const at =
    (type === 'D' || type === 'C') && random.below(16) > 0
      ? 1 + random.below(body.length)
      : random.below(body.length + 1);
  // Behind a byte that is no NUL there is a string, or a number whose change is as good.
  const inText = at < body.length && body[at] !== 0 && random.below(8) > 0;
  if (!inText && random.below(8) > 0) {
    const first = body.findIndex((byte) => byte !== 0);
    return first < 0 ? message(type, body) : changed(type, body, first, random);
  }
  return changed(type, body, Math.min(at, Math.max(0, body.length - 1)), random);
}

const letter = (random: Random) => Buffer.from(random.of(['I', 'T', 'E', 'I', 'T', 'E', '?', 'x']));

/** One byte is another, doubled or gone, or a word is put before it. */
function changed(type: string, body: Buffer, at: number, random: Random): Buffer {
  const [before, behind] = [body.subarray(0, at), body.subarray(at)];
  switch (random.below(5)) {
    case 0:
      return message(type, before, Buffer.from(random.of(SPLICES)), behind);
    case 1:
      return message(type, before, behind.subarray(behind.length > 1 ? 1 : 0));
    case 2:
      return message(type, before, Buffer.of(body[at] ?? 32), behind);
    default:
      return message(
        type,
        before,
        Buffer.of(random.below(16) === 0 ? random.below(256) : 32 + random.below(95)),
        behind.subarray(1),
      );
  }
}

function misshapen(type: string, body: Buffer, random: Random): Buffer {
  const at = random.below(body.length + 1);
  switch (random.below(3)) {
    case 0:
      return message(type, body, body.subarray(at));
    case 1:
      return message(type, body.subarray(0, at));
    default:
      return message(random.of(TYPES), body);
  }
}

const TYPES = [...'QPBEDCSHdcfFXpTtnAKNZGVI12s'];

/** A length that is not the message's, a type that is none, an end that is missing. */
function broken(bytes: Buffer, random: Random): Buffer {
  const other = Buffer.from(bytes);
  switch (random.below(4)) {
    case 0:
      other[random.below(5)] = random.below(256);
      return other;
    case 1:
      return other.subarray(0, random.below(other.length));
    case 2:
      return Buffer.concat([other, other.subarray(random.below(other.length))]);
    default:
      other.writeInt32BE(random.of([0, 3, 4, 5, -1, 2 ** 31 - 1, other.length, other.length + 7]), 1);
      return other;
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
