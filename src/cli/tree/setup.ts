import type { CommandSpec } from './command.ts';

export const demoVerb: CommandSpec = {
  name: 'demo',
  summary: 'a sample database, a policy, a governed session: nothing to install first',
  options: [
    { flags: '--keep', description: 'leave it running and print what to try in two terminals' },
    { flags: '--ssh', description: 'a machine reached by SSH instead; needs sshd on this one' },
  ],
  async run(words, { io }) {
    const { run } = await import('../demo.ts');
    return run({ keep: words.flag('keep'), ssh: words.flag('ssh') }, io);
  },
};

export const initVerb: CommandSpec = {
  name: 'init',
  summary: 'state directory, keys, owner identity, approver passphrase',
  details: [
    'Starts the daemon of a new state directory, makes the identity "owner" and stores its token there (mode 0600).',
    'Approving asks for the approver passphrase, so that an agent running as the same user cannot approve for you.',
  ].join('\n'),
  options: [
    {
      flags: '--approver-passphrase-stdin',
      description: 'read the approver passphrase (8 characters or more) from stdin',
    },
  ],
  async run(words, { io, home, json }) {
    const { run } = await import('../init.ts');
    return run({ home, json, passphraseStdin: words.flag('approverPassphraseStdin') }, io);
  },
};

export const doctorVerb: CommandSpec = {
  name: 'doctor',
  summary: 'what is wrong or weak on this machine, each with its fix',
  async run(_words, { io, home, json, clientIfRunning, login }) {
    const { run } = await import('../doctor.ts');
    return run({ home, json, gateway: login().gateway?.url, openClient: clientIfRunning }, io);
  },
};

export const completionVerb: CommandSpec = {
  name: 'completion',
  summary: 'print the completion script of a shell',
  details: [
    'bash:  hoopctl completion bash > ~/.local/share/bash-completion/completions/hoopctl',
    'zsh:   hoopctl completion zsh > ~/.zfunc/_hoopctl   (with ~/.zfunc in fpath)',
    'fish:  hoopctl completion fish > ~/.config/fish/completions/hoopctl.fish',
  ].join('\n'),
  arguments: [{ name: '<shell>', description: 'bash, zsh or fish', completes: ['bash', 'zsh', 'fish'] }],
  async run(words, { io }) {
    const { run } = await import('../completion/print.ts');
    return run({ shell: words.argument('shell') }, io);
  },
};
