import { statedWords } from '../stated.ts';
import { APPROVAL, CONNECTION, type CommandSpec, STATED } from './command.ts';

export const requestVerb: CommandSpec = {
  name: 'request',
  summary: 'ask ahead for the approval of a text, to run it later with: hoopctl run ID',
  details: [
    'The text (at most 1 MiB) is judged as in a session of yours: what is blocked is refused at once, what is allowed',
    'needs no request. Approvers see it whole. stdout gets the id; with --no-wait at once, else after the approval.',
    'Once approved it may be run as long again as the rule let it wait. Ctrl-C withdraws it.',
    '',
    '  hoopctl request prod-db -f migration.sql --reason "add the index of OPS-42"',
    '  id=$(hoopctl request prod-db -f migration.sql --reason "…" --no-wait) && hoopctl run "$id" --wait 2h',
    '',
    'Exit codes: 6 blocked by policy, 7 denied, 8 expired, withdrawn or timed out.',
  ].join('\n'),
  arguments: [CONNECTION],
  options: [
    { flags: '-c, --command <sql>', description: 'the text', repeat: true },
    { flags: '-f, --file <file>', description: 'a file that holds it', completes: 'files' },
    ...STATED,
    {
      flags: '--wait <duration>',
      description: 'how long to wait for the decision, as 90s or 20m; default: until the request expires',
    },
    { flags: '--no-wait', description: 'print the id at once' },
  ],
  async run(words, { io, json, client }) {
    const { run } = await import('../request/request.ts');
    const options = {
      json,
      name: words.argument('name'),
      commands: words.list('command'),
      file: words.text('file'),
      ...statedWords(words),
      wait: words.duration('wait'),
      noWait: words.negated('wait'),
    };
    return run(options, io, await client());
  },
};

export const runVerb: CommandSpec = {
  name: 'run',
  summary: 'run a request that was approved: exactly its bytes, once',
  details: [
    'By who asked, on the same connection, through a session that is judged, masked and recorded as any other.',
    'What it would do is looked at once more: where that is more than approvers were shown, a new request is needed.',
    'Output and exit codes are those of exec.',
  ].join('\n'),
  arguments: [APPROVAL],
  options: [
    { flags: '--wait <duration>', description: 'wait so long for the approval; default: not at all' },
  ],
  async run(words, { io, json, client }) {
    const { run } = await import('../request/run.ts');
    return run({ json, id: words.argument('id'), wait: words.duration('wait') }, io, await client());
  },
};

export const withdrawVerb: CommandSpec = {
  name: 'withdraw',
  summary: 'take back a request of yours',
  arguments: [APPROVAL],
  async run(words, { io, json, client }) {
    const { run } = await import('../request/withdraw.ts');
    return run({ json, id: words.argument('id') }, io, await client());
  },
};
