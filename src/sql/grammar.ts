import { createRequire } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import type { ParseResult } from 'libpg-query';

const require = createRequire(import.meta.url);

/** The emscripten module that libpg-query wraps; it ships without types. */
interface PgQueryModule {
  _malloc(size: number): number;
  _free(pointer: number): void;
  _wasm_parse_query_raw(text: number): number;
  _wasm_free_parse_result(result: number): void;
  _wasm_parse_plpgsql(text: number): number;
  _wasm_free_string(text: number): void;
  lengthBytesUTF8(text: string): number;
  stringToUTF8(text: string, pointer: number, size: number): void;
  UTF8ToString(pointer: number): string;
  getValue(pointer: number, type: 'i32'): number;
}

/**
 * PostgreSQL's grammar in WebAssembly, held by ourselves rather than through libpg-query's own wrapper: a text nested so
 * deeply that it overflows the stack unwinds C code that was not made for it, and after some of those every parse fails
 * (or worse, reads freed memory). So an instance that ever left by a trap is thrown away, and a spare takes its place.
 * While none is left, nothing parses, and so every statement is unknown.
 */
let grammar: PgQueryModule | undefined;
const spares: PgQueryModule[] = [];

/** A new instance takes 25 ms, mostly beside the event loop; an overflowing text takes 5 to 30 ms within it. */
const SPARES = 2;

/**
 * V8's baseline compiler is enough: optimising the grammar (its parser is one huge function) takes about 500 MiB of
 * memory for a while and seconds of a core, and parses no faster after it. The last two follow from the first only
 * when it is given at the start of the process.
 */
for (const flag of ['--liftoff-only', '--no-wasm-tier-up', '--no-wasm-dynamic-tiering'])
  setFlagsFromString(flag);

const instantiate = require('libpg-query/wasm/libpg-query.js') as () => Promise<PgQueryModule>;

/** Starts the grammar and its spares, or what is missing of them. Rejects when WebAssembly cannot be started. */
export async function loadGrammar(): Promise<void> {
  while (grammar === undefined || spares.length < SPARES) {
    const fresh = await instantiate();
    if (grammar === undefined) grammar = fresh;
    else spares.push(fresh);
  }
}

export type GrammarResult<T> =
  | { readonly ok: true; readonly tree: T }
  /** `position` counts characters from 1; there is one only where the grammar itself refused the text. */
  | { readonly ok: false; readonly message: string; readonly position?: number };

/** The tree of a text without NUL, or the server's own message about it. */
export function grammarParse(text: string): GrammarResult<ParseResult> {
  return call(text, (wasm, pointer) => {
    const result = wasm._wasm_parse_query_raw(pointer);
    if (result === 0) return { ok: false, message: 'out of memory' };
    try {
      // PgQueryParseResult: parse tree, stderr, error; PgQueryError: message, function, file, line, cursor position.
      const error = wasm.getValue(result + 8, 'i32');
      if (error !== 0) {
        const message = wasm.UTF8ToString(wasm.getValue(error, 'i32'));
        return { ok: false, message, position: wasm.getValue(error + 16, 'i32') };
      }
      return { ok: true, tree: JSON.parse(wasm.UTF8ToString(wasm.getValue(result, 'i32'))) as ParseResult };
    } finally {
      wasm._wasm_free_parse_result(result);
    }
  });
}

/** The statements of `CREATE FUNCTION … LANGUAGE plpgsql` or `DO`. */
export function grammarParsePlpgsql(text: string): GrammarResult<unknown> {
  return call(text, (wasm, pointer) => {
    const result = wasm._wasm_parse_plpgsql(pointer);
    if (result === 0) return { ok: false, message: 'out of memory' };
    try {
      const json = wasm.UTF8ToString(result);
      // Anything but an object is an error's message.
      return json.startsWith('{') ? { ok: true, tree: JSON.parse(json) } : { ok: false, message: json };
    } finally {
      wasm._wasm_free_string(result);
    }
  });
}

function call<T>(
  text: string,
  run: (wasm: PgQueryModule, pointer: number) => GrammarResult<T>,
): GrammarResult<T> {
  const wasm = grammar;
  if (wasm === undefined) return { ok: false, message: 'the SQL parser is not loaded' };
  try {
    const size = wasm.lengthBytesUTF8(text) + 1;
    const pointer = wasm._malloc(size);
    if (pointer === 0) throw new RangeError('out of memory');
    wasm.stringToUTF8(text, pointer, size);
    const result = run(wasm, pointer);
    wasm._free(pointer);
    return result;
  } catch {
    replace(wasm);
    return { ok: false, message: 'it is nested too deeply' };
  }
}

function replace(broken: PgQueryModule): void {
  if (grammar !== broken) return;
  grammar = spares.shift();
  loadGrammar().catch(() => undefined);
}
