import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { ParseResult } from 'libpg-query';
import instantiate, { type PgQueryModule } from 'libpg-query/wasm/libpg-query.js';

/**
 * PostgreSQL's grammar in WebAssembly, held by ourselves rather than through libpg-query's own wrapper: a text nested so
 * deeply that it overflows the stack unwinds C code that was not made for it, and after some of those every parse fails
 * (or worse, reads freed memory). So an instance that ever left by a trap is thrown away, and a spare takes its place.
 */
let grammar: PgQueryModule | undefined;
let spare: PgQueryModule | undefined;
let compiled: WebAssembly.Module | undefined;

/** Compiles and starts the grammar, once; about 25 ms. */
export async function loadGrammar(): Promise<void> {
  if (compiled === undefined) {
    const file = createRequire(import.meta.url).resolve('libpg-query/wasm/libpg-query.wasm');
    compiled = await WebAssembly.compile(await readFile(file));
  }
  grammar ??= await start(compiled);
  spare ??= await start(compiled);
}

/** Instantiation itself is synchronous, so this settles before the next event is taken from any socket. */
function start(module: WebAssembly.Module): Promise<PgQueryModule> {
  return instantiate({
    instantiateWasm: (imports, done) => done(new WebAssembly.Instance(module, imports)),
  });
}

export type GrammarResult<T> =
  | { readonly ok: true; readonly tree: T }
  | { readonly ok: false; readonly message: string };

/** The tree of a text without NUL, or the server's own message about it. */
export function grammarParse(text: string): GrammarResult<ParseResult> {
  return call(text, (wasm, pointer) => {
    const result = wasm._wasm_parse_query_raw(pointer);
    if (result === 0) return { ok: false, message: 'out of memory' };
    try {
      // PgQueryParseResult: parse tree, stderr, error; PgQueryError begins with its message.
      const error = wasm.getValue(result + 8, 'i32');
      if (error !== 0) return { ok: false, message: wasm.UTF8ToString(wasm.getValue(error, 'i32')) };
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
  if (grammar !== broken || compiled === undefined) return;
  grammar = spare;
  spare = undefined;
  start(compiled).then(
    (fresh) => {
      if (grammar === undefined) grammar = fresh;
      else spare = fresh;
    },
    () => undefined, // Without a parser every statement is unknown.
  );
}
