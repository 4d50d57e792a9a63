import { statedWords } from '../stated.ts';
import { type CommandSpec, STATED, YES } from './command.ts';

const FILE = { name: '<file>', description: 'the policy file', completes: 'files' } as const;

export const policyNoun: CommandSpec = {
  name: 'policy',
  summary: 'the file that decides about every statement',
  verbs: [
    {
      name: 'check',
      summary: 'find what is wrong in a file; exit 2 when something is',
      arguments: [FILE],
      async run(words, { io, json, client }) {
        const { run } = await import('../policy/check.ts');
        return run({ json, file: words.argument('file') }, io, await client());
      },
    },
    {
      name: 'explain',
      summary: 'what a statement does, which rules match, what is decided',
      details:
        'With --jsonl, stdin holds one {"id", "statement"} a line, and one explanation a line comes back.',
      arguments: [{ name: '[statement]', description: 'the statement; left out with --jsonl' }],
      options: [
        { flags: '--connection <name>', description: 'where it would run', completes: 'connections' },
        { flags: '--as <identity>', description: 'who would run it; default: you', completes: 'identities' },
        { flags: '--policy <file>', description: 'a file instead of the applied policy', completes: 'files' },
        { flags: '--jsonl', description: 'many statements from stdin' },
        ...STATED,
      ],
      async run(words, { io, json, client }) {
        const { run } = await import('../policy/explain.ts');
        return run(
          {
            json,
            statement: words.optional('statement'),
            connection: words.required('connection', '--connection'),
            as: words.text('as'),
            policy: words.text('policy'),
            jsonl: words.flag('jsonl'),
            ...statedWords(words),
          },
          io,
          await client(),
        );
      },
    },
    {
      name: 'test',
      summary: 'run a table of expectations kept beside the policy',
      arguments: [{ name: '<file>', description: 'the expectations', completes: 'files' }],
      options: [
        { flags: '--policy <file>', description: 'a file instead of the applied policy', completes: 'files' },
      ],
      async run(words, { io, json, client }) {
        const { run } = await import('../policy/test.ts');
        return run({ json, file: words.argument('file'), policy: words.text('policy') }, io, await client());
      },
    },
    {
      name: 'diff',
      summary: 'what applying a file would change',
      arguments: [FILE],
      async run(words, { io, json, client }) {
        const { run } = await import('../policy/diff.ts');
        return run({ json, file: words.argument('file') }, io, await client());
      },
    },
    {
      name: 'apply',
      summary: 'make a file the policy; running sessions take it at their next statement',
      arguments: [FILE],
      options: [YES],
      async run(words, { io, json, client }) {
        const { run } = await import('../policy/apply.ts');
        return run({ json, file: words.argument('file'), yes: words.flag('yes') }, io, await client());
      },
    },
  ],
};
