import type { PolicyDocument } from './schema.ts';

/** Something wrong in a policy file; lines and columns count from 1. */
export interface Problem {
  readonly severity: 'error' | 'warning';
  readonly line: number | null;
  readonly column: number | null;
  readonly message: string;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A way into the file: `['rules', 0, 'who', 1]`. */
export type FilePath = readonly (string | number)[];

/** A file that parsed: its content, and where each part stands. */
export interface PolicyFile extends PolicyDocument {
  /** The file's name as the owner gave it. */
  readonly source: string;
  /** Where the value at `path` stands, or the nearest part that contains it. */
  locate(path: FilePath): Position | undefined;
}

export function problemAt(
  severity: Problem['severity'],
  position: Position | undefined,
  message: string,
): Problem {
  return { severity, line: position?.line ?? null, column: position?.column ?? null, message };
}

/** In the order of the file; what has no place stands last. */
export function inFileOrder(problems: readonly Problem[]): Problem[] {
  const line = (problem: Problem): number => problem.line ?? Number.MAX_SAFE_INTEGER;
  return [...problems].sort((a, b) => line(a) - line(b) || (a.column ?? 0) - (b.column ?? 0));
}
