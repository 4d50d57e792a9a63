import type { Closing } from './closing.ts';
import { type Stage, wrapLine } from './stage.ts';

/** What every demo has to play with. */
export interface DemoScene {
  readonly stage: Stage;
  /** Its own directory; all that it makes lies below. */
  readonly dir: string;
  readonly closing: Closing;
  readonly keep: boolean;
  /** The approvers'. */
  readonly passphrase: string;
}

export const OWNER = { name: 'owner' } as const;

export function opening({ dir, keep, stage }: DemoScene, words: string): void {
  stage.print(words);
  stage.print(wrapLine(`Everything lives in ${dir}${keep ? '.' : ' and is removed at the end.'}`));
}
