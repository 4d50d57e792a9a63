import type { Word } from './word.ts';

/** A parsed command line with its control flow taken out: everything in it that could run. */
export interface Script {
  readonly commands: readonly SimpleCommand[];
  /** Names that the line defines as functions. */
  readonly functions: ReadonlySet<string>;
  /** Constructs whose meaning cannot be told from the text, in words. */
  readonly problems: readonly string[];
}

export interface SimpleCommand {
  readonly assignments: readonly Assignment[];
  /** Name and arguments; empty for a line of assignments or redirections only. */
  readonly words: readonly Word[];
  readonly redirects: readonly Redirect[];
  /** Its name is that of a function which the line has made for certain when it comes here. */
  readonly defined: boolean;
}

export interface Assignment {
  readonly name: string;
  /** Undefined for an array, and for a bare name after `export`. */
  readonly value: Word | undefined;
  /** It stands in the environment of programs: before a command, or by `export`. */
  readonly exported: boolean;
}

/** `input`: it is the standard input that it is about. */
export type Redirect =
  | { readonly kind: 'read' | 'write'; readonly input: boolean; readonly target: Word }
  /** A here-document or here-string; `body` is undefined when it is computed. */
  | { readonly kind: 'here'; readonly input: boolean; readonly body: string | undefined }
  /** `2>&1`, `<&-`. */
  | { readonly kind: 'duplicate'; readonly input: boolean };
