import { type CommandSpec, YES } from './command.ts';

const ROLES = ['owner', 'approver', 'requester', 'auditor'] as const;
const KINDS = ['person', 'machine'] as const;

export const identityNoun: CommandSpec = {
  name: 'identity',
  summary: 'who may ask, approve, audit, own',
  verbs: [
    {
      name: 'create',
      summary: 'make an identity and print its token, once, as the last line',
      arguments: [{ name: '<name>', description: 'devin, ana@example.com …' }],
      options: [
        {
          flags: '--role <role>',
          description: `${ROLES.join(', ')}; may be repeated`,
          repeat: true,
          completes: ROLES,
        },
        { flags: '--group <group>', description: 'a group it belongs to; may be repeated', repeat: true },
        { flags: '--groups <groups>', description: 'several groups, separated by commas' },
        {
          flags: '--ttl <duration>',
          description: 'how long the token works, as 12h or 30d; default: until revoked',
        },
        {
          flags: '--kind <kind>',
          description: `${KINDS.join(' or ')}; default: from the name and role`,
          completes: KINDS,
        },
      ],
      async run(words, { io, json, client }) {
        const { run } = await import('../identity/create.ts');
        return run(
          {
            json,
            name: words.argument('name'),
            roles: words.list('role'),
            groups: [...words.list('group'), ...(words.text('groups')?.split(',') ?? [])],
            ttl: words.duration('ttl'),
            kind: words.choice('kind', KINDS),
          },
          io,
          await client(),
        );
      },
    },
    {
      name: 'list',
      summary: 'identities, their roles and whether they still work',
      async run(_words, { io, json, client }) {
        const { run } = await import('../identity/list.ts');
        return run({ json }, io, await client());
      },
    },
    {
      name: 'revoke',
      summary: 'end an identity and its live sessions',
      arguments: [{ name: '<name>', description: "the identity's name or id", completes: 'identities' }],
      options: [YES],
      async run(words, { io, json, client }) {
        const { run } = await import('../identity/revoke.ts');
        return run({ json, name: words.argument('name'), yes: words.flag('yes') }, io, await client());
      },
    },
  ],
};

export const whoamiVerb: CommandSpec = {
  name: 'whoami',
  summary: 'the identity you act as, and what it may open',
  async run(_words, { io, json, client }) {
    const { run } = await import('../whoami.ts');
    return run({ json }, io, await client());
  },
};
