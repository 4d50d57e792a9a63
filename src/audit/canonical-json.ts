/** Deeper than any fact; keeps a cyclic value from overflowing the stack. */
const MAX_DEPTH = 64;

/**
 * A value as canonical JSON (RFC 8785): no white space, members sorted by the UTF-16 code units of their names
 * (3.2.3), numbers and strings as ECMAScript writes them (3.2.2). Members that are undefined are left out.
 * Throws TypeError for what I-JSON (RFC 7493) cannot hold: NaN, infinities, lone surrogates, and for anything
 * that is no plain JSON (bigint, functions, class instances), so that two readings never differ.
 */
export function canonicalJson(value: unknown): string {
  return write(value, 0);
}

function write(value: unknown, depth: number): string {
  switch (typeof value) {
    case 'string':
      return writeString(value);
    case 'number':
      if (!Number.isFinite(value)) throw new TypeError(`${value} is not a JSON number`);
      return String(value === 0 ? 0 : value);
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth === MAX_DEPTH) throw new TypeError('nested too deeply for canonical JSON');
      return Array.isArray(value) ? writeArray(value, depth) : writeObject(value, depth);
    default:
      throw new TypeError(`a ${typeof value} is not JSON`);
  }
}

function writeString(text: string): string {
  if (!text.isWellFormed()) throw new TypeError('a lone surrogate is not JSON text');
  return JSON.stringify(text);
}

function writeArray(items: readonly unknown[], depth: number): string {
  let text = '[';
  for (let i = 0; i < items.length; i++) text += (i === 0 ? '' : ',') + write(items[i], depth + 1);
  return `${text}]`;
}

function writeObject(value: object, depth: number): string {
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) {
    throw new TypeError('only plain objects have a canonical form');
  }
  let text = '{';
  for (const [name, member] of sortedMembers(value)) {
    if (member === undefined) continue;
    text += `${text.length === 1 ? '' : ','}${writeString(name)}:${write(member, depth + 1)}`;
  }
  return `${text}}`;
}

/** `<` on strings compares UTF-16 code units, as RFC 8785 3.2.3 asks. */
function sortedMembers(value: object): [string, unknown][] {
  return Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
}
