import { type CommandSpec, PASSPHRASE_STDIN, YES } from './command.ts';

const ID = { name: '<id>', description: 'the approval: ap-7kq2m', completes: 'approvals' } as const;

export const approvalsVerb: CommandSpec = {
  name: 'approvals',
  summary: 'what is waiting; --watch asks about each as it arrives',
  details: [
    'Keys of --watch: a approve, d deny, s show it again, n next, q quit. The passphrase is asked for at each',
    'decision and never kept: whoever can type into this terminal is not therefore an approver.',
  ].join('\n'),
  options: [
    {
      flags: '-w, --watch',
      description: 'show requests as they come (off a terminal: one JSON line per change)',
    },
    { flags: '--all', description: 'decided and ended ones as well' },
  ],
  async run(words, { io, json, client }) {
    const watch = words.flag('watch');
    const { run } = await import('../approvals.ts');
    return run({ json, all: words.flag('all'), watch }, io, await client());
  },
};

export const approveVerb: CommandSpec = {
  name: 'approve',
  summary: 'show the exact statement that waits, and let it run once',
  arguments: [ID],
  options: [YES, PASSPHRASE_STDIN],
  async run(words, { io, json, client }) {
    const { run } = await import('../approve.ts');
    const options = {
      json,
      id: words.argument('id'),
      yes: words.flag('yes'),
      passphraseStdin: words.flag('passphraseStdin'),
    };
    return run(options, io, await client());
  },
};

export const denyVerb: CommandSpec = {
  name: 'deny',
  summary: 'refuse a statement that waits; the requester reads the reason',
  arguments: [ID],
  options: [
    { flags: '-r, --reason <text>', description: 'why; asked for when left out' },
    YES,
    PASSPHRASE_STDIN,
  ],
  async run(words, { io, json, client }) {
    const { run } = await import('../deny.ts');
    const options = {
      json,
      id: words.argument('id'),
      reason: words.text('reason'),
      passphraseStdin: words.flag('passphraseStdin'),
    };
    return run(options, io, await client());
  },
};
