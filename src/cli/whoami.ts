import type { AnswerOf, Client } from '../api/client.ts';
import type { Io } from './io.ts';
import { fields } from './listing.ts';
import { printDocument, say } from './output.ts';
import { shownTime } from './times.ts';
import { visible } from './visible-text.ts';

export async function run(options: { readonly json: boolean }, io: Io, client: Client): Promise<void> {
  const answer = await client.call('whoami', {});
  if (options.json) return printDocument(io, answer);
  const { identity, connections } = answer;
  const open = connections.filter(({ mayConnect }) => mayConnect).map(({ name }) => name);
  say(io, io.out.paint.bold(visible(identity.name)));
  io.out.write(
    fields(io.out, [
      ['kind', identity.kind],
      ['roles', identity.roles.join(', ')],
      ['groups', identity.groups.length === 0 ? '-' : identity.groups.join(', ')],
      ...signInRows(answer, io),
      ['token', `${identity.status}, expires ${shownTime(identity.expiresAt, io.out, io.now(), 'never')}`],
      ['may open', open.length === 0 ? 'nothing' : open.join(', ')],
    ]),
  );
}

/** Where an identity of an identity provider comes from, and for whom a machine acts. */
function signInRows(
  { endUser, signIn }: AnswerOf<'whoami'>,
  io: Io,
): readonly (readonly [name: string, value: string])[] {
  const rows: (readonly [string, string])[] = [];
  if (typeof endUser === 'string') rows.push(['acts for', endUser]);
  if (signIn)
    rows.push([
      'signed in',
      `through ${signIn.issuer}, checked ${shownTime(signIn.checkedAt, io.out, io.now())}`,
    ]);
  return rows;
}
