import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { ROOT } from '../tree/root.ts';
import { bashCompletion } from './bash.ts';
import { fishCompletion } from './fish.ts';
import { zshCompletion } from './zsh.ts';

const SHELLS: Readonly<Record<string, (root: typeof ROOT) => string>> = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
};

/** The completion script of a shell. Throws UsageError `unknown_shell`. */
export function completionScript(shell: string): string {
  const make = Object.hasOwn(SHELLS, shell) ? SHELLS[shell] : undefined;
  if (make !== undefined) return make(ROOT);
  throw new UsageError('unknown_shell', `there is no completion for "${shell}"`, {
    next: `hoopctl completion ${Object.keys(SHELLS).join(' | ')}`,
  });
}

export async function run(options: { readonly shell: string }, io: Io): Promise<void> {
  io.out.write(completionScript(options.shell));
}
