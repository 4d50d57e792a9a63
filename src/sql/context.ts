import type { Catalog } from './catalog.ts';
import type { Collector } from './collector.ts';
import type { TextState } from './text-state.ts';

/** What every part of the analysis is handed: where to look names up, and where facts go. */
export interface Context {
  readonly catalog: Catalog;
  /** Session state as it stands before this statement of the text. */
  readonly state: TextState;
  readonly out: Collector;
  /** Functions and views being looked into, outermost first: ends recursion. */
  readonly within: readonly number[];
  /** Inside a function's body, names that resolve to nothing are its variables. */
  readonly inFunction: boolean;
  /** Plain EXPLAIN: what is only run when the statement executes has no effect. */
  readonly planOnly: boolean;
}

/** Views in views and functions in functions beyond this are not followed. */
export const MAX_DEPTH = 32;
