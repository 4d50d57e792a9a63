import { type CommandSpec, YES } from './command.ts';

const SESSION = {
  name: '<session>',
  description: "the session's id, or enough of it",
  completes: 'sessions',
} as const;
const DECISIONS = ['blocked', 'approved', 'denied'] as const;
const STATUSES = ['open', 'closed', 'interrupted'] as const;

export const sessionNoun: CommandSpec = {
  name: 'session',
  summary: 'who was connected to what',
  verbs: [
    {
      name: 'list',
      summary: 'sessions, newest first',
      options: [
        { flags: '--connection <name>', description: 'of this connection', completes: 'connections' },
        { flags: '--identity <name>', description: 'of this identity', completes: 'identities' },
        {
          flags: '--decision <what>',
          description: `with a statement ${DECISIONS.join(', ')}`,
          completes: DECISIONS,
        },
        { flags: '--status <status>', description: STATUSES.join(', '), completes: STATUSES },
        { flags: '--text <text>', description: 'with a statement that contains this' },
        { flags: '--since <time>', description: 'started since: ISO 8601, or a time ago as 2h or 7d' },
        { flags: '--until <time>', description: 'started until' },
        { flags: '--limit <n>', description: 'at most so many; default 200' },
      ],
      async run(words, { io, json, client }) {
        const { run } = await import('../session/list.ts');
        return run(
          {
            json,
            connection: words.text('connection'),
            identity: words.text('identity'),
            decision: words.choice('decision', DECISIONS),
            status: words.choice('status', STATUSES),
            text: words.text('text'),
            since: words.text('since'),
            until: words.text('until'),
            limit: words.wholeNumber('limit', 1, 10_000),
          },
          io,
          await client(),
        );
      },
    },
    {
      name: 'show',
      summary: 'one session in detail',
      arguments: [SESSION],
      async run(words, { io, json, client }) {
        const { run } = await import('../session/show.ts');
        return run({ json, session: words.argument('session') }, io, await client());
      },
    },
    {
      name: 'kill',
      summary: 'end an open session now',
      arguments: [SESSION],
      options: [YES],
      async run(words, { io, json, client }) {
        const { run } = await import('../session/kill.ts');
        return run({ json, session: words.argument('session'), yes: words.flag('yes') }, io, await client());
      },
    },
  ],
};

export const replayVerb: CommandSpec = {
  name: 'replay',
  summary: 'play a session back as it happened',
  arguments: [SESSION],
  options: [
    { flags: '--speed <factor>', description: 'how many times as fast; default 1' },
    { flags: '--no-wait', description: 'everything at once' },
    {
      flags: '--asciicast <file>',
      description: 'SSH: write what programs showed as asciicast v2, for asciinema play',
      completes: 'files',
    },
    {
      flags: '--html <file>',
      description: 'write one page that plays the session in a browser, without any network',
      completes: 'files',
    },
  ],
  async run(words, { io, json, client }) {
    const { run } = await import('../replay.ts');
    const options = {
      json,
      session: words.argument('session'),
      speed: words.text('speed'),
      wait: words.flag('wait'),
      asciicast: words.text('asciicast'),
      html: words.text('html'),
    };
    return run(options, io, await client());
  },
};
