/** The emscripten module that libpg-query wraps; it ships without types. */
declare module 'libpg-query/wasm/libpg-query.js' {
  export interface PgQueryModule {
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

  export interface ModuleOptions {
    instantiateWasm(imports: object, done: (instance: WebAssembly.Instance) => void): unknown;
  }

  const instantiate: (options: ModuleOptions) => Promise<PgQueryModule>;

  // biome-ignore lint/style/noDefaultExport: the one export of a CommonJS module.
  export { instantiate as default };
}

/** The part of the standard's JavaScript API used here; TypeScript has it only for browsers. */
declare namespace WebAssembly {
  class Module {
    private readonly compiled: true;
  }
  class Instance {
    constructor(module: Module, imports?: object);
  }
  function compile(bytes: Uint8Array): Promise<Module>;
}
