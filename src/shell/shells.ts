import type { Surroundings } from './commands.ts';
import type { ShellAction } from './facts.ts';
import type { Redirect } from './script.ts';
import { readsItself } from './script-input.ts';
import type { Word } from './word.ts';

/** `sh -c LINE`, `sh <<EOF`: judged by the line inside; a script file or an input that is computed is unknown. */
export function shellActions(
  name: string,
  command: string,
  args: readonly Word[],
  redirects: readonly Redirect[],
  around: Surroundings,
): readonly ShellAction[] {
  const shell = { bash: name === 'bash' };
  const refuse = (reason: string): readonly ShellAction[] => [{ effect: 'unknown', command, reason }];
  let commandFollows = false;
  let at = 0;
  for (; at < args.length; at++) {
    const option = args[at]?.text;
    if (option === undefined) return refuse('what the shell runs is computed');
    if (/^--(norc|noprofile|login|posix|version)$/.test(option)) continue;
    if (option === '--') {
      at++;
      break;
    }
    if (!/^[-+]/.test(option)) break;
    if (!/^-[ceuxfvnlo]+$|^\+[euxfvo]+$/.test(option))
      return refuse(`what the shell does with ${option} cannot be told`);
    commandFollows ||= option.startsWith('-') && option.includes('c');
    if (option.includes('o') && !/^(pipefail|errexit|nounset|xtrace|noglob)$/.test(args[++at]?.text ?? '')) {
      return refuse('an option of the shell cannot be judged');
    }
  }
  const operand = args[at];
  if (commandFollows) {
    if (operand?.text === undefined) return refuse('the command line for the shell is computed');
    return around.line(operand.text, shell);
  }
  if (operand !== undefined) return refuse('a script in a file is not in the command line');
  const here = redirects.findLast(({ input }) => input);
  if (here?.kind === 'here' && here.body !== undefined) {
    const inside = around.line(here.body, shell);
    const reads = inside.some(({ effect }) => effect !== 'unknown') && takesItself(here.body);
    return reads
      ? [...inside, ...refuse('a command of the script may read what stands behind it: give it </dev/null')]
      : inside;
  }
  return refuse('the shell reads its commands from its input');
}

function takesItself(script: string): boolean {
  try {
    return readsItself(script);
  } catch (error) {
    if (error instanceof SyntaxError) return true;
    throw error;
  }
}
