import { type CommandSpec, YES } from './command.ts';

const FORMATS = ['json', 'slack'] as const;
const NAME = { name: '<name>', description: 'what you call it' };

export const webhookNoun: CommandSpec = {
  name: 'webhook',
  summary: 'who is told of approvals over HTTP; being told decides nothing',
  verbs: [
    {
      name: 'add',
      summary: 'tell a URL of every approval; prints the signing key, once, as the last line',
      details: [
        'The URL is asked for, or read from stdin with --url-stdin: such URLs often hold a secret.',
        'Each message carries Hoopctl-Signature: t=SECONDS,v1=HMAC-SHA256(key, "SECONDS.BODY"). What is not taken',
        'is tried again for about 8 hours, also after a restart.',
      ].join('\n'),
      arguments: [NAME],
      options: [
        { flags: '--url-stdin', description: 'read the URL from stdin' },
        {
          flags: '--format <format>',
          description: 'json, or slack for an incoming webhook of Slack; default json',
          completes: FORMATS,
        },
      ],
      async run(words, { io, json, client }) {
        const { run } = await import('../webhook/add.ts');
        const options = {
          json,
          name: words.argument('name'),
          urlStdin: words.flag('urlStdin'),
          format: words.choice('format', FORMATS) ?? 'json',
        };
        return run(options, io, await client());
      },
    },
    {
      name: 'list',
      summary: 'webhooks and where they point',
      async run(_words, { io, json, client }) {
        const { run } = await import('../webhook/list.ts');
        return run({ json }, io, await client());
      },
    },
    {
      name: 'test',
      summary: 'send one message now and say what became of it',
      arguments: [NAME],
      async run(words, { io, json, client }) {
        const { run } = await import('../webhook/test.ts');
        return run({ json, name: words.argument('name') }, io, await client());
      },
    },
    {
      name: 'remove',
      summary: 'tell it nothing more; what waits for it is dropped',
      arguments: [NAME],
      options: [YES],
      async run(words, { io, json, client }) {
        const { run } = await import('../webhook/remove.ts');
        return run({ json, name: words.argument('name'), yes: words.flag('yes') }, io, await client());
      },
    },
  ],
};
