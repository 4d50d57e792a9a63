import type { ShellAction } from './facts.ts';
import { PROCESS_SUBSTITUTION } from './read-word.ts';
import type { Redirect } from './script.ts';
import type { Word } from './word.ts';

/** Where bytes come from and go to without a file being touched. */
export const STREAMS = /^\/dev\/(null|zero|stdin|stdout|stderr|tty|fd\/\d+|urandom|random)$/;

/** What opening a redirection does; undefined when it touches nothing. */
export function redirectAction(redirect: Redirect): ShellAction | undefined {
  if (redirect.kind === 'here' || redirect.kind === 'duplicate') return undefined;
  const { kind, target } = redirect;
  const command = `${kind === 'read' ? '<' : '>'} ${target.source}`;
  if (target.text !== undefined && STREAMS.test(target.text)) return undefined;
  // A pipe to or from what runs in it, which is judged by itself.
  if (target.text === undefined && target.source === PROCESS_SUBSTITUTION) return undefined;
  if (
    /^\/dev\/(tcp|udp)\//.test(target.prefix) ||
    (target.text === undefined && '/dev/tcp/'.startsWith(target.prefix) && target.prefix !== '')
  ) {
    return { effect: 'unknown', command, reason: 'it opens a network connection' };
  }
  if (target.text === undefined && target.prefix === '') {
    return { effect: 'unknown', command, reason: `where ${command} leads is computed as it runs` };
  }
  const path = absolutePath(target);
  const place = path === undefined ? {} : { path };
  if (kind === 'read') return { effect: 'read', command, ...place };
  const device = /^\/(dev|proc|sys)(\/|$)/.test(path ?? target.prefix);
  return { effect: device ? 'admin' : 'write', command, ...place };
}

/** Written out and without `.` and `..`; a link on the way is not seen. */
function absolutePath(target: Word): string | undefined {
  if (target.text === undefined || !target.text.startsWith('/')) return undefined;
  const steps = target.text.split('/').filter((step) => step !== '' && step !== '.');
  return steps.includes('..') ? undefined : `/${steps.join('/')}`;
}
