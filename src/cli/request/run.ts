import type { Client } from '../../api/client.ts';
import { UsageError } from '../../base/errors.ts';
import { execute } from '../exec/execution.ts';
import type { Outline } from '../exec/script.ts';
import type { Io } from '../io.ts';
import { followToApproval, settled } from './follow.ts';

export interface RunOptions {
  readonly json: boolean;
  readonly id: string;
  /** Milliseconds to wait for the approval; undefined for not at all. */
  readonly wait: number | undefined;
}

/** Runs what was approved, byte for byte and once. */
export async function run({ id, json, wait }: RunOptions, io: Io, client: Client): Promise<void> {
  const asked = await client.call('approvalShow', { params: { id } });
  if (asked.ahead == null) {
    throw new UsageError('not_ahead', `${id} waits inside a session and runs there`);
  }
  const waits = asked.status === 'pending' && wait !== undefined;
  const approval = waits ? await followToApproval(id, wait, io, client) : settled(asked);
  const { connection, statement } = approval;
  const outline: Outline = async (text) => {
    const answer = await client.call('connectionOutline', { params: { name: connection }, body: { text } });
    return answer.statements ?? undefined;
  };
  const pieces = asked.ahead.pieces.map(({ start, end, line }) => ({
    text: statement.slice(start, end),
    line,
  }));
  await execute(
    {
      json,
      opening: { connection, run: id },
      texts: [statement],
      plan: async () => ({ pieces, apart: undefined }),
      outline,
      // Rows from here would be no part of what was approved.
      copyIn: undefined,
      wait,
    },
    io,
    client,
  );
}
