import type { Client } from '../../api/client.ts';
import type { Explanation } from '../../api/schemas.ts';
import { UsageError } from '../../base/errors.ts';
import type { Io } from '../io.ts';
import { fields } from '../listing.ts';
import { printDocument, printLine, say } from '../output.ts';
import { type StatedOptions, statedOf } from '../stated.ts';
import { readTextFile } from '../text-file.ts';
import { visible } from '../visible-text.ts';

export interface ExplainOptions extends StatedOptions {
  readonly json: boolean;
  readonly statement: string | undefined;
  readonly connection: string;
  readonly as: string | undefined;
  readonly policy: string | undefined;
  readonly jsonl: boolean;
}

export async function run(options: ExplainOptions, io: Io, client: Client): Promise<void> {
  if (options.jsonl) return explainMany(options, io, client);
  if (options.statement === undefined) {
    throw new UsageError('missing_argument', 'the statement is missing', {
      next: `hoopctl policy explain --connection ${options.connection} '<statement>'`,
    });
  }
  const explanation = await client.call('policyExplain', {
    body: {
      connection: options.connection,
      statement: options.statement,
      ...(options.as === undefined ? {} : { as: options.as }),
      ...(options.policy === undefined ? {} : { policy: readTextFile(options.policy) }),
      ...statedOf(options),
    },
  });
  if (options.json) printDocument(io, { explanation });
  else printExplanation(io, explanation);
}

async function explainMany(options: ExplainOptions, io: Io, client: Client): Promise<void> {
  if (options.statement !== undefined || options.policy !== undefined) {
    throw new UsageError(
      'conflicting_flags',
      '--jsonl takes its statements from stdin and the applied policy',
    );
  }
  const query = { as: options.as, connection: options.connection, ...statedOf(options) };
  for await (const explanation of client.stream('policyExplainBulk', { query, raw: io.stdin })) {
    printLine(io, explanation);
  }
}

function printExplanation(io: Io, explanation: Explanation): void {
  const { paint } = io.out;
  const colours = { allow: paint.green, approve: paint.yellow, block: paint.red };
  const by =
    explanation.rule === null ? 'no rule matched; the default decides' : `rule "${explanation.rule}"`;
  say(io, `${colours[explanation.decision](explanation.decision)} · ${visible(by)}`);
  const rows: [string, string][] = [];
  const add = (name: string, values: readonly string[]) => {
    values.forEach((value, index) => {
      rows.push([index === 0 ? name : '', value]);
    });
  };
  add('message', explanation.message === null ? [] : [explanation.message]);
  add('effects', [explanation.effects.join(', ')]);
  add('does', explanation.commands);
  add('objects', explanation.objects);
  add('conditions', explanation.conditions);
  add(
    'matched',
    explanation.matched.map(({ name, decision }) => `${name} (${decision})`),
  );
  add(
    'masks',
    explanation.masks.map(({ column, mask }) => `${column} by ${mask}`),
  );
  add(
    'columns',
    (explanation.columns ?? []).map(({ name, from, computed, masks }) => {
      const origin =
        from.length === 0 ? 'no column' : `${computed ? 'computed from ' : ''}${from.join(', ')}`;
      return `${name}: ${origin}${masks.length > 0 ? ` (masked by ${masks.join(', ')})` : ''}`;
    }),
  );
  add('because', explanation.reasons);
  io.out.write(fields(io.out, rows));
}
