/** What a command line does, as data; `src/session/command-line` and protocols hand it to policy. */

export type ShellEffect = 'read' | 'write' | 'admin' | 'unknown';

/** One thing that a command line may do. Every branch of it counts, whether or not it would be reached. */
export interface ShellAction {
  readonly effect: ShellEffect;
  /** The command as it would be typed with plain quoting: `rm -rf /tmp/x`, `> /etc/motd`. */
  readonly command: string;
  /** The absolute path that a redirection opens, where it is written out. */
  readonly path?: string;
  /** Why the effect is `unknown`, in words a user can act on. */
  readonly reason?: string;
}

export interface CommandLineFacts {
  /** Empty for a line that runs nothing. */
  readonly actions: readonly ShellAction[];
}
