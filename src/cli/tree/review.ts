import { APPROVAL, type CommandSpec, PASSPHRASE_STDIN, YES } from './command.ts';

export const approvalsVerb: CommandSpec = {
  name: 'approvals',
  summary: 'what is waiting; --watch asks about each as it arrives',
  arguments: [{ name: '[id]', description: 'the whole card of one: ap-7kq2m', completes: 'approvals' }],
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
  async run(words, { io, json, home, client, login }) {
    const [{ run }, { stepUpAt }] = await Promise.all([import('../approvals.ts'), import('../step-up.ts')]);
    const options = {
      json,
      stepUp: stepUpAt(home, login(), io, json),
      all: words.flag('all'),
      watch: words.flag('watch'),
      gateway: login().gateway !== undefined,
      id: words.optional('id'),
    };
    return run(options, io, await client());
  },
};

export const approveVerb: CommandSpec = {
  name: 'approve',
  summary: 'show the exact statement that waits, and let it run once',
  arguments: [APPROVAL],
  options: [
    { flags: '--comment <text>', description: 'what the requester is to know besides' },
    YES,
    PASSPHRASE_STDIN,
  ],
  async run(words, { io, json, home, client, login }) {
    const [{ run }, { stepUpAt }] = await Promise.all([import('../approve.ts'), import('../step-up.ts')]);
    const options = {
      json,
      stepUp: stepUpAt(home, login(), io, json),
      id: words.argument('id'),
      yes: words.flag('yes'),
      comment: words.text('comment'),
      passphraseStdin: words.flag('passphraseStdin'),
    };
    return run(options, io, await client());
  },
};

export const denyVerb: CommandSpec = {
  name: 'deny',
  summary: 'refuse a statement that waits; the requester reads the reason',
  arguments: [APPROVAL],
  options: [
    { flags: '-r, --reason <text>', description: 'why; asked for when left out' },
    YES,
    PASSPHRASE_STDIN,
  ],
  async run(words, { io, json, home, client, login }) {
    const [{ run }, { stepUpAt }] = await Promise.all([import('../deny.ts'), import('../step-up.ts')]);
    const options = {
      json,
      stepUp: stepUpAt(home, login(), io, json),
      id: words.argument('id'),
      reason: words.text('reason'),
      passphraseStdin: words.flag('passphraseStdin'),
    };
    return run(options, io, await client());
  },
};

export const commentVerb: CommandSpec = {
  name: 'comment',
  summary: 'say something of a request without deciding it; the requester reads it',
  arguments: [APPROVAL, { name: '<text>', description: 'at most 1000 characters' }],
  async run(words, { io, json, client }) {
    const { run } = await import('../comment.ts');
    return run({ json, id: words.argument('id'), text: words.argument('text') }, io, await client());
  },
};
