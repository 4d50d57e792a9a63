import type { CommandSpec } from './command.ts';

export const auditNoun: CommandSpec = {
  name: 'audit',
  summary: 'the hash-chained log of every decision',
  verbs: [
    {
      name: 'tail',
      summary: 'the last entries',
      options: [
        { flags: '-f, --follow', description: 'go on with what comes' },
        { flags: '-n, --lines <n>', description: 'how many; default 20' },
      ],
      async run(words, { io, json, client }) {
        const { run } = await import('../audit/tail.ts');
        const lines = words.wholeNumber('lines', 0, 100_000);
        return run({ json, follow: words.flag('follow'), lines }, io, await client());
      },
    },
    {
      name: 'verify',
      summary: 'prove that nothing was changed; exit 1 names the first broken entry',
      async run(_words, { io, json, client }) {
        const { run } = await import('../audit/verify.ts');
        return run({ json }, io, await client());
      },
    },
    {
      name: 'export',
      summary: 'all entries as JSON lines',
      options: [
        { flags: '--since <time>', description: 'from: ISO 8601, or a time ago as 2h or 7d' },
        { flags: '--until <time>', description: 'to' },
        {
          flags: '-o, --output <file>',
          description: 'into a new file instead of stdout',
          completes: 'files',
        },
      ],
      async run(words, { io, client }) {
        const { run } = await import('../audit/export.ts');
        return run(
          { since: words.text('since'), until: words.text('until'), output: words.text('output') },
          io,
          await client(),
        );
      },
    },
  ],
};
