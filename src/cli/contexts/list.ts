import { chosenContext, openSignIns } from '../../login/open.ts';
import type { Io } from '../io.ts';
import { listing } from '../listing.ts';
import { printDocument } from '../output.ts';
import { shownTime } from '../times.ts';

/** Where commands may go, and where they go now. */
export function run(options: { readonly home: string; readonly json: boolean }, io: Io): void {
  const { contexts } = openSignIns(options.home, io.env);
  const inUse = chosenContext(contexts, io.env).name;
  const rows = contexts.list().map(({ gateway, name, signIn }) => ({
    name,
    inUse: name === inUse,
    url: gateway?.url ?? null,
    trust: gateway?.trust.kind ?? null,
    identity: signIn?.identity ?? null,
    expiresAt: signIn?.expiresAt ?? null,
    renews: signIn?.provider !== undefined,
  }));
  if (options.json) return printDocument(io, { contexts: rows });
  io.out.write(
    listing(
      io.out,
      ['', 'name', 'gateway', 'trusted by', 'signed in as', 'expires'],
      rows.map((row) => [
        row.inUse ? '*' : '',
        row.name,
        row.url ?? 'this machine',
        row.trust ?? '-',
        row.identity ?? '-',
        row.identity === null
          ? '-'
          : row.renews
            ? 'renewed'
            : shownTime(row.expiresAt, io.out, io.now(), 'never'),
      ]),
    ),
  );
}
